import { describe, expect, it } from 'vitest';
import { macsOf } from '../../gateway/macs.ts';
import {
  signEvent,
  signRequest,
  signResponse,
  signStream,
  verifyEvent,
  verifyRequest,
  verifyResponse,
  verifyStream,
} from '../../wire/signature.ts';

const secret = 'a secret of some length';
const other = 'another secret of some length';
const now = 1_800_000_000_000;
const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const target = { method: 'POST', path: '/v1/tune?x=1' };
const parts = { ...target, body: bytes('{"a":1}') };
/** sha256 of {"a":1}, by another tool. */
const HASH = '015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862';

const header = async (secretOf = secret) => (await signRequest(secretOf, parts, now)).header;
const verify = async (changes: Partial<typeof target> = {}, atMs = now, key = secret) =>
  verifyRequest(macsOf(key).verify, await header(), { ...target, ...changes }, atMs);
const MISMATCH = { ok: false, why: 'it does not match the request' };

describe('the signature of a request', () => {
  it('proves by the header alone who sends what, and names the hash that the body must have', async () => {
    const { header, nonce } = await signRequest(secret, parts, now + 999);
    expect(verifyRequest(macsOf(secret).verify, header, target, now)).toEqual({
      ok: true,
      nonce,
      time: 1_800_000_000,
      hash: HASH,
    });
    expect(nonce).toMatch(/^[0-9a-f]{32}$/);
  });

  it('has another nonce each time', async () => {
    const nonces = await Promise.all([1, 2, 3].map(async () => (await signRequest(secret, parts, now)).nonce));
    expect(new Set(nonces).size).toBe(3);
  });

  it.each([
    ['another method', { method: 'GET' }],
    ['another path', { path: '/v1/score?x=1' }],
    ['another query', { path: '/v1/tune?x=2' }],
  ])('does not hold for %s', async (_, changes) => {
    expect(await verify(changes)).toEqual(MISMATCH);
  });

  it('does not hold under another secret', async () => {
    expect(await verify({}, now, other)).toEqual(MISMATCH);
  });

  it.each([
    ['its time', /t=\d+/, 't=1800000001'],
    ['its nonce', /n=[0-9a-f]{32}/, `n=${'0'.repeat(32)}`],
    ['its hash', /h=[0-9a-f]{64}/, `h=${'0'.repeat(64)}`],
    ['its MAC', /s=[0-9a-f]{64}/, `s=${'0'.repeat(64)}`],
  ])('does not hold once %s is altered', async (_, part, altered) => {
    const changed = (await header()).replace(part, altered);
    expect(verifyRequest(macsOf(secret).verify, changed, target, now)).toEqual(MISMATCH);
  });

  it.each([
    ['60 s later', 60_000, true],
    ['61 s later', 61_000, false],
    ['60 s earlier', -60_000, true],
    ['61 s earlier', -61_000, false],
  ])('%s on the clock of the gateway: %s ms, admitted %s', async (_, off, admitted) => {
    expect(await verify({}, now + off)).toMatchObject(
      admitted ? { ok: true } : { ok: false, why: 'it is 61 s off this clock, the limit is 60 s' },
    );
  });

  const mac = 'a'.repeat(64);
  const nonce = '0'.repeat(32);
  it.each([
    [undefined, 'no sift-signature header'],
    ['', 'no sift-signature header'],
    ['t=1', 'sift-signature is not t=…,n=…,h=…,s=…'],
    [`t=1800000000,n=${nonce},s=${mac}`, 'sift-signature is not t=…,n=…,h=…,s=…'],
    [`t=x,n=${nonce},h=${mac},s=${mac}`, 'sift-signature is not t=…,n=…,h=…,s=…'],
    [`t=1800000000,n=${nonce},h=${mac},s=${'g'.repeat(64)}`, 'sift-signature is not t=…,n=…,h=…,s=…'],
    [`t=1800000000,n=${nonce},h=${mac},s=${mac}, t=1800000000`, 'sift-signature is not t=…,n=…,h=…,s=…'],
    [`t=1800000000,n=${nonce}0,h=${mac},s=${mac}`, 'sift-signature is not t=…,n=…,h=…,s=…'],
  ])('is refused as %j', async (header, why) => {
    expect(verifyRequest(macsOf(secret).verify, header, target, now)).toEqual({ ok: false, why });
  });
});

