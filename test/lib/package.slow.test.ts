// The package as `npm pack` makes it, installed into an empty directory: what an application imports and compiles against,
// and the command. Without a registry, or its packages in npm's cache, the parts that install are skipped, with a line.
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const INSTALL_MS = 240_000;
const run = promisify(execFile);

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

const work = await mkdtemp(join(tmpdir(), 'sift-package-'));
afterAll(() => rm(work, { recursive: true, force: true }));

/** A Node as users have it, apart from the one that the repository brings: npm of the PATH runs under it. */
const env = { ...process.env, NODE_OPTIONS: '', npm_config_audit: 'false', npm_config_fund: 'false' };

/** Of a copy: packing builds anew what tests beside this one are reading. */
const pack = async (): Promise<Packed> => {
  const copy = join(work, 'copy');
  const left = new Set([
    'node_modules',
    '.git',
    '.sift',
    '.wrangler',
    'build',
    'dist',
    'test',
    'eval/results',
    'training',
  ]);
  await cp(ROOT, copy, { recursive: true, filter: (path) => !left.has(relative(ROOT, path)) });
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  for (const room of ['local/vectorize/.wrangler/tmp', 'local/.sift']) {
    await mkdir(join(copy, room), { recursive: true });
    await writeFile(join(copy, room, 'left.ts'), 'export {};');
  }
  // .npmrc lets no script run by itself, so npm pack builds nothing
  await run('npm', ['run', 'build'], { cwd: copy, env });
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', work], { cwd: copy, env });
  // npm 11 answers a list, npm 12 an object by names
  const answer = JSON.parse(stdout) as Packed[] | Record<string, Packed>;
  const [packed] = Object.values(answer) as Packed[];
  if (packed === undefined) throw new Error(`npm pack answered ${stdout}`);
  return packed;
};

const packed = await pack();

/** Installs the package alone; undefined, with the reason on stderr, where npm cannot get what it needs. */
const install = (name: string, args: readonly string[]): string | undefined => {
  const directory = join(work, name);
  spawnSync('mkdir', ['-p', directory]);
  spawnSync('npm', ['init', '-y'], { cwd: directory, env });
  const all = ['install', '--prefer-offline', '--ignore-scripts', ...args, join(work, packed.filename)];
  const { status, stderr } = spawnSync('npm', all, { cwd: directory, env, encoding: 'utf8', timeout: INSTALL_MS });
  if (status === 0) return directory;
  if (!/ENOTCACHED|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|network/.test(stderr)) throw new Error(stderr);
  process.stderr.write(`skipped: the installed package, ${name} (npm cannot reach its registry)\n`);
  return undefined;
};

describe('npm pack', () => {
  const paths = packed.files.map(({ path }) => path);

  it('takes what the command and the library need, built', () => {
    for (const path of [
      'dist/client.js',
      'dist/kernel.js',
      'dist/pool.js',
      'dist/workerd/sift.wasm',
      'dist/types/client/wire.d.ts',
      'build/sift.wasm',
      'build/adam.wasm',
      'build/site/index.html',
      'models/base/model.safetensors',
      'models/embedder/model.onnx',
      'cli/bin.mjs',
      'THIRD_PARTY_NOTICES',
    ]) {
      expect(paths).toContain(path);
    }
  });

  it('takes no test, no study and no source that only a build reads', () => {
    expect(paths.filter((path) => /^(test|training|eval\/results|assembly\/(?!build)|\.)/.test(path))).toEqual([]);
    expect(paths.filter((path) => path.endsWith('.tsx'))).toEqual([]);
  });

  it('takes nothing that a run has left beside the sources', () => {
    expect(paths.filter((path) => path.split('/').some((part) => part.startsWith('.')))).toEqual([]);
  });

  it('takes every file that its own TypeScript imports', async () => {
    const kept = new Set(paths);
    const missing: string[] = [];
    for (const path of paths.filter((one) =>
      /^(cli|local|gateway|functions|client|corpus|site|wire|tokenizer)\/.*\.ts$/.test(one),
    )) {
      const text = await readFile(join(ROOT, path), 'utf8');
      for (const [, target = ''] of text.matchAll(/\bfrom '(\.[^']+)'|\bimport\('(\.[^']+)'\)/g)) {
        if (target === '') continue;
        const wanted = join(path, '..', target).replaceAll('\\', '/');
        if (!kept.has(wanted)) missing.push(`${path}: ${wanted}`);
      }
    }
    expect(missing).toEqual([]);
  });
});

