// Who is asking: a bearer key becomes a principal, whose tenant is part of every storage key from here on.
// Whatever key comes, the same is done: one digest, compared in constant time with those of the API_KEY secret, and, for a
// key of our form, one look-up and two comparisons, with the stored digests or, where there is no such key, with nothing's.
import { SCOPES } from '../../wire/api/scope.ts';
import { type Fault, FaultError } from '../../wire/faults.ts';
import { MAX_KEY_CHARACTERS } from '../../wire/limits.ts';
import { fromBase64Url } from '../vectors/base64.ts';
import type { KeyStore, StoredKey } from './contract.ts';
import { digestOf, idOf } from './form.ts';
import type { Principal } from './principal.ts';

/** The least length keeps a key that ends in base64's own `=` from being read as a tenant. */
const WITH_TENANT = /^([a-z0-9][a-z0-9-]{0,31})=(.{8,})$/;
export const BOOTSTRAP = 'bootstrap';
/** The digest that stands where there is none: no key has it. */
const NOTHING = new Uint8Array(32);

interface Known {
  readonly digest: Uint8Array;
  readonly principal: Principal;
}

/** The keys of the API_KEY secret: `KEY` for the tenant `default`, `TENANT=KEY` for another, separated by commas. */
const principals = async (secret: string): Promise<Known[]> => {
  const entries = secret.split(',').map((entry) => entry.trim());
  return Promise.all(
    entries
      .filter((entry) => entry !== '')
      .map(async (entry) => {
        const [, tenant, key = entry] = WITH_TENANT.exec(entry) ?? [];
        const principal: Principal = {
          tenant: tenant ?? 'default',
          key: BOOTSTRAP,
          corpora: 'all',
          scopes: SCOPES,
          operator: tenant === undefined,
          expiresAt: null,
          rates: {},
          budgets: {},
        };
        return { digest: await digestOf(key), principal };
      }),
  );
};

const parsed = new Map<string, Promise<Known[]>>();

const knownKeys = (secret: string): Promise<Known[]> => {
  const known = parsed.get(secret) ?? principals(secret);
  parsed.set(secret, known);
  return known;
};

const same = (stored: string | undefined, digest: Uint8Array): boolean => {
  const known = stored === undefined ? undefined : fromBase64Url(stored);
  return crypto.subtle.timingSafeEqual(known?.byteLength === NOTHING.byteLength ? known : NOTHING, digest);
};

/** Whether the digest is that of a stored key, now or, in its grace time, before its last rotation. */
const opens = (stored: StoredKey | undefined, digest: Uint8Array, now: number): boolean => {
  const current = same(stored?.digest, digest);
  const previous = same(stored?.previous?.digest, digest);
  return current || (previous && (stored?.previous?.until ?? 0) > now);
};

const principalOf = ({ id, tenant, corpora, scopes, expiresAt, rates, budgets }: StoredKey): Principal => ({
  tenant,
  key: id,
  corpora,
  scopes,
  operator: false,
  expiresAt,
  rates,
  budgets,
});

/** The key of an Authorization header, or why there is none. The scheme's name may be written in any case. */
export const keyOf = (header: string | undefined): string | Fault => {
  const [, key] = /^Bearer +(\S+)$/i.exec(header ?? '') ?? [];
  if (key === undefined) return { kind: 'no_key' };
  return key.length > MAX_KEY_CHARACTERS ? { kind: 'bad_key' } : key;
};

/** The principal of an Authorization header; throws no_key, bad_key, key_expired or not_configured. */
export const authenticate = async (
  header: string | undefined,
  secret: string | undefined,
  store: KeyStore | undefined,
  now = Date.now(),
): Promise<Principal> => {
  if (secret === undefined || secret === '') throw new FaultError({ kind: 'not_configured', what: 'API_KEY' });
  const key = keyOf(header);
  if (typeof key !== 'string') throw new FaultError(key);
  const digest = await digestOf(key);
  let found: Principal | undefined;
  for (const known of await knownKeys(secret))
    if (crypto.subtle.timingSafeEqual(known.digest, digest)) found = known.principal;
  if (found !== undefined) return found;
  const id = idOf(key);
  const stored = id === undefined ? undefined : await store?.find(id);
  if (!opens(stored, digest, now) || stored === undefined) throw new FaultError({ kind: 'bad_key' });
  // told only to who has the secret
  if (stored.expiresAt !== null && Date.parse(stored.expiresAt) <= now) {
    throw new FaultError({ kind: 'key_expired', at: stored.expiresAt });
  }
  return principalOf(stored);
};
