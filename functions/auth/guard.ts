// What stands before every route under /v1: a key, the requests of its tenant, and the scopes of the route. Whether a key may
// touch a corpus is decided where its name is read (corpora/store.ts), and nowhere else.
import { createMiddleware } from 'hono/factory';
import type { Scope } from '../../wire/api/scope.ts';
import { FaultError } from '../../wire/faults.ts';
import { TENANT_REQUESTS, TENANT_RETRY_S } from '../../wire/limits.ts';
import { tellProblem } from '../observe/tell.ts';
import { authenticate } from './keys.ts';
import type { Authenticated } from './principal.ts';
import { keyStore } from './store.ts';
import { forAddress } from './strangers.ts';

const POLICY = `"tenant";q=${TENANT_REQUESTS.limit};w=${TENANT_REQUESTS.windowS}`;

export const authenticated = createMiddleware<Authenticated>(async (c, next) => {
  const { RATE_LIMIT: limit, API_KEY: secret } = c.env;
  const address = c.req.header('cf-connecting-ip') ?? '';
  const later = (work: Promise<void>): void =>
    c.executionCtx.waitUntil(work.catch((error: unknown) => tellProblem('strangers', error)));
  const store = forAddress(keyStore(c.env), address, limit, later);
  const principal = await authenticate(c.req.header('authorization'), secret, store);
  c.var.record.tenant = principal.tenant;
  c.var.record.key = principal.key;
  if (limit !== undefined) {
    c.header('ratelimit-policy', POLICY);
    if (!(await limit.limit({ key: `tenant/${principal.tenant}` })).success) {
      c.header('ratelimit', `"tenant";r=0;t=${TENANT_RETRY_S}`);
      throw new FaultError({ kind: 'rate_limited', retryAfterS: TENANT_RETRY_S });
    }
  }
  c.set('principal', principal);
  await next();
});

/** Lets a key in that has one of these scopes. */
export const guarded = (needed: readonly Scope[]) =>
  createMiddleware<Authenticated>(async (c, next) => {
    const has = c.var.principal.scopes;
    if (!needed.some((scope) => has.includes(scope))) {
      throw new FaultError({ kind: 'insufficient_scope', needed, has });
    }
    await next();
  });
