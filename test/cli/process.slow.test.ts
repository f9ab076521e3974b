// sift-edge as a process: signals, pipes, and the exit codes that a shell sees. The edge is the one that serve starts.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type RunningEdge, startEdge } from '../../local/edge.ts';
import { embedderFiles } from '../../local/embedder.ts';
import { edgeAt, GATEWAY_SECRET, KEY } from '../edge/harness.ts';
import { type OpenAiGateway, openAiGateway } from '../edge/openai-gateway.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BIN = join(ROOT, 'cli/bin.mjs');
let scratch: string;
let gateway: OpenAiGateway;
let edge: RunningEdge;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'sift-process-'));
  gateway = await openAiGateway();
  edge = await startEdge({
    root: ROOT,
    state: join(scratch, 'edge'),
    embedder: await embedderFiles(join(ROOT, 'models/embedder')),
    ...{ port: 0, apiKey: KEY, gatewayUrl: gateway.url, gatewaySecret: GATEWAY_SECRET, defaultCorpus: '' },
  });
  // more than a pipe holds
  const lines = Array.from({ length: 12 }, (_, i) => ({ id: `example-${i}`, vector: vectorOf(i), text: LONG }));
  await edgeAt(new URL(edge.url)).upload('docs', lines);
});
afterAll(async () => {
  await edge?.close();
  await gateway?.close();
  await rm(scratch, { recursive: true, force: true });
});
let running: ChildProcess | undefined;
afterEach(() => {
  gateway.tuning = undefined;
  running?.kill('SIGKILL');
});

const LONG = 'a line of a long text\n'.repeat(2_000);
const vectorOf = (i: number): number[] => Array.from({ length: 256 }, (_, j) => (j === i % 256 ? 1 : (i * j) % 7));

const env = () => ({ ...process.env, SIFT_SERVER: edge.url, SIFT_KEY: KEY, SIFT_STATE: join(scratch, 'state') });

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const begin = (args: readonly string[], node = process.execPath, more: object = {}) => {
  const child = spawn(node, [BIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...env(), ...more } });
  running = child;
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const ended = once(child, 'close').then(([code]): Ended => ({ code, stdout, stderr }));
  return { child, ended };
};
const run = (...args: string[]): Promise<Ended> => begin(args).ended;

/** What the gateway is told: work begins, and never ends by itself. */
const endless = () => {
  const began = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  gateway.tuning = async (_, exchange) => {
    await exchange.stream();
    await exchange.events({ event: 'token', index: 0, text: 'Hel', tokens: 1 });
    began.resolve();
    await exchange.gone();
    left.resolve();
  };
  return { began: began.promise, left: left.promise };
};