describe('the signature of an answer', () => {
  const body = bytes('{"models":[]}');
  it('binds it to its request, its status and its body', async () => {
    const signed = await signResponse(secret, 'n1', 200, body);
    expect(await verifyResponse(secret, signed, 'n1', 200, body)).toBe(true);
    expect(await verifyResponse(secret, signed, 'n2', 200, body)).toBe(false);
    expect(await verifyResponse(secret, signed, 'n1', 500, body)).toBe(false);
    expect(await verifyResponse(secret, signed, 'n1', 200, bytes('{"models":[1]}'))).toBe(false);
    expect(await verifyResponse(other, signed, 'n1', 200, body)).toBe(false);
    expect(await verifyResponse(secret, null, 'n1', 200, body)).toBe(false);
    expect(await verifyResponse(secret, 'zz', 'n1', 200, body)).toBe(false);
  });

  it('of a stream says nothing for a body, nor the other way round', async () => {
    const stream = await signStream(secret, 'n1', 200);
    expect(await verifyStream(secret, stream, 'n1', 200)).toBe(true);
    expect(await verifyStream(secret, stream, 'n2', 200)).toBe(false);
    expect(await verifyStream(secret, stream, 'n1', 503)).toBe(false);
    expect(await verifyResponse(secret, stream, 'n1', 200, bytes(''))).toBe(false);
    expect(await verifyStream(secret, await signResponse(secret, 'n1', 200, bytes('')), 'n1', 200)).toBe(false);
  });

  it('of an event binds its data to its place in its stream', async () => {
    const signed = await signEvent(secret, 'n1', 3, '{"event":"token"}');
    expect(await verifyEvent(secret, signed, 'n1', 3, '{"event":"token"}')).toBe(true);
    expect(await verifyEvent(secret, signed, 'n1', 4, '{"event":"token"}')).toBe(false);
    expect(await verifyEvent(secret, signed, 'n2', 3, '{"event":"token"}')).toBe(false);
    expect(await verifyEvent(secret, signed, 'n1', 3, '{"event":"done"}')).toBe(false);
    expect(await verifyEvent(secret, undefined, 'n1', 3, '{"event":"token"}')).toBe(false);
    // the place and the data do not run into each other
    expect(await verifyEvent(secret, await signEvent(secret, 'n1', 1, '2\nx'), 'n1', 1, '2\nx')).toBe(true);
    expect(await verifyEvent(secret, await signEvent(secret, 'n1', 1, '2'), 'n1', 12, '')).toBe(false);
  });
});

describe('the gateway’s own MACs', () => {
  const macs = macsOf(secret);
  const data = '{"event":"token","text":"größer 🙂"}';

  it('are those that the edge checks by WebCrypto', async () => {
    expect(await verifyEvent(secret, macs.event('n1', 7, data), 'n1', 7, data)).toBe(true);
    expect(await verifyStream(secret, macs.stream('n1', 200), 'n1', 200)).toBe(true);
    expect(await verifyResponse(secret, macs.response('n1', 200, bytes(data)), 'n1', 200, bytes(data))).toBe(true);
    expect(macs.event('n1', 7, data)).toBe(await signEvent(secret, 'n1', 7, data));
  });

  it('hold for nothing else', () => {
    const mac = macs.stream('n1', 200);
    expect(macs.verify(mac, 'stream\nn1\n200')).toBe(true);
    for (const [other, message] of [
      [mac, 'stream\nn1\n201'],
      [mac.slice(2), 'stream\nn1\n200'],
      ['', 'stream\nn1\n200'],
      [macsOf('another secret of some length').stream('n1', 200), 'stream\nn1\n200'],
    ] as const) {
      expect(macs.verify(other, message)).toBe(false);
    }
  });
});