const small = install('small', ['--omit=optional']);

describe.runIf(small !== undefined)('installed without its optional packages', () => {
  const directory = small ?? '';

  it('brings neither wrangler, nor workerd, nor a Node', async () => {
    const packages = await readdir(join(directory, 'node_modules'));
    expect(packages.filter((name) => /wrangler|miniflare|workerd|^node-|onnx|esbuild/.test(name))).toEqual([]);
  });

  it('is imported and selects', async () => {
    const script = `
      import { createClient } from 'sift-edge/client';
      import { select, KernelError } from 'sift-edge/kernel';
      import { selectFrom, KernelError as Same } from 'sift-edge/pool';
      const picks = await select({ prompt: [1, 0.9], candidates: [[1, 0], [1, 0], [0, 1]], n: 2 });
      const pool = await selectFrom({ query: async () => [{ id: 'a', vector: [1, 0] }] }, { prompt: [1, 0], n: 1 });
      const client = createClient({ baseURL: 'http://127.0.0.1:1', key: 'k', retries: 0 });
      const error = await client.models().catch((error) => error);
      console.log(JSON.stringify([picks.map(({ index }) => index), pool.picks[0].match.id, error.code, KernelError === Same]));
    `;
    const { stdout } = await run('node', ['--input-type=module', '-e', script], { cwd: directory, env });
    expect(JSON.parse(stdout)).toEqual([[0, 2], 'a', 'connection', true]);
  });

  it('has the commands that ask an edge, on a Node that is new enough', async () => {
    const script = join(directory, 'node_modules/sift-edge/cli/bin.mjs');
    const args = [script, 'corpora', 'show', 'docs', '--server', 'http://127.0.0.1:1', '--key', 'k'];
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: directory, env, encoding: 'utf8' });
    // EX_TEMPFAIL: it came as far as the connection
    expect([status, stderr]).toEqual([75, expect.stringContaining('cannot be reached')]);
  });

  it('gives an application types of its own, checked to the last declaration', async () => {
    const options = { strict: true, skipLibCheck: false, noEmit: true, module: 'NodeNext', target: 'ES2022' };
    const compilerOptions = {
      ...options,
      exactOptionalPropertyTypes: true,
      lib: ['ES2022', 'DOM', 'DOM.Iterable'],
      types: [],
    };
    await writeFile(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['app.mts'] }));
    const program = `
      import { createClient, type SelectBody, SiftError } from 'sift-edge/client';
      import { KernelError, type Pick, select } from 'sift-edge/kernel';
      import { type Match, selectFrom } from 'sift-edge/pool';
      const body: SelectBody = { corpus: 'docs', input: 'text', n: 3, strategy: 'mmr' };
      const client = createClient({ baseURL: '', key: '' });
      const { selection } = await client.select(body);
      export const scores: number[] = selection.picks.map(({ score }) => score);
      for await (const event of client.generate({ model: 'base', prompt: '' })) if (event.type === 'text') event.text.trim();
      export const picks: Pick[] = await select({ prompt: new Float32Array(2), candidates: [[1, 0]], n: 1, degree: undefined });
      interface Row extends Match { readonly text: string }
      const index = { query: async (vector: Float32Array, topK: number): Promise<Row[]> => [] };
      export const texts: string[] = (await selectFrom(index, { prompt: [1, 0], n: 1 })).picks.map(({ match }) => match.text);
      export const codes = (error: unknown) => error instanceof KernelError ? error.code : error instanceof SiftError ? error.status : 0;
      // @ts-expect-error: n is a number
      await select({ prompt: [1], candidates: [[1]], n: '1' });
      // @ts-expect-error: a mistyped option
      await select({ prompt: [1], candidates: [[1]], n: 1, lamda: 1 });
      // @ts-expect-error: a strategy that does not exist
      await client.select({ corpus: 'docs', input: 'text', strategy: 'best' });
    `;
    await writeFile(join(directory, 'app.mts'), program);
    await rm(join(directory, 'node_modules/zod'), { recursive: true, force: true });
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    const { status, stdout } = spawnSync(process.execPath, [compiler], { cwd: directory, encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });
});

const full = install('full', []);
/** npm leaves optional packages out that its own Node is too old for. */
const complete = full !== undefined && existsSync(join(full, 'node_modules/miniflare'));
if (full !== undefined && !complete) {
  const { stdout } = spawnSync('node', ['--version'], { encoding: 'utf8', env });
  process.stderr.write(
    `skipped: serving from the installed package (npm runs under Node ${stdout.trim()}, needs 22)\n`,
  );
}

