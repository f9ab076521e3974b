import { describe, expect, it } from 'vitest';
import { NonceMemory, signRequest, signResponse, verifyRequest, verifyResponse } from '../../wire/signature.ts';

const secret = 'a secret of some length';
const now = 1_800_000_000_000;
const parts = { method: 'POST', path: '/v1/tune?x=1', body: new Uint8Array(Buffer.from('{"a":1}')) };

const verify = async (changes: Partial<typeof parts> = {}, atMs = now, key = secret, nonces = new NonceMemory()) => {
  const { header } = await signRequest(secret, parts, now);
  return verifyRequest(key, header, { ...parts, ...changes }, nonces, atMs);
};

describe('the signature between edge and gateway', () => {
  it('admits what was signed', async () => {
    expect(await verify()).toMatchObject({ ok: true });
  });

  it.each([
    ['another method', { method: 'GET' }],
    ['another path', { path: '/v1/tune?x=2' }],
    ['another body', { body: new Uint8Array(Buffer.from('{"a":2}')) }],
  ])('refuses %s', async (_, changes) => {
    expect(await verify(changes)).toEqual({ ok: false, why: 'it does not match the request' });
  });

  it('refuses another secret', async () => {
    expect(await verify({}, now, 'another secret of some length')).toMatchObject({ ok: false });
  });

  it('refuses a request more than 60 s old or ahead, and admits one 59 s off', async () => {
    expect(await verify({}, now + 61_000)).toEqual({ ok: false, why: 'it is 61 s off this clock, the limit is 60 s' });
    expect(await verify({}, now - 61_000)).toMatchObject({ ok: false });
    expect(await verify({}, now + 59_000)).toMatchObject({ ok: true });
  });

  it('refuses a replay for as long as its time would pass', async () => {
    const nonces = new NonceMemory();
    const { header } = await signRequest(secret, parts, now);
    expect(await verifyRequest(secret, header, parts, nonces, now)).toMatchObject({ ok: true });
    for (const later of [0, 30_000, 60_000]) {
      expect(await verifyRequest(secret, header, parts, nonces, now + later)).toEqual({
        ok: false,
        why: 'it was used before',
      });
    }
  });

  it('forgets nonces whose time has run out', () => {
    const nonces = new NonceMemory();
    for (let i = 0; i < 100; i++) expect(nonces.admit(`n${i}`, 1000, 1060)).toBe(true);
    expect(nonces.admit('later', 1061, 1121)).toBe(true);
    expect(nonces.size).toBe(1);
  });

  it.each([[undefined], [''], ['t=1'], ['t=x,n=1,s=2'], [`t=1800000000,n=${'0'.repeat(32)},s=${'g'.repeat(64)}`]])(
    'refuses the malformed header %j',
    async (header) => {
      expect(await verifyRequest(secret, header, parts, new NonceMemory(), now)).toMatchObject({ ok: false });
    },
  );

  it('binds an answer to its request and status', async () => {
    const answer = await signResponse(secret, 'n1', 200);
    expect(await verifyResponse(secret, answer, 'n1', 200)).toBe(true);
    expect(await verifyResponse(secret, answer, 'n2', 200)).toBe(false);
    expect(await verifyResponse(secret, answer, 'n1', 500)).toBe(false);
    expect(await verifyResponse(secret, null, 'n1', 200)).toBe(false);
  });
});
