// Who gets in: what the gateway decides by a request's header alone, before it reads a byte of its body.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { registryOf } from '../../gateway/backends/registry.ts';
import { NonceMemory } from '../../gateway/nonces.ts';
import { type RunningGateway, serveGateway } from '../../gateway/serve.ts';
import { SIGNATURE_HEADER, signRequest, verifyResponse } from '../../wire/signature.ts';
import { fakeBackend } from './fake-backend.ts';
import { head, rawConnection } from './raw.ts';

const secret = 'a secret of some length';
const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const request = bytes(JSON.stringify({ model: 'base', prompt: 'Say' }));
const MEBIBYTE = 1024 * 1024;

let running: RunningGateway | undefined;
afterEach(async () => {
  await running?.close(0);
  running = undefined;
});

const start = async (options: { nonces?: NonceMemory; nowMs?: () => number } = {}) => {
  const backend = fakeBackend();
  running = await serveGateway({ registry: registryOf(backend), secret, port: 0, ...options });
  return { backend, url: running.url };
};

const sign = (body: Uint8Array<ArrayBuffer>, { path = '/v1/tune', key = secret, atMs = Date.now() } = {}) =>
  signRequest(key, { method: 'POST', path, body }, atMs);
const send = (url: string, header: string, body: Uint8Array<ArrayBuffer>, path = '/v1/tune') =>
  fetch(url + path, { method: 'POST', body, headers: { [SIGNATURE_HEADER]: header } });
const errorOf = async (response: Response) => JSON.parse(await response.text()).error;

describe('a request without a right signature', () => {
  it.each<[string, () => Promise<Record<string, string>>, string]>([
    ['no header', async () => ({}), 'no sift-signature header'],
    ['a header of another form', async () => ({ [SIGNATURE_HEADER]: 't=1' }), 'is not t='],
    [
      'another secret',
      async () => ({ [SIGNATURE_HEADER]: (await sign(request, { key: 'another secret of some length' })).header }),
      'it does not match the request',
    ],
    [
      'another path',
      async () => ({ [SIGNATURE_HEADER]: (await sign(request, { path: '/v1/score' })).header }),
      'it does not match the request',
    ],
    [
      'a time two minutes ago',
      async () => ({ [SIGNATURE_HEADER]: (await sign(request, { atMs: Date.now() - 120_000 })).header }),
      's off this clock',
    ],
  ])('is refused before its body comes, and cut off if the body never does: %s', async (_, headers, why) => {
    const { backend, url } = await start();
    const raw = await rawConnection(url);
    raw.write(head('POST', '/v1/tune', { ...(await headers()), 'content-length': 16 * MEBIBYTE }));
    const text = await raw.until('"error"');
    expect(text).toMatch(/^HTTP\/1\.1 401 /);
    expect(text).toContain(why);
    // nobody's nonce: there is nothing to sign for
    expect(text.toLowerCase()).not.toContain('sift-signature:');
    // the rest is not waited for
    await raw.closed();
    expect(backend.opened).toEqual([]);
  });

  it('does not have its body held in memory', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const held = () => {
      collect();
      return process.memoryUsage().arrayBuffers;
    };
    const { url } = await start();
    const senders = await Promise.all(Array.from({ length: 20 }, () => rawConnection(url)));
    for (const raw of senders) raw.write(head('POST', '/v1/tune', { 'content-length': 16 * MEBIBYTE }));
    const before = held();
    // the same mebibyte each time, so that what grows is the server's
    const body = new Uint8Array(MEBIBYTE);
    let most = 0;
    for (let round = 0; round < 15; round++) {
      await Promise.all(senders.map(({ socket }) => new Promise((resolve) => socket.write(body, resolve))));
      most = Math.max(most, held() - before);
    }
    expect(most).toBeLessThan(60 * MEBIBYTE);
    for (const { socket } of senders) socket.destroy();
  });
});

describe('a request with a right signature', () => {
  it('is refused if its body is another', async () => {
    const { backend, url } = await start();
    const { header } = await sign(request);
    const response = await send(url, header, bytes(JSON.stringify({ model: 'base', prompt: 'Sat' })));
    expect(response.status).toBe(401);
    expect((await errorOf(response)).message).toContain('its body is not the one that was signed');
    expect(backend.opened).toEqual([]);
  });

  it('is refused a second time, before its body comes', async () => {
    const { backend, url } = await start();
    const { header } = await sign(request);
    expect((await send(url, header, request)).status).toBe(200);
    const raw = await rawConnection(url);
    raw.write(head('POST', '/v1/tune', { [SIGNATURE_HEADER]: header, 'content-length': request.byteLength }));
    const text = await raw.until('"error"');
    expect(text).toMatch(/^HTTP\/1\.1 401 /);
    expect(text).toContain('it was used before');
    raw.socket.destroy();
    expect(backend.opened).toHaveLength(1);
  });

  it('counts as used even if its body never came whole', async () => {
    const { backend, url } = await start();
    const { header } = await sign(request);
    const raw = await rawConnection(url);
    raw.write(head('POST', '/v1/tune', { [SIGNATURE_HEADER]: header, 'content-length': request.byteLength }));
    raw.write(request.subarray(0, 5));
    // others are served meanwhile, so that the first header has surely been looked at
    for (let i = 0; i < 3; i++) {
      const { header: other } = await sign(bytes('{}'));
      await (await send(url, other, bytes('{}'))).text();
    }
    raw.socket.resetAndDestroy();
    const second = await send(url, header, request);
    expect(second.status).toBe(401);
    expect((await errorOf(second)).message).toContain('it was used before');
    expect(backend.opened).toEqual([]);
  });

  it('is told that the memory of nonces is full, signed and with the time to wait, and gets in then', async () => {
    let nowMs = 1_800_000_000_000;
    const { backend, url } = await start({ nonces: new NonceMemory(2), nowMs: () => nowMs });
    const ask = async () => {
      const { header, nonce } = await sign(request, { atMs: nowMs });
      const response = await send(url, header, request);
      const body = new Uint8Array(await response.arrayBuffer());
      const signature = response.headers.get(SIGNATURE_HEADER);
      expect(await verifyResponse(secret, signature, nonce, response.status, body)).toBe(true);
      return { status: response.status, wait: response.headers.get('retry-after'), text: Buffer.from(body).toString() };
    };
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 200]);
    const refused = await ask();
    expect([refused.status, refused.wait]).toEqual([503, '61']);
    expect(JSON.parse(refused.text).error).toMatchObject({
      code: 'nonces_full',
      message: '2 requests were signed within 60 s, which is the limit; try again in 61 s',
    });
    expect(backend.opened).toHaveLength(2);
    nowMs += Number(refused.wait) * 1000;
    expect((await ask()).status).toBe(200);
  });

  it('is not kept out by any number of forged ones', async () => {
    const { url } = await start({ nonces: new NonceMemory(2) });
    for (let i = 0; i < 20; i++) {
      const { header } = await sign(request, { key: 'another secret of some length' });
      await (await send(url, header, request)).text();
    }
    const { header } = await sign(request);
    expect((await send(url, header, request)).status).toBe(200);
  });
});
