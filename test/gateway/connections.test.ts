// Connections that hang, drip, vanish or stop reading: the work ends with them, within a bound, on raw sockets.
import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { registryOf } from '../../gateway/backends/registry.ts';
import { type RunningGateway, serveGateway } from '../../gateway/serve.ts';
import { SIGNATURE_HEADER, signRequest } from '../../wire/signature.ts';
import { type FakeOptions, fakeBackend } from './fake-backend.ts';
import { head, rawConnection } from './raw.ts';

const secret = 'a secret of some length';
type Options = Omit<Parameters<typeof serveGateway>[0], 'registry' | 'secret' | 'port'>;

let running: RunningGateway | undefined;
afterEach(async () => {
  await running?.close(0);
  running = undefined;
});

const start = async (fake: FakeOptions, options: Options = {}) => {
  const backend = fakeBackend(fake);
  running = await serveGateway({ registry: registryOf(backend), secret, port: 0, ...options });
  const { url } = running;
  /** A request sent whole on a connection of its own. */
  const send = async (path: string, value: unknown) => {
    const body = new Uint8Array(Buffer.from(JSON.stringify(value)));
    const { header } = await signRequest(secret, { method: 'POST', path, body }, Date.now());
    const raw = await rawConnection(url);
    raw.write(head('POST', path, { [SIGNATURE_HEADER]: header, 'content-length': body.byteLength }));
    raw.write(body);
    return raw;
  };
  return { backend, url, send };
};

