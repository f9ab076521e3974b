// Our GPU server (gateway/gpu, Python) behind the `tinker` backend: the contract of every backend, and the same numbers as
// the embedded engine from the same checkpoint, examples and seed. Skipped, with a line, without Python and its packages.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, OpenOptions, Session } from '../../gateway/backends/contract.ts';
import { createEmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import { tinkerConfig } from '../../gateway/backends/tinker/config.ts';
import { createTinkerBackend } from '../../gateway/backends/tinker/index.ts';
import { describeBackend } from '../gateway/backend-contract.ts';
import { python } from '../python.ts';
import { tinyCheckpoint } from './tiny-checkpoint.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DIRECTORY = `${ROOT}models/base`;
const GPU = `${ROOT}gateway/gpu`;

/** Milliseconds for importing PyTorch and loading a model, on a busy machine. */
const START_MS = 180_000;

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
};

/** By their address. */
const children = new Map<string, ChildProcess>();
afterAll(() => {
  for (const child of children.values()) child.kill('SIGKILL');
});

/** A server with a model, once it answers. */
const startServer = async (interpreter: string, model: string): Promise<string> => {
  const port = await freePort();
  const args = [
    '-m',
    'sift_gpu',
    '--model',
    `base=${model}`,
    '--port',
    String(port),
    '--threads',
    '1',
    '--slots',
    '16',
  ];
  const env = { ...process.env, OMP_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' };
  const child = spawn(interpreter, [...args, '--device', 'cpu', '--log-level', 'error'], {
    cwd: GPU,
    env,
    stdio: 'pipe',
  });
  const url = `http://127.0.0.1:${port}`;
  children.set(url, child);
  let said = '';
  child.stderr?.on('data', (data) => {
    said += data;
  });
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}: ${said.slice(-2_000)}`);
    const answer = await fetch(`${url}/api/v1/get_server_capabilities`).catch(() => undefined);
    if (answer?.ok) return url;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
};

const backendOf = async (...urls: string[]): Promise<Backend> =>
  createTinkerBackend({
    name: 'gpu',
    config: tinkerConfig.parse({
      type: 'tinker',
      servers: urls.map((url) => ({ url })),
      models: [{ name: 'base' }],
    }),
    env: {},
  });

const missing = existsSync(GPU) ? undefined : 'gateway/gpu is not there';
if (missing !== undefined) process.stderr.write(`skipped: the GPU server's contract (${missing})\n`);
const modules = ['torch', 'transformers', 'starlette', 'uvicorn', 'pydantic', 'google.protobuf', 'zstandard'];
const interpreter =
  missing === undefined
    ? python("the GPU server's contract", [...modules, 'prometheus_client', 'safetensors'])
    : undefined;

describe.skipIf(interpreter === undefined)('our GPU server', () => {
  let urls: string[] = [];
  beforeAll(async () => {
    // the first is small, since the contract has some hundreds of passes; the last is one more like it
    const tiny = tinyCheckpoint();
    urls = await Promise.all([tiny, DIRECTORY, tiny].map((model) => startServer(interpreter ?? '', model)));
  }, START_MS);

  describeBackend('our GPU server', () => backendOf(urls[0] ?? ''));

  it('killed in the middle of requests is one clean fault for each of them; the rest go on, and nothing stays behind', async () => {
    const [first = '', , second = ''] = urls;
    const never = new AbortController().signal;
    const backend = await backendOf(first, second);
    const optimiser = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
    const options = { model: 'base', method: 'lora', rank: 4, seed: 1, reuseGradients: false, optimiser } as const;
    try {
      const sessions = await Promise.all(Array.from({ length: 4 }, () => backend.open(options, never)));
      const begun: PromiseWithResolvers<void>[] = sessions.map(() => Promise.withResolvers<void>());
      const work = sessions.map(async (session, i) => {
        let steps = 0;
        for await (const _ of session.train(Array(60).fill('a text to be learnt'), never)) {
          steps += 1;
          begun[i]?.resolve();
        }
        return steps;
      });
      const outcomes = Promise.allSettled(work);
      await Promise.all(begun.map(({ promise }) => promise));
      children.get(second)?.kill('SIGKILL');
      const settled = await outcomes;
      const done = settled.filter(({ status }) => status === 'fulfilled');
      const failed = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
      // two sessions each, since the one with the fewest gets the next
      expect([done.length, failed.length]).toEqual([2, 2]);
      for (const error of failed) expect(error.fault).toMatchObject({ kind: 'backend' });
      await Promise.all(sessions.map((session) => session.close()));
      const next = await backend.open(options, never);
      expect((await Array.fromAsync(next.train(['a text'], never))).length).toBe(1);
      await next.close();
      await expect
        .poll(async () => (await (await fetch(`${first}/metrics`)).text()).includes('sift_gpu_sessions 0.0'))
        .toBe(true);
    } finally {
      await backend.close();
    }
  });

  describe('beside the embedded engine', () => {
    let backends: Backend[] = [];
    beforeAll(async () => {
      backends = [await createEmbeddedBackend({ models: { base: DIRECTORY } }), await backendOf(urls[1] ?? '')];
    });
    afterAll(() => Promise.all(backends.map((backend) => backend.close())));

    const never = new AbortController().signal;
    const EXAMPLES = [
      "const greet = (name: string): string => 'Hello, ' + name + '!';",
      'Größe: 🌍 — a text with characters of several bytes.',
      'def greet(name):\n    return f"Hello, {name}!"\n',
      "const greet = (name: string): string => 'Hello, ' + name + '!';",
    ];
    const greedy = { maxTokens: 24, temperature: 0, topP: 1, topK: 0, stop: [], seed: 0 };

    const work = async (session: Session) => {
      const before = await session.score('A context, and ', 'a text that follows it.', never);
      const base = await Array.fromAsync(session.losses(EXAMPLES, never));
      const steps = await Array.fromAsync(session.train(EXAMPLES, never));
      const after = await session.score('A context, and ', 'a text that follows it.', never);
      const long = await session.score('', 'A sentence of some words. '.repeat(200), never);
      let text = '';
      for await (const piece of session.generate('const greet = ', greedy, never)) text += piece.text;
      return { before, base, steps, after, long, text };
    };

    it.each<[string, Partial<OpenOptions>]>([
      ['LoRA of rank 8', { method: 'lora', rank: 8 }],
      ['LoRA of rank 3, another seed, with weight decay', { method: 'lora', rank: 3, seed: 77 }],
      ['full fine-tuning', { method: 'full' }],
    ])('the same losses after every step, scores and greedy continuation: %s', async (_, changes) => {
      const results = [];
      for (const backend of backends) {
        const lora = changes.method === 'lora';
        const optimiser = {
          learningRate: lora ? 5e-3 : 5e-4,
          beta1: 0.9,
          beta2: 0.999,
          epsilon: 1e-8,
          weightDecay: changes.seed === undefined ? 0 : 0.1,
        };
        const options = { model: 'base', method: 'lora', rank: 8, seed: 5, reuseGradients: false, optimiser } as const;
        const session = await backend.open({ ...options, ...changes }, never);
        try {
          results.push(await work(session));
        } finally {
          await session.close();
        }
      }
      const [ours, theirs] = results;
      if (ours === undefined || theirs === undefined) throw new Error('no results');
      const close = (a: number, b: number): void => expect(Math.abs(a - b) / Math.abs(b)).toBeLessThan(1e-4);
      expect(theirs.steps.map(({ tokens }) => tokens)).toEqual(ours.steps.map(({ tokens }) => tokens));
      for (const [i, { loss }] of ours.steps.entries()) close(theirs.steps[i]?.loss ?? Number.NaN, loss);
      for (const [i, loss] of ours.base.entries()) close(theirs.base[i] ?? Number.NaN, loss);
      for (const which of ['before', 'after', 'long'] as const) {
        close(theirs[which].bits, ours[which].bits);
        expect([theirs[which].bytes, theirs[which].tokens]).toEqual([ours[which].bytes, ours[which].tokens]);
      }
      // the steps changed something, so that what is equal is not the base's
      expect(ours.after.bits).not.toBeCloseTo(ours.before.bits, 2);
      expect(theirs.text).toBe(ours.text);
    });
  });
});
