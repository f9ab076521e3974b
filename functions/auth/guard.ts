// Before a route: its scopes. Whether a key may touch a corpus is decided where its name is read (corpora/store.ts).
import { createMiddleware } from 'hono/factory';
import type { Scope } from '../../wire/api/scope.ts';
import { FaultError } from '../../wire/faults.ts';
import type { Authenticated } from './principal.ts';

/** Lets a key in that has one of these scopes. */
export const guarded = (needed: readonly Scope[]) =>
  createMiddleware<Authenticated>(async (c, next) => {
    const has = c.var.principal.scopes;
    if (!needed.some((scope) => has.includes(scope))) {
      throw new FaultError({ kind: 'insufficient_scope', needed, has });
    }
    await next();
  });
