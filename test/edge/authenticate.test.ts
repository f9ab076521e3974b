// Who is asking, from the header alone: what counts as a key, and that every key costs the same work. Pure, over a store in
// memory.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KeyStore, StoredKey } from '../../functions/auth/contract.ts';
import { digestOf, idOf, newId, newKey } from '../../functions/auth/form.ts';
import { FaultError } from '../../wire/faults.ts';
import {
  KEY_CACHE_S,
  KEY_KV_CACHE_S,
  MAX_KEY_CHARACTERS,
  MAX_REMEMBERED_KEYS,
  MAX_REMEMBERED_STRANGERS,
} from '../../wire/limits.ts';
import { load } from './durable.ts';

type Remembering = KeyStore & { recalls(id: string): boolean; forget(id: string): void };
const { authenticate } = (await load('../../functions/auth/keys.ts')) as {
  authenticate(
    header?: string,
    secret?: string,
    store?: KeyStore,
    now?: number,
  ): Promise<{ tenant: string; key: string }>;
};
const { remembering } = (await load('../../functions/auth/store.ts')) as {
  remembering(store: KeyStore, now: () => number): Remembering;
};
const { forAddress } = (await load('../../functions/auth/strangers.ts')) as {
  forAddress(store: Remembering, address: string, limit: object, later: (work: Promise<void>) => void): KeyStore;
};

const SECRET = 'bootstrap-key, acme=key-of-acme, YmFzZTY0IGtleQ==';
const NOW = Date.parse('2026-11-26T12:00:00Z');

let comparisons = 0;
beforeEach(() => {
  comparisons = 0;
  // workerd's own; Node has it elsewhere
  Object.assign(crypto.subtle, {
    timingSafeEqual: (one: Uint8Array, other: Uint8Array) => {
      comparisons += 1;
      return Buffer.from(one).equals(Buffer.from(other));
    },
  });
});
afterEach(() => vi.restoreAllMocks());

const storedKey = async (wishes: Partial<StoredKey> = {}): Promise<{ key: string; stored: StoredKey }> => {
  const id = newId();
  const { key, digest } = await newKey(id);
  const stored: StoredKey = {
    ...{ id, tenant: 'acme', name: null, scopes: ['select'], corpora: 'all', rates: {}, budgets: {}, digest },
    ...{ createdAt: '2026-11-26T00:00:00Z', expiresAt: null, previous: null },
    ...wishes,
  };
  return { key, stored };
};

const storeOf = (...keys: readonly StoredKey[]) => {
  const asked: string[] = [];
  const find: KeyStore['find'] = async (id) => {
    asked.push(id);
    return keys.find((one) => one.id === id);
  };
  return { find, asked };
};

/** The principal's tenant and key, or the kind of the fault. */
const told = async (header: string | undefined, store?: KeyStore, now = NOW): Promise<string> => {
  try {
    const { tenant, key } = await authenticate(header, SECRET, store, now);
    return `${tenant} ${key}`;
  } catch (error) {
    if (error instanceof FaultError) return error.fault.kind;
    throw error;
  }
};