const until = async (what: () => boolean, ms = 2_000): Promise<void> => {
  for (const end = Date.now() + ms; !what(); ) {
    if (Date.now() > end) throw new Error(`did not happen within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

// a hundred steps of 100 ms: whatever ends sooner was ended
const SLOW = { stepMs: 100 };
const picks = Array.from({ length: 100 }, (_, i) => ({ id: `${i}`, text: 'one' }));
const CALLS: [string, string, object][] = [
  ['a score', '/v1/score', { model: 'base', text: 'x', picks }],
  ['a completion as JSON', '/v1/tune', { model: 'base', prompt: 'x', picks }],
  ['a stream', '/v1/tune', { model: 'base', prompt: 'x', picks, stream: true }],
];

describe('an edge that goes away', () => {
  it.each(CALLS.flatMap(([name, path, body]) => (['closes', 'resets'] as const).map((how) => [how, name, path, body])))(
    '%s its connection: %s ends within a second or two',
    async (how, _, path, body) => {
      const { backend, send } = await start(SLOW);
      const raw = await send(path as string, body);
      await until(() => backend.log.length > 0);
      if (how === 'closes') raw.socket.end();
      else raw.socket.resetAndDestroy();
      await until(() => backend.live() === 0);
      expect(backend.log.length).toBeLessThan(50);
    },
  );

  it.each(['closes', 'resets'] as const)(
    '%s its connection among several samples: no further one is begun',
    async (how) => {
      const { backend, send } = await start({ ...SLOW, pieces: Array(20).fill('x') });
      const raw = await send('/v1/tune', { model: 'base', prompt: 'x', sampling: { n: 8 } });
      await until(() => backend.live() === 1);
      if (how === 'closes') raw.socket.end();
      else raw.socket.resetAndDestroy();
      await until(() => backend.live() === 0);
      expect(backend.log).toEqual([]);
    },
  );

  it.each(CALLS)('without a word while its turn has not come leaves the line: %s', async (_, path, body) => {
    const { backend, url, send } = await start(SLOW);
    await send('/v1/score', CALLS[0]?.[2]);
    await until(() => backend.live() === 1);
    const raw = await send(path, body);
    const waiting = async () => JSON.parse(await (await fetch(`${url}/health`)).text()).waiting;
    await expect.poll(waiting).toBe(1);
    raw.socket.end();
    await expect.poll(waiting).toBe(0);
    expect(backend.opened).toHaveLength(1);
  });
});

describe('an edge that vanished without closing', () => {
  it('and no longer reads its stream holds the work no longer than the stall limit', async () => {
    // more than all buffers between the two hold
    const pieces = Array.from({ length: 200 }, () => 'x'.repeat(1024 * 1024));
    const { backend, send } = await start({ pieces }, { stallMs: 200 });
    const raw = await send('/v1/tune', { model: 'base', prompt: 'x', stream: true });
    raw.socket.pause();
    await until(() => backend.live() === 1);
    await until(() => backend.live() === 0, 10_000);
    expect(backend.log).not.toContain('generate x 1');
    raw.socket.destroy();
  });

  it('is cut off once nothing went either way for the silent limit', async () => {
    const pieces = Array.from({ length: 200 }, () => 'x'.repeat(1024 * 1024));
    const { send } = await start({ pieces }, { stallMs: 100, clocks: { silentMs: 500 } });
    const raw = await send('/v1/tune', { model: 'base', prompt: 'x', stream: true });
    raw.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    raw.socket.resume();
    const text = await raw.closed();
    expect(text).not.toContain('event: done');
  });

  it.runIf(process.platform === 'linux')('is asked by TCP itself while a score is silent', async () => {
    const { backend, url, send } = await start(SLOW);
    const raw = await send('/v1/score', { model: 'base', text: 'x', picks });
    await until(() => backend.live() === 1);
    const port = (n: number) => `:${n.toString(16).toUpperCase().padStart(4, '0')}`;
    const rows = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map((row) => row.trim().split(/\s+/));
    const row = rows.find(
      ([, local, remote]) =>
        local?.endsWith(port(Number(new URL(url).port))) && remote?.endsWith(port(raw.socket.localPort ?? 0)),
    );
    // the kind of timer that runs: 02 is keep-alive
    expect(row?.[5]).toMatch(/^02:/);
    raw.socket.destroy();
  });
});

describe('a sender that drips', () => {
  const SHORT = { clocks: { headersMs: 150, requestMs: 300, checkMs: 50 } };

  it('its headers is cut off, without a 408', async () => {
    const { url } = await start({}, SHORT);
    const raw = await rawConnection(url);
    raw.write('POST /v1/tune HTTP/1.1\r\nhost: gateway\r\n');
    const drip = setInterval(() => raw.write('x: y\r\n'), 50);
    expect(await raw.closed()).toBe('');
    clearInterval(drip);
  });

  it('its body is cut off, without a 408, and never reaches the backend', async () => {
    const { backend, url } = await start({}, SHORT);
    const body = new Uint8Array(Buffer.from(JSON.stringify({ model: 'base', prompt: 'x'.repeat(100_000) })));
    const { header } = await signRequest(secret, { method: 'POST', path: '/v1/tune', body }, Date.now());
    const raw = await rawConnection(url);
    raw.write(head('POST', '/v1/tune', { [SIGNATURE_HEADER]: header, 'content-length': body.byteLength }));
    const drip = setInterval(() => raw.write(body.subarray(0, 1)), 50);
    expect(await raw.closed()).toBe('');
    clearInterval(drip);
    expect(backend.opened).toEqual([]);
  });

  it('does not end work that takes longer than its request may', async () => {
    const { send } = await start({ stepMs: 50 }, SHORT);
    const raw = await send('/v1/score', { model: 'base', text: 'x', picks: picks.slice(0, 16) });
    expect(await raw.until('"after"')).toMatch(/^HTTP\/1\.1 200 /);
    raw.socket.destroy();
  });

  it.each([
    ['no HTTP at all', 'hello there\r\n\r\n', 'HTTP/1.1 400 '],
    ['headers over their limit', `GET /health HTTP/1.1\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`, 'HTTP/1.1 431 '],
  ])('is told so for %s', async (_, text, answer) => {
    const { url } = await start({});
    const raw = await rawConnection(url);
    raw.write(text);
    expect((await raw.closed()).slice(0, answer.length)).toBe(answer);
  });
});

describe('silence', () => {
  it('in a stream is broken by heartbeat comments', async () => {
    const { send } = await start({ stepMs: 60_000 }, { heartbeatMs: 20 });
    const raw = await send('/v1/tune', { model: 'base', prompt: 'x', picks, stream: true });
    const text = await raw.until(/(: waiting\n\n[^:]*){3}/);
    expect(text).not.toContain('data:');
    raw.socket.destroy();
  });

  it('ends at the deadline, for a score too', async () => {
    const { backend, send } = await start(SLOW, { deadlineMs: 150 });
    const raw = await send('/v1/score', { model: 'base', text: 'x', picks });
    const text = await raw.until('"error"');
    expect(text).toMatch(/^HTTP\/1\.1 504 /);
    expect(text).toContain('"code":"deadline"');
    expect(backend.live()).toBe(0);
    raw.socket.destroy();
  });
});
