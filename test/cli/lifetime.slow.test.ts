// How npm start and npm run gateway end: by each signal, by kill -9, and when nobody reads their output any more.
// Nothing may be left of the process tree, and the ports must be free again.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { descendants, isAlive } from '../local/processes.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
let scratch: string;
let round = 0;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'sift-lifetime-'));
  await mkdir(join(scratch, 'docs'));
  await writeFile(join(scratch, 'docs', 'a.md'), 'how to brew tea');
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

interface Tree {
  readonly child: ChildProcess;
  /** npm, the shell if any, node, workerd, workers. */
  readonly pids: readonly { readonly pid: number; readonly name: string }[];
  readonly urls: readonly string[];
  stderr: string;
}

let running: Tree | undefined;
afterEach(async () => {
  // what a failed test left
  for (const { pid } of running?.pids ?? []) {
    const left = [{ pid }, ...(await descendants(pid))];
    for (const one of left) if (await isAlive(one.pid)) process.kill(one.pid, 'SIGKILL');
  }
  running = undefined;
});

const ready = z.object({ edge: z.url().optional(), gateway: z.url().optional(), url: z.url().optional() });

/** Runs an npm script until it says, as JSON, where it listens. */
const run = async (script: string, ...args: string[]): Promise<Tree> => {
  const child = spawn('npm', ['run', '--silent', script, '--', ...args], {
    cwd: ROOT,
    // a process group of its own, as a terminal gives it
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      SIFT_STATE: join(scratch, `state-${round++}`),
      GATEWAY_SECRET: 'a secret of this very test',
    },
  });
  const tree: Tree = { child, pids: [], urls: [], stderr: '' };
  running = tree;
  child.stderr?.on('data', (data) => {
    tree.stderr += data;
  });
  running = { ...tree, pids: [{ pid: child.pid as number, name: 'npm' }] };
  // the gateway logs on stderr
  const output = script === 'start' ? child.stdout : child.stderr;
  for await (const line of createInterface({ input: output as NodeJS.ReadableStream })) {
    if (!line.startsWith('{')) continue;
    const said = ready.parse(JSON.parse(line));
    const pids = [{ pid: child.pid as number, name: 'npm' }, ...(await descendants(child.pid as number))];
    const urls = [said.edge, said.gateway, said.url].filter((url) => url !== undefined);
    running = { child, pids, urls, stderr: tree.stderr };
    child.stderr?.on('data', (data) => {
      if (running !== undefined) running.stderr += data;
    });
    return running;
  }
  throw new Error(`${script} ended before it was ready: ${tree.stderr}`);
};

const start = (): Promise<Tree> =>
  run('start', '--json', '--no-demo', '--corpus', join(scratch, 'docs'), '--port', '0', '--gateway-port', '0');
const named = ({ pids }: Tree, name: RegExp): number[] =>
  pids.filter((one) => name.test(one.name)).map(({ pid }) => pid);
/** The Node process that serves: the last of the chain below npm that has children of its own. */
const server = async (tree: Tree): Promise<number> => {
  for (const { pid } of [...tree.pids].slice(1)) {
    if ((await descendants(pid)).some(({ name }) => name.startsWith('workerd'))) return pid;
  }
  throw new Error('no process of the tree has started workerd');
};

const answers = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('connect', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });

const isGone = async ({ pids, urls }: Tree): Promise<void> => {
  const left = async (): Promise<string[]> => {
    const alive = await Promise.all(
      pids.map(async ({ pid, name }) => ((await isAlive(pid)) ? [`${name} ${pid}`] : [])),
    );
    return alive.flat();
  };
  await expect.poll(left, { timeout: 8_000, interval: 100 }).toEqual([]);
  for (const url of urls) expect(await answers(url), url).toBe(false);
};

