// `npm run gateway` as a process: what it refuses, what it prints, and how it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { SIGNATURE_HEADER, signRequest } from '../../wire/signature.ts';
import { request } from './harness.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SECRET = 'a secret of some length';

let children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
});

const run = (args: readonly string[], secret = SECRET) => {
  const child = spawn(process.execPath, ['cli/gateway.ts', ...args], {
    cwd: ROOT,
    env: { ...process.env, GATEWAY_SECRET: secret },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  return child;
};

const ended = async (child: ChildProcess): Promise<{ code: number | null; output: string }> => {
  let output = '';
  child.stdout?.on('data', (data) => {
    output += data;
  });
  child.stderr?.on('data', (data) => {
    output += data;
  });
  const [code] = await once(child, 'close');
  return { code, output };
};

/** The gateway listening, and its log line by line. */
const ready = async (args: readonly string[] = []) => {
  const child = run(['--port', '0', ...args]);
  if (child.stderr === null) throw new Error('no stderr');
  const lines = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
  const until = async (event: string): Promise<{ url?: string }> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`it ended before '${event}'`);
      const line = JSON.parse(value);
      if (line.event === event) return line;
    }
  };
  const { url } = await until('ready');
  if (url === undefined) throw new Error('no url');
  /** A streamed request that takes long, once its first step is made. */
  const busy = async (steps = 200): Promise<Response> => {
    const picks = Array.from({ length: steps }, (_, i) => ({ id: `${i}`, text: `Example ${i}. `.repeat(200) }));
    const body = new Uint8Array(Buffer.from(JSON.stringify({ ...request, picks, stream: true })));
    const { header } = await signRequest(SECRET, { method: 'POST', path: '/v1/tune', body }, Date.now());
    const response = await fetch(`${url}/v1/tune`, { method: 'POST', body, headers: { [SIGNATURE_HEADER]: header } });
    expect(response.status).toBe(200);
    return response;
  };
  return { child, url, until, busy };
};

describe('npm run gateway', () => {
  it.each<[string, string[], string | undefined, string]>([
    ['no secret', [], '', 'GATEWAY_SECRET is missing or shorter than 16 characters'],
    ['a model without a directory', ['--model', 'base'], undefined, "--model is 'base', it must be NAME=DIR"],
    ['one name for two models', ['--model', 'a=x', '--model', 'a=y'], undefined, "--model names 'a' twice"],
    ['an invalid port', ['--port', '70000'], undefined, "--port is '70000', it must be a whole number from 0 to 65535"],
    ['a weight of 0', ['--weight', 'acme=0'], undefined, "--weight is '0', it must be a whole number from 1 to 1000"],
    [
      'a deadline beyond the most',
      ['--deadline', '291'],
      undefined,
      "--deadline is '291', it must be a whole number of",
    ],
    [
      'a drain beyond the most',
      ['--drain', '301'],
      undefined,
      "--drain is '301', it must be a whole number from 0 to 300",
    ],
    ['an option it does not know', ['--colour'], undefined, "Unknown option '--colour'"],
    ['a directory without a model', ['--model', 'base=docs'], undefined, 'docs'],
  ])('refuses %s in a line, with exit code 2', async (_, args, secret, message) => {
    const { code, output } = await ended(run(args, secret));
    expect(code).toBe(2);
    expect(output).toContain(message);
    expect(output).not.toMatch(/\n\s+at /);
  });

  it('says in a line that its port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    try {
      await once(server, 'listening');
      const address = server.address();
      const port = typeof address === 'object' ? address?.port : undefined;
      const { code, output } = await ended(run(['--port', String(port)]));
      expect(code).toBe(2);
      expect(output).toMatch(/^gateway: listen EADDRINUSE[^\n]*\n$/);
    } finally {
      server.close();
    }
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s', async (signal) => {
    const { child } = await ready(['--weight', 'acme=3']);
    const closed = once(child, 'close');
    child.kill(signal);
    expect(await closed).toEqual([0, null]);
  });

  it.each([
    ['ends requests in flight when --drain is over', ['--drain', '0'], 'stopped'],
    ['lets requests in flight finish within --drain', ['--drain', '300'], undefined],
  ])('%s', { timeout: 60_000 }, async (_, args, code) => {
    const { child, busy } = await ready(args);
    const response = await busy(code === undefined ? 4 : 200);
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    const events = await response.text();
    expect(/"code":"(\w+)"/.exec(events)?.[1]).toBe(code);
    expect(events.includes('event: done')).toBe(code === undefined);
    expect(await closed).toEqual([0, null]);
  });

  it('ends at once on a second signal, with 128 and its number', async () => {
    const { child, until, busy } = await ready();
    const response = await busy();
    response.text().catch(() => {});
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    await until('shutting down');
    child.kill('SIGINT');
    expect(await closed).toEqual([130, null]);
  });

  it('goes on when nobody reads its output any more, and ends with 0', async () => {
    const { child, url } = await ready();
    child.stdout?.destroy();
    child.stderr?.destroy();
    expect((await fetch(`${url}/health`)).status).toBe(200);
    const exited = once(child, 'exit');
    child.kill('SIGTERM'); // it logs the shutdown into a closed pipe
    expect(await exited).toEqual([0, null]);
  });
});