describe('a key of our form', () => {
  it('has an id, and a secret of 256 bits of which only the digest is kept', async () => {
    const ids = new Set(Array.from({ length: 200 }, newId));
    expect(ids.size).toBe(200);
    const { key, stored } = await storedKey();
    expect(key).toMatch(/^sk_[a-z0-9]{16}_[A-Za-z0-9_-]{43}$/);
    expect(idOf(key)).toBe(stored.id);
    expect(stored.digest).toBe(createHash('sha256').update(key).digest('base64url'));
    expect(JSON.stringify(stored)).not.toContain(key.slice(20));
  });

  it('opens with its secret alone', async () => {
    const { key, stored } = await storedKey();
    const other = await storedKey();
    const store = storeOf(stored, other.stored);
    expect(await told(`Bearer ${key}`, store)).toBe(`acme ${stored.id}`);
    const mixed = `sk_${stored.id}_${other.key.slice(20)}`;
    for (const wrong of [
      mixed,
      `${key}A`,
      key.slice(0, -1),
      key.toUpperCase(),
      `sk_${stored.id}_`,
      `sk_${stored.id}`,
    ]) {
      expect(await told(`Bearer ${wrong}`, store)).toBe('bad_key');
    }
  });

  it('says that it is over to who has its secret, and to nobody else', async () => {
    const { key, stored } = await storedKey({ expiresAt: '2026-11-26T12:00:00.000Z' });
    const store = storeOf(stored);
    expect(await told(`Bearer ${key}`, store, NOW - 1)).toBe(`acme ${stored.id}`);
    expect(await told(`Bearer ${key}`, store, NOW)).toBe('key_expired');
    expect(await told(`Bearer ${key.slice(0, -2)}AA`, store, NOW)).toBe('bad_key');
  });

  it('opens with the secret before a rotation until its grace is over', async () => {
    const { key, stored } = await storedKey();
    const { key: next, digest } = await newKey(stored.id);
    const store = storeOf({ ...stored, digest, previous: { digest: stored.digest, until: NOW + 1000 } });
    expect(await told(`Bearer ${next}`, store)).toBe(`acme ${stored.id}`);
    expect(await told(`Bearer ${key}`, store, NOW + 999)).toBe(`acme ${stored.id}`);
    expect(await told(`Bearer ${key}`, store, NOW + 1000)).toBe('bad_key');
  });

  it('is never matched by a record without a digest, or with a broken one', async () => {
    const { key, stored } = await storedKey();
    for (const digest of ['', 'AAAA', 'not base64!', 'A'.repeat(43)]) {
      expect(await told(`Bearer ${key}`, storeOf({ ...stored, digest }))).toBe('bad_key');
    }
  });
});

describe('whatever key comes', () => {
  it('makes the same digests, look-ups and comparisons: known, wrong secret, unknown', async () => {
    const { key, stored } = await storedKey();
    const digest = vi.spyOn(crypto.subtle, 'digest');
    await told(`Bearer warm-the-secret`); // which is read once an isolate
    const costs = [];
    const wrong = `${key.slice(0, -2)}AA`;
    const unknown = `sk_${'x'.repeat(16)}_${'y'.repeat(43)}`;
    for (const one of [key, wrong, unknown]) {
      const store = storeOf(stored);
      digest.mockClear();
      comparisons = 0;
      await told(`Bearer ${one}`, store);
      costs.push({ digests: digest.mock.calls.length, comparisons, asked: store.asked.length });
    }
    expect(costs).toEqual(Array(3).fill({ digests: 1, comparisons: 5, asked: 1 }));
  });

  it('looks nothing up for a bootstrap key, nor for what cannot be a stored one', async () => {
    const store = storeOf();
    expect(await told('Bearer bootstrap-key', store)).toBe('default bootstrap');
    expect(await told('Bearer sk-something-else', store)).toBe('bad_key');
    expect(store.asked).toEqual([]);
  });
});

describe('an Authorization header', () => {
  it.each<[string, string | undefined, string]>([
    ['none', undefined, 'no_key'],
    ['empty', '', 'no_key'],
    ['the scheme alone', 'Bearer', 'no_key'],
    ['the scheme and a space', 'Bearer ', 'no_key'],
    ['another scheme', 'Basic Ym9vdHN0cmFwLWtleQ==', 'no_key'],
    ['no scheme', 'bootstrap-key', 'no_key'],
    ['lower case', 'bearer bootstrap-key', 'default bootstrap'],
    ['upper case', 'BEARER bootstrap-key', 'default bootstrap'],
    ['two spaces', 'Bearer  bootstrap-key', 'default bootstrap'],
    ['a tab', 'Bearer\tbootstrap-key', 'no_key'],
    ['two keys', 'Bearer bootstrap-key bootstrap-key', 'no_key'],
    ['two headers as one', 'Bearer bootstrap-key, Bearer x', 'no_key'],
    ['a colon', 'Bearer: bootstrap-key', 'no_key'],
    ['quotes', 'Bearer "bootstrap-key"', 'bad_key'],
    ['a line break', 'Bearer bootstrap-key\r\nx-tenant: other', 'no_key'],
    ['a zero byte', 'Bearer bootstrap-key\0', 'bad_key'],
    ['letters of another script', 'Bearer bооtstrap-key', 'bad_key'],
    ['the tenant before the key', 'Bearer acme=key-of-acme', 'bad_key'],
    ['a tenant alone', 'Bearer acme', 'bad_key'],
    ['the whole secret', `Bearer ${SECRET.replaceAll(' ', '')}`, 'bad_key'],
    ['a tenant’s key', 'Bearer key-of-acme', 'acme bootstrap'],
    ['a key that ends in =', 'Bearer YmFzZTY0IGtleQ==', 'default bootstrap'],
    ['a name of every object', 'Bearer constructor', 'bad_key'],
    ['as long as may be', `Bearer ${'k'.repeat(MAX_KEY_CHARACTERS)}`, 'bad_key'],
  ])('%s', async (_, header, expected) => {
    expect(await told(header, storeOf())).toBe(expected);
  });

  it('of a megabyte is refused without a digest', async () => {
    await told('Bearer warm');
    const digest = vi.spyOn(crypto.subtle, 'digest');
    expect(await told(`Bearer ${'k'.repeat(1_000_000)}`, storeOf())).toBe('bad_key');
    expect(await told(`Bearer ${' '.repeat(1_000_000)}`, storeOf())).toBe('no_key');
    expect(digest).not.toHaveBeenCalled();
  });

  it('is nothing without API_KEY', async () => {
    for (const secret of [undefined, '']) {
      await expect(authenticate('Bearer x', secret, storeOf())).rejects.toMatchObject({
        fault: { kind: 'not_configured' },
      });
    }
  });
});

