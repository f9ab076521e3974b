// Keys as they are stored, and who is asked for them: types alone, so that env.ts can name the bindings.
import type { Budgets, Rates } from '../../wire/api/keys.ts';
import type { Scope } from '../../wire/api/scope.ts';

export interface StoredKey {
  readonly id: string;
  readonly tenant: string;
  readonly name: string | null;
  readonly scopes: readonly Scope[];
  readonly corpora: 'all' | readonly string[];
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly rates: Rates;
  readonly budgets: Budgets;
  /** SHA-256 of the key, base64url. */
  readonly digest: string;
  /** Of the key before the last rotation, while it still works; milliseconds of the epoch. */
  readonly previous: { readonly digest: string; readonly until: number } | null;
}

/** Keys as requests are checked against them: a little old, never by more than KEY_KV_CACHE_S and KEY_CACHE_S together. */
export interface KeyStore {
  find(id: string): Promise<StoredKey | undefined>;
}

/** The keys of one tenant, strongly consistent: a Durable Object that writes through to the store of all locations. */
export interface KeyRingMethods {
  /** False: the tenant has too many. */
  create(key: StoredKey): Promise<boolean>;
  /** By id, after the cursor. */
  page(after: string, limit: number): StoredKey[];
  find(id: string): StoredKey | null;
  /** The key with another digest; the one before works for so many milliseconds more. */
  rotate(id: string, digest: string, graceMs: number): Promise<StoredKey | null>;
  /** False: there is none. */
  revoke(id: string): Promise<boolean>;
}
