// Who is asking: a bearer key becomes a principal, whose tenant is part of every storage key from here on.
// Keys are compared as SHA-256 digests in constant time, all of them always. Trade-off: keys live in one secret and are
// changed by a deployment; a key store with expiry and scopes takes the place of `principals` without touching a route.
import { createMiddleware } from 'hono/factory';
import { SCOPES } from '../../wire/api/scope.ts';
import { FaultError } from '../../wire/faults.ts';
import type { Authenticated, Principal } from './principal.ts';

/** The least length keeps a key that ends in base64's own `=` from being read as a tenant. */
const WITH_TENANT = /^([a-z0-9][a-z0-9-]{0,31})=(.{8,})$/;

interface Known {
  readonly digest: Uint8Array;
  readonly principal: Principal;
}

const digestOf = async (text: string): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));

/** The keys of the API_KEY secret: `KEY` for the tenant `default`, `TENANT=KEY` for another, separated by commas. */
const principals = async (secret: string): Promise<Known[]> => {
  const entries = secret.split(',').map((entry) => entry.trim());
  return Promise.all(
    entries
      .filter((entry) => entry !== '')
      .map(async (entry) => {
        const [, tenant = 'default', key = entry] = WITH_TENANT.exec(entry) ?? [];
        return { digest: await digestOf(key), principal: { tenant, corpora: 'all', scopes: SCOPES } };
      }),
  );
};

const parsed = new Map<string, Promise<Known[]>>();

const knownKeys = (secret: string): Promise<Known[]> => {
  const known = parsed.get(secret) ?? principals(secret);
  parsed.set(secret, known);
  return known;
};

/** The principal of an Authorization header; throws no_key, bad_key or not_configured. */
export const authenticate = async (header: string | undefined, secret: string | undefined): Promise<Principal> => {
  if (secret === undefined || secret === '') throw new FaultError({ kind: 'not_configured', what: 'API_KEY' });
  const [, key] = /^Bearer +(\S+)$/i.exec(header ?? '') ?? [];
  if (key === undefined) throw new FaultError({ kind: 'no_key' });
  const digest = await digestOf(key);
  let found: Principal | undefined;
  for (const known of await knownKeys(secret))
    if (crypto.subtle.timingSafeEqual(known.digest, digest)) found = known.principal;
  if (found === undefined) throw new FaultError({ kind: 'bad_key' });
  return found;
};

export const authenticated = createMiddleware<Authenticated>(async (c, next) => {
  const principal = await authenticate(c.req.header('authorization'), c.env.API_KEY);
  const allowed = await c.env.RATE_LIMIT?.limit({ key: principal.tenant });
  if (allowed !== undefined && !allowed.success) throw new FaultError({ kind: 'rate_limited', retryAfterS: 10 });
  c.set('principal', principal);
  await next();
});