describe.skipIf(process.platform !== 'linux')('npm start', () => {
  // SIGINT to npm is the gateway's case below: npm and the lifetime are the same
  it('ends whole on SIGTERM to npm', async () => {
    const tree = await start();
    expect(named(tree, /^workerd$/).length).toBe(1);
    tree.child.kill('SIGTERM');
    await isGone(tree);
    expect(tree.stderr).not.toMatch(/Error|at .*:\d+:\d+/);
  });

  it('ends whole on Ctrl-C, which goes to every process of the terminal', async () => {
    const tree = await start();
    process.kill(-(tree.child.pid as number), 'SIGINT');
    await isGone(tree);
    expect(tree.stderr).not.toMatch(/Error|at .*:\d+:\d+/);
  });

  it('ends at once while it probes a model, and keeps nothing of the probe', { timeout: 120_000 }, async () => {
    const model = join(scratch, 'model');
    await cp(join(ROOT, 'models/base'), model, { recursive: true });
    await rm(join(model, 'sift.json'));
    const docs = join(scratch, 'many');
    await mkdir(docs);
    for (let i = 0; i < 12; i++) {
      const words = Array.from({ length: 300 }, (_, j) => `word${(i * 7 + j * j) % 97}`);
      await writeFile(join(docs, `${i}.md`), words.join(' '));
    }
    const state = join(scratch, 'state-probe');
    const flags = ['--json', '--no-demo', '--corpus', docs, '--model', model, '--port', '0', '--gateway-port', '0'];
    const child = spawn('npm', ['run', '--silent', 'start', '--', ...flags], {
      cwd: ROOT,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, SIFT_STATE: state },
    });
    const pid = child.pid as number;
    running = { child, pids: [{ pid, name: 'npm' }], urls: [], stderr: '' };
    let [stdout, stderr] = ['', ''];
    child.stdout?.on('data', (data) => {
      stdout += data;
    });
    const probing = new Promise<void>((resolve) => {
      child.stderr?.on('data', (data) => {
        stderr += data;
        if (stderr.includes('Which learning rate suits')) resolve();
      });
    });
    await Promise.race([probing, once(child, 'exit').then(() => Promise.reject(new Error(stderr)))]);
    const tree = { child, pids: [{ pid, name: 'npm' }, ...(await descendants(pid))], urls: [], stderr };
    process.kill(-pid, 'SIGINT');
    await isGone(tree);
    expect(stdout).toBe('');
    expect(stderr).not.toMatch(/Error|at .*:\d+:\d+/);
    expect((await readdir(state)).filter((name) => name.startsWith('probe'))).toEqual([]);
  });

  it('leaves neither workerd nor workers when node is killed with -9', async () => {
    const tree = await start();
    process.kill(await server(tree), 'SIGKILL');
    await isGone(tree);
  });

  it('ends without a stack when nobody reads its output any more', async () => {
    const piped = spawn(
      'sh',
      [
        '-c',
        `npm run --silent start -- --no-demo --corpus '${join(scratch, 'docs')}' --port 0 --gateway-port 0 | head -1`,
      ],
      {
        cwd: ROOT,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, SIFT_STATE: join(scratch, `state-${round++}`) },
      },
    );
    let [stdout, stderr] = ['', ''];
    piped.stdout.on('data', (data) => {
      stdout += data;
    });
    piped.stderr.on('data', (data) => {
      stderr += data;
    });
    const [code] = await once(piped, 'close');
    expect(code).toBe(0);
    expect(stdout.trim().split('\n').length).toBe(1);
    expect(stderr).not.toMatch(/EPIPE|at .*:\d+:\d+/);
  });

  it('lets an answer in flight finish, and ends at once on the second signal', async () => {
    const tree = await start();
    const edge = tree.urls[0] ?? '';
    // an upload that is not over is a request in flight
    const socket = connect(Number(new URL(edge).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`POST /v1/corpora/x/examples HTTP/1.1\r\nHost: ${new URL(edge).host}\r\nContent-Length: 100\r\n\r\n`);
    await new Promise((resolve) => socket.write('{', resolve));
    await expect.poll(async () => (await fetch(`${edge}/health`)).status).toBe(200);
    const node = await server(tree);
    process.kill(node, 'SIGTERM');
    await expect.poll(() => tree.stderr, { timeout: 8_000 }).toContain('waiting up to 10 s for requests in flight');
    expect(await isAlive(node)).toBe(true);
    process.kill(node, 'SIGTERM');
    await isGone(tree);
  });
});

describe.skipIf(process.platform !== 'linux')('npm run gateway', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('ends whole on %s to npm', async (signal) => {
    const tree = await run('gateway', '--port', '0');
    tree.child.kill(signal);
    await isGone(tree);
  });

  it('leaves no workers when node is killed with -9', async () => {
    const tree = await run('gateway', '--port', '0');
    // npm and the server are both node; the server is below npm, and its workers below it
    const [server] = await descendants(tree.child.pid as number);
    process.kill(server?.pid as number, 'SIGKILL');
    await isGone(tree);
  });
});
