// The GPU server (gateway/gpu, Python) on a CPU: its own tests under pytest, the unmodified Tinker SDK against a server that
// runs as a process, and how such a process ends. Each of pytest's tests is a test here. Skipped, with a line that says
// so, where Python lacks the packages (test/requirements.txt).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { python } from '../python.ts';

const DIRECTORY = fileURLToPath(new URL('../../gateway/gpu/', import.meta.url));
const MODEL = fileURLToPath(new URL('../engine/golden/qwen3', import.meta.url));
const MODULES = ['torch', 'transformers', 'peft', 'tinker', 'starlette', 'uvicorn', 'pydantic', 'zstandard'];
const interpreter = python('the GPU server', [...MODULES, 'prometheus_client', 'httpx', 'pytest']);

/** Every thread that PyTorch would start would wait for the other's. */
const env = { ...process.env, OMP_NUM_THREADS: '1', SIFT_NODE: process.execPath, TINKER_TELEMETRY: '0' };

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
};

interface Running {
  readonly url: string;
  readonly process: ChildProcess;
  /** What it wrote to stderr so far. */
  readonly log: () => string;
}

const startServer = async (command: string): Promise<Running> => {
  const port = await freePort();
  const args = ['-m', 'sift_gpu', '--model', MODEL, '--port', String(port), '--slots', '32', '--slot-rank', '8'];
  const child = spawn(command, args, { cwd: DIRECTORY, env, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (data: Buffer) => {
    log += data.toString();
  });
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server did not start:\n${log}`);
    const ready = await fetch(`${url}/readyz`).catch(() => undefined);
    if (ready?.ok) return { url, process: child, log: () => log };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

interface Outcome {
  readonly name: string;
  readonly result: string;
}

/** Runs all of pytest's tests. */
const runPytest = async (command: string, url: string): Promise<{ outcomes: Outcome[]; output: string }> => {
  const args = ['-m', 'pytest', '-v', '--color=no', '-p', 'no:cacheprovider', 'tests'];
  const child = spawn(command, args, {
    cwd: DIRECTORY,
    env: { ...env, SIFT_GPU_URL: url, COLUMNS: '200' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  await once(child, 'close');
  const lines = output.matchAll(/^tests\/(\S+\.py::.+?) (PASSED|FAILED|ERROR|SKIPPED)\b/gm);
  return { outcomes: Array.from(lines, ([, name = '', result = '']) => ({ name, result })), output };
};

const json = async (url: string, path: string, value: unknown) => {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/v1/${path}`, { method: 'POST', headers, body: JSON.stringify(value) });
  return { status: answer.status, body: (await answer.json()) as Record<string, string> };
};

if (interpreter === undefined) {
  describe.skip('the GPU server', () => {
    it('needs Python with the packages of test/requirements.txt', () => {});
  });
} else {
  const server = await startServer(interpreter);
  const { outcomes, output } = await runPytest(interpreter, server.url);
  afterAll(() => {
    server.process.kill('SIGKILL');
  });

  describe('pytest in gateway/gpu', () => {
    it('runs', () => {
      expect(outcomes.length, output).toBeGreaterThan(60);
      expect(outcomes.filter(({ name }) => name.startsWith('test_sdk.py')).length).toBeGreaterThanOrEqual(3);
    });
    it.each(outcomes)('$name', ({ result }) => {
      expect(result, output.slice(output.indexOf('= FAILURES'))).toMatch(/PASSED|SKIPPED/);
    });
  });

  describe('a server process', () => {
    it('logs paths and states, and no text', () => {
      expect(server.log()).toMatch(/POST \/api\/v1\/forward_backward 200/);
      expect(server.log()).not.toMatch(/Traceback|tml-test|ERROR/);
    });

    it('drains on SIGTERM: what is open may end, nothing new begins, then it goes', async () => {
      const { url } = server;
      const session = (await json(url, 'create_session', { tags: [], sdk_version: 'test' })).body;
      const create = {
        session_id: session.session_id,
        model_seq_id: 0,
        base_model: 'qwen3',
        lora_config: { rank: 4, seed: 1 },
      };
      const { request_id } = (await json(url, 'create_model', create)).body;
      const model = (await json(url, 'retrieve_future', { request_id })).body.model_id;
      server.process.kill('SIGTERM');
      await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(503);
      expect((await json(url, 'create_session', {})).status).toBe(503);
      expect((await json(url, 'create_model', { ...create, model_seq_id: 1 })).status).toBe(503);
      const step = { model_id: model, seq_id: 1, adam_params: { learning_rate: 1e-3 } };
      const promise = (await json(url, 'optim_step', step)).body;
      expect((await json(url, 'retrieve_future', { request_id: promise.request_id })).body).toEqual({ metrics: {} });
      await json(url, `sessions/${session.session_id}/finish`, {});
      if (server.process.exitCode === null) await once(server.process, 'exit');
      expect(server.process.exitCode).toBe(0);
    });
  });
}
