// Keys in KV, and an isolate's short memory of them. KV answers from a location's cache for KEY_KV_CACHE_S, the isolate
// remembers for KEY_CACHE_S: so long may a revoked key go on working. Ids that there is no key for are remembered apart, so
// that a flood of made-up ones displaces no real one.
import { KEY_CACHE_S, KEY_KV_CACHE_S, MAX_REMEMBERED_KEYS, MAX_REMEMBERED_STRANGERS } from '../../wire/limits.ts';
import type { Env } from '../env.ts';
import { Remembered } from '../remembered.ts';
import type { KeyStore, StoredKey } from './contract.ts';

const nameOf = (id: string): string => `key/${id}`;

/** Writes what the tenant's ring holds; null: nothing any more. */
export const published = async (env: Env, id: string, key: StoredKey | null): Promise<void> => {
  if (env.KEYS === undefined) throw new Error('the KV namespace KEYS is not bound');
  if (key === null) await env.KEYS.delete(nameOf(id));
  else await env.KEYS.put(nameOf(id), JSON.stringify(key));
};

const kvStore = (kv: KVNamespace): KeyStore => ({
  find: async (id) => (await kv.get<StoredKey>(nameOf(id), { type: 'json', cacheTtl: KEY_KV_CACHE_S })) ?? undefined,
});

/** A store that remembers. `recalls` tells whether the next look-up of an id costs nothing. */
export interface RememberingStore extends KeyStore {
  recalls(id: string): boolean;
  /** What this isolate itself changed it should not remember. */
  forget(id: string): void;
}

export const remembering = (store: KeyStore, now: () => number = () => Date.now()): RememberingStore => {
  const known = new Remembered<StoredKey>(MAX_REMEMBERED_KEYS, KEY_CACHE_S * 1000, now);
  const strangers = new Remembered<true>(MAX_REMEMBERED_STRANGERS, KEY_CACHE_S * 1000, now);
  return {
    recalls: (id) => known.get(id) !== undefined || strangers.get(id) !== undefined,
    async find(id) {
      const remembered = known.get(id);
      if (remembered !== undefined || strangers.get(id) !== undefined) return remembered;
      const found = await store.find(id);
      known.forget(id);
      if (found === undefined) strangers.set(id, true);
      else known.set(id, found);
      return found;
    },
    forget(id) {
      known.forget(id);
      strangers.forget(id);
    },
  };
};

/** One an isolate for each namespace, which is one. */
const stores = new WeakMap<KVNamespace, RememberingStore>();

/** Undefined where no namespace is bound: then there are the keys of API_KEY alone. */
export const keyStore = (env: Env): RememberingStore | undefined => {
  if (env.KEYS === undefined) return undefined;
  const store = stores.get(env.KEYS) ?? remembering(kvStore(env.KEYS));
  stores.set(env.KEYS, store);
  return store;
};