const bin = (directory: string): string => join(directory, 'node_modules/.bin/sift-edge');

describe.runIf(full !== undefined)('installed whole', () => {
  const directory = full ?? '';

  it('has its command, on whatever Node the PATH has', async () => {
    const { stdout, stderr } = await run(bin(directory), ['--help'], { cwd: directory, env });
    expect(stdout).toContain('Usage: sift-edge');
    expect(stderr).toBe('');
  });

  it.each([
    [
      ['deploy', '--dry-run'],
      /^sift-edge: this needs wrangler, .*: npm i wrangler@\d+\.\d+\.\d+, then the same again$/,
      1,
    ],
    [['destroy', '--dry-run'], /^sift-edge: this needs wrangler, /, 1],
    [['eval', '--quick'], /^eval: --corpus DIR is missing: whose text is it about\? /, 2],
  ])('asks in one sentence for what %j needs and a package does not have', async (args, sentence, code) => {
    const { status, stderr } = spawnSync(bin(directory), args, { cwd: directory, env, encoding: 'utf8' });
    expect([status, stderr.trim().split('\n')]).toEqual([code, [expect.stringMatching(sentence)]]);
  });

  it('says which package npm left out', async () => {
    const hook = new URL('cli/typescript.mjs', `file://${directory}/node_modules/sift-edge/`).href;
    const copy = join(work, 'without');
    await mkdir(join(copy, 'node_modules'), { recursive: true });
    await run('cp', ['-r', join(directory, 'node_modules/sift-edge'), join(copy, 'node_modules/sift-edge')]);
    const there = hook.replace(directory, copy);
    const script = `await import(${JSON.stringify(there.replace('cli/typescript.mjs', 'local/bundle.ts'))})`;
    const all = [`--import=${there}`, '--input-type=module', '-e', script];
    const { status, stderr } = spawnSync(process.execPath, all, { cwd: copy, env, encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain('needs the package esbuild, which npm left out');
  });
});

describe.runIf(complete)('serving from the installed package', () => {
  const directory = full ?? '';
  let server: ChildProcess | undefined;
  let ready: { readonly edge: string; readonly key: string };

  beforeAll(async () => {
    const args = ['serve', '--no-demo', '--json', '--port', '0', '--gateway-port', '0'];
    const { SIFT_STATE: _, ...inherited } = env as NodeJS.ProcessEnv;
    server = spawn(bin(directory), args, { cwd: directory, env: inherited, stdio: ['ignore', 'pipe', 'inherit'] });
    if (server.stdout === null) throw new Error('the server has no stdout');
    const [line] = (await once(createInterface(server.stdout), 'line')) as [string];
    ready = JSON.parse(line);
  });
  afterAll(async () => {
    if (server === undefined || server.exitCode !== null) return;
    server.kill('SIGINT');
    await once(server, 'exit');
  });

  const ask = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${ready.key}`, 'content-type': 'application/json' };
    const response = await fetch(`${ready.edge}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect(response.status).toBe(200);
    return response.json();
  };

  it('selects from the documentation that came with it, and completes', async () => {
    const picked = await ask('/v1/select', { corpus: 'starter', input: 'How do I stream a response?', n: 2 });
    expect(picked.picks).toHaveLength(2);
    const sift = { corpus: 'starter', n: 1 };
    const completed = await ask('/v1/completions', { model: 'base:sift', prompt: 'A stream', max_tokens: 4, sift });
    expect(completed).toMatchObject({ object: 'text_completion', usage: { completion_tokens: 4 } });
  });

  it('serves the playground', async () => {
    const page = await fetch(ready.edge);
    expect(await page.text()).toContain('<script');
  });

  it('keeps its state where it was called, and nothing below node_modules', () => {
    expect(existsSync(join(directory, '.sift/secrets.json'))).toBe(true);
    expect(existsSync(join(directory, 'node_modules/sift-edge/.sift'))).toBe(false);
  });

  it('answers its own command', async () => {
    const args = ['corpora', 'show', 'starter', '--server', ready.edge, '--key', ready.key, '--json'];
    const { stdout } = await run(bin(directory), args, { cwd: directory, env });
    expect(JSON.parse(stdout)).toMatchObject({ object: 'corpus', name: 'starter' });
  });
});
