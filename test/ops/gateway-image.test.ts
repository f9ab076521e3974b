// The gateway's image without Docker: the files that its Dockerfile copies, and the packages of its own lock, in a directory of
// their own. The gateway starts there as the image starts it, tunes, and writes nothing.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gatewayModels, gatewayTune } from '../../functions/upstream/client.ts';
import { tuneRequest } from '../../wire/tune/requests.ts';
import { copiesOf, execForm, filesOf, finalStage, instructionsOf, ROOT, read, visible } from './dockerfile.ts';

const DOCKERFILE = 'deploy/gateway/Dockerfile';
const image = finalStage(instructionsOf(read(DOCKERFILE)));
const SECRET = 'a secret of some length';

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly dev?: boolean; readonly integrity?: string }>
  >;
}
const lock: Lock = JSON.parse(read('deploy/gateway/package-lock.json'));
const production = Object.keys(lock.packages).filter((path) => path !== '' && lock.packages[path]?.dev !== true);

const link = (from: string, to: string): void => {
  mkdirSync(dirname(to), { recursive: true });
  try {
    linkSync(from, to);
  } catch {
    cpSync(from, to); // another file system
  }
};
const linkAll = (from: string, to: string): void => {
  if (!statSync(from).isDirectory()) {
    link(from, to);
    return;
  }
  for (const name of readdirSync(from)) linkAll(join(from, name), join(to, name));
};

let app: string;
let secretFile: string;
const children: ChildProcess[] = [];
beforeAll(() => {
  const below = mkdtempSync(join(tmpdir(), 'sift-image-'));
  app = join(below, 'app');
  secretFile = join(below, 'secret');
  writeFileSync(secretFile, `${SECRET}\n`);
  const sees = visible(read(`${DOCKERFILE}.dockerignore`));
  for (const { from, sources, to } of copiesOf(image)) {
    for (const source of sources) {
      if (from !== undefined) continue;
      const target = sources.length > 1 || to.endsWith('/') ? join(to, source.split('/').at(-1) ?? '') : to;
      for (const file of filesOf(source, sees)) link(join(ROOT, file), join(app, target, file.slice(source.length)));
    }
  }
  // what the stage before has made
  const made = copiesOf(image).filter(({ from }) => from === 'build');
  expect(made.flatMap(({ sources }) => sources)).toEqual([
    '/app/package.json',
    '/app/node_modules',
    '/app/build/adam.wasm',
  ]);
  link(join(ROOT, 'deploy/gateway/package.json'), join(app, 'package.json'));
  link(join(ROOT, 'build/adam.wasm'), join(app, 'build/adam.wasm'));
  for (const path of production) {
    if (path === 'node_modules/onnxruntime-node') continue;
    linkAll(join(ROOT, path), join(app, path));
  }
  // half of a gigabyte is for other systems
  const native = 'node_modules/onnxruntime-node';
  for (const name of readdirSync(join(ROOT, native))) {
    if (name !== 'bin') linkAll(join(ROOT, native, name), join(app, native, name));
  }
  const system = `${native}/bin/napi-v6/${process.platform}`;
  linkAll(join(ROOT, system), join(app, system));
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(dirname(app), { recursive: true, force: true });
});

const listed = (directory: string): string[] => readdirSync(directory, { recursive: true }).map(String).sort();

/** The gateway as ENTRYPOINT and CMD start it, on a free port of loopback. */
const start = async () => {
  const words = [...execForm(image, 'ENTRYPOINT'), ...execForm(image, 'CMD')].slice(1);
  words[words.indexOf('--host') + 1] = '127.0.0.1';
  words[words.indexOf('--port') + 1] = '0';
  const env = { PATH: process.env.PATH ?? '', NODE_ENV: 'production', GATEWAY_SECRET_FILE: secretFile };
  const child = spawn(process.execPath, words, { cwd: app, env, stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(child);
  let output = '';
  for await (const line of createInterface({ input: child.stderr })) {
    output += `${line}\n`;
    const { event, url } = line.startsWith('{') ? JSON.parse(line) : {};
    if (event === 'ready') return { child, url: String(url) };
  }
  throw new Error(`it ended: ${output}`);
};

describe('the image of the gateway', () => {
  it('holds no tests, no GPU server, no packages of development and nothing of the edge', () => {
    const top = readdirSync(app).sort();
    expect(top).toEqual(
      [
        'LICENSE',
        'THIRD_PARTY_NOTICES',
        'build',
        'cli',
        'gateway',
        'health.mjs',
        'models',
        'node_modules',
        'package.json',
        'tokenizer',
        'wire',
      ].sort(),
    );
    expect(existsSync(join(app, 'gateway/gpu'))).toBe(false);
    for (const name of ['wrangler', 'miniflare', 'esbuild', 'assemblyscript', 'vitest', 'onnxruntime-web']) {
      expect(existsSync(join(app, 'node_modules', name)), name).toBe(false);
    }
  });

  it('starts, is healthy, tunes on the bundled model, writes nothing, and ends with 0 when it is stopped', async () => {
    const before = listed(app);
    const { child, url } = await start();
    const health = (port: string) => spawnSync(process.execPath, ['health.mjs', port], { cwd: app, encoding: 'utf8' });
    const { port } = new URL(url);
    expect(health(port).status).toBe(0);
    const gateway = { GATEWAY_URL: url, GATEWAY_SECRET: SECRET };
    const signal = AbortSignal.timeout(60_000);
    expect((await gatewayModels(gateway, signal)).map(({ id }) => id)).toEqual(['base']);
    const picks = [{ id: 'a', text: 'The kernel is written in AssemblyScript.' }];
    const body = tuneRequest.parse({
      model: 'base',
      prompt: 'The kernel is',
      picks,
      stream: true,
      sampling: { max_tokens: 4 },
    });
    const told = await Array.fromAsync(await gatewayTune(gateway, body, signal));
    expect(told.filter(({ event }) => event === 'step').length).toBe(1);
    expect(told.at(-1)?.event).toBe('done');
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    expect(await closed).toEqual([0, null]);
    const away = health(port);
    expect([away.status, away.stderr]).toEqual([1, expect.stringMatching(/./)]);
    expect(listed(app)).toEqual(before);
  }, 90_000);

  it('installs the versions that the repository is tested with, each with its hash', () => {
    const own = JSON.parse(read('deploy/gateway/package.json'));
    const root = JSON.parse(read('package.json'));
    const dependencies = { ...root.devDependencies, ...root.optionalDependencies, ...root.dependencies };
    for (const [name, version] of Object.entries({ ...own.dependencies, ...own.devDependencies })) {
      expect(dependencies[name], name).toBe(version);
    }
    const tested: Lock = JSON.parse(read('package-lock.json'));
    for (const path of Object.keys(lock.packages).filter((name) => name !== '')) {
      const { version, integrity } = lock.packages[path] ?? {};
      expect([path, version, integrity]).toEqual([
        path,
        tested.packages[path]?.version,
        expect.stringMatching(/^sha512-/),
      ]);
    }
    const { '': top } = lock.packages as Record<string, { dependencies?: object; devDependencies?: object }>;
    expect([top?.dependencies, top?.devDependencies]).toEqual([own.dependencies, own.devDependencies]);
  });
});