describe('what an isolate remembers of keys', () => {
  it('is at most a minute old, with what KV may remember', async () => {
    expect(KEY_CACHE_S + KEY_KV_CACHE_S).toBeLessThan(60);
    let now = 0;
    const { stored } = await storedKey();
    const held = [stored];
    const store = remembering({ find: async (id) => held.find((one) => one.id === id) }, () => now);
    expect(await store.find(stored.id)).toBe(stored);
    held.length = 0;
    now = KEY_CACHE_S * 1000 - 1;
    expect(await store.find(stored.id)).toBe(stored);
    now += 1;
    expect(await store.find(stored.id)).toBeUndefined();
    held.push(stored);
    expect(await store.find(stored.id)).toBeUndefined();
    now += KEY_CACHE_S * 1000;
    expect(await store.find(stored.id)).toBe(stored);
  });

  it('asks once for an id that is not there, and lets made-up ids displace no key', async () => {
    const { stored } = await storedKey();
    const under = storeOf(stored);
    const store = remembering(under, () => 0);
    await store.find(stored.id);
    for (let i = 0; i < MAX_REMEMBERED_STRANGERS + MAX_REMEMBERED_KEYS; i++) await store.find(`made-up-${i}`);
    under.asked.length = 0;
    await store.find(stored.id);
    await store.find(`made-up-${MAX_REMEMBERED_STRANGERS + MAX_REMEMBERED_KEYS - 1}`);
    expect(under.asked).toEqual([]);
    expect(store.recalls('made-up-0')).toBe(false);
  });

  it('forgets what this isolate changed', async () => {
    const { stored } = await storedKey();
    const under = storeOf(stored);
    const store = remembering(under, () => 0);
    await store.find(stored.id);
    store.forget(stored.id);
    await store.find(stored.id);
    expect(under.asked).toHaveLength(2);
  });
});

describe('an address with many wrong keys', () => {
  it('gets no further look-ups, but keys that are remembered work on, and other addresses do not notice', async () => {
    const { stored } = await storedKey();
    const under = storeOf(stored);
    const store = remembering(under, () => 0);
    let left = 3;
    const limit = { limit: async () => ({ success: left-- > 0 }) };
    await store.find(stored.id);
    const noted: Promise<void>[] = [];
    const from = (address: string) => forAddress(store, address, limit, (work) => void noted.push(work));
    for (let i = 0; i < 4; i++) await from('192.0.2.1').find(`made-up-${i}`);
    // an id that is remembered as unknown costs nothing, and counts for nothing
    await from('192.0.2.1').find('made-up-0');
    expect(noted).toHaveLength(4);
    await Promise.all(noted);
    const before = under.asked.length;
    await expect(from('192.0.2.1').find('made-up-9')).rejects.toMatchObject({ fault: { kind: 'rate_limited' } });
    expect(await from('192.0.2.1').find(stored.id)).toBe(stored);
    expect(under.asked).toHaveLength(before);
    expect(await from('192.0.2.2').find('made-up-9')).toBeUndefined();
  });
});

it('makes of a key the digest that OpenSSL would', async () => {
  expect(Buffer.from(await digestOf('sk_x')).toString('hex')).toBe(createHash('sha256').update('sk_x').digest('hex'));
});