describe('the process sift-edge', () => {
  it('streams text to its end', async () => {
    expect(await run('complete', 'Say ')).toEqual({ code: 0, stdout: 'Hello\n', stderr: '' });
  });

  it.each<[string[], number, string]>([
    [['corpora', 'show', 'nothing'], 1, "there is no corpus 'nothing'"],
    [['complete', '--max-tokens', 'many', 'x'], 2, "--max-tokens is 'many'"],
    [['no-such-command'], 2, "unknown command 'no-such-command'"],
    [['corpora', 'list', '--key', 'wrong'], 4, 'key'],
    [['corpora', 'list', '--server', 'http://127.0.0.1:1'], 75, 'http://127.0.0.1:1/v1/corpora'],
  ])('ends %j with %i, in one line and one object', async (args, code, message) => {
    const [plain, json] = await Promise.all([run(...args), run(...args, '--json')]);
    expect([plain.code, plain.stdout]).toEqual([code, '']);
    expect(plain.stderr).toContain(message);
    expect(plain.stderr.trim().split('\n')).toHaveLength(1);
    expect(json.code).toBe(code);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { exit: code, message: expect.stringContaining(message) } });
  });

  it('ends with 130 on Ctrl-C, and the gateway’s work stops', async () => {
    const { began, left } = endless();
    const { child, ended } = begin(['complete', 'Say ']);
    child.stdout?.once('data', () => child.kill('SIGINT'));
    await began;
    const { code, stdout, stderr } = await ended;
    expect([code, stdout, stderr]).toEqual([130, 'Hel', '']);
    await left;
  });

  it.each([
    ['select', ['select', '--corpus', 'docs']],
    ['an ingest', ['ingest', '-', '--corpus', 'docs', '--as', 'jsonl', '--dry-run']],
  ])('ends %s on Ctrl-C that waits for an input which does not come', async (_, args) => {
    const child = spawn(process.execPath, [BIN, ...args], { stdio: ['pipe', 'ignore', 'inherit'], env: env() });
    running = child;
    // nobody says when it reads; one that has not come so far yet ends by the signal itself
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([130, null]);
  });

  it('is quiet when its reader leaves', async () => {
    const command = `"${process.execPath}" "${BIN}" corpora export docs | head -1; echo "\${PIPESTATUS[0]}"`;
    const child = spawn('bash', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'], env: env() });
    const [stdout, stderr] = await Promise.all([child.stdout, child.stderr].map((stream) => text(stream)));
    expect([stdout?.split('\n').slice(1), stderr]).toEqual([['0', ''], '']);
    expect(stdout).toMatch(/^\{"id":"example-0"/);
  });

  it('is quiet when nobody reads its help', async () => {
    const command = `"${process.execPath}" "${BIN}" serve --help | true; echo "\${PIPESTATUS[0]}"`;
    const child = spawn('bash', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'], env: env() });
    expect(await Promise.all([child.stdout, child.stderr].map((stream) => text(stream)))).toEqual(['0\n', '']);
  });

  it('finds the key of this machine for the edge of this machine alone', async () => {
    const state = join(scratch, 'with-key');
    await mkdir(state);
    await writeFile(join(state, 'secrets.json'), JSON.stringify({ apiKey: KEY, gatewaySecret: 'x'.repeat(32) }));
    const other = await begin(['corpora', 'list'], process.execPath, { SIFT_KEY: '', SIFT_STATE: state }).ended;
    // its port is not the usual one
    expect([other.code, other.stderr]).toEqual([
      4,
      'sift-edge: no key: give --key KEY or set SIFT_KEY (serve prints the key of this machine when it starts)\n',
    ]);
  });

  it('says its version and its commands', async () => {
    const [version, help, none] = await Promise.all([run('--version'), run('--help'), run()]);
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(help.stdout).toMatch(/ {2}serve [\s\S]* {2}completion /);
    expect([none.code, none.stdout]).toEqual([2, '']);
  });
});

/** A Node that does not run TypeScript by itself, from PATH or SIFT_OLD_NODE. */
const oldNode = (): string | undefined => {
  const found = (process.env.PATH ?? '')
    .split(':')
    .filter((directory) => !directory.includes('node_modules'))
    .map((directory) => join(directory, 'node'));
  const named = process.env.SIFT_OLD_NODE;
  for (const path of named === undefined ? [...found, '/usr/local/bin/node', '/usr/bin/node'] : [named]) {
    const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
    const major = Number(/^v(\d+)\./.exec(stdout ?? '')?.[1] ?? Number.NaN);
    if (major >= 20 && major < 25) return path;
  }
  process.stderr.write('skipped: sift-edge under an old Node (no Node 20 to 24 in PATH; SIFT_OLD_NODE may name one)\n');
  return undefined;
};

const old = oldNode();
describe.skipIf(old === undefined)('sift-edge under an old Node', () => {
  const begun = (...args: string[]) => begin(args, old);

  it('goes on with the Node that npm brought, with its exit code', async () => {
    expect(await begun('complete', 'Say ').ended).toEqual({ code: 0, stdout: 'Hello\n', stderr: '' });
    expect((await begun('corpora', 'show', 'nothing').ended).code).toBe(1);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('passes %s on, and the work stops', async (signal, code) => {
    const { left } = endless();
    const { child, ended } = begun('complete', 'Say ');
    child.stdout?.once('data', () => child.kill(signal));
    expect((await ended).code).toBe(code);
    await left;
  });
});
