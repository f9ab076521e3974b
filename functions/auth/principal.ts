// Who asks, once that is known: what every route under /v1 finds on its context.
import type { RequestIdVariables } from 'hono/request-id';
import type { Scope } from '../../wire/api/scope.ts';
import type { Env } from '../env.ts';

export interface Principal {
  readonly tenant: string;
  /** The corpora this key may touch; 'all' of its own tenant. */
  readonly corpora: 'all' | readonly string[];
  readonly scopes: readonly Scope[];
}

export interface Authenticated {
  Bindings: Env;
  Variables: RequestIdVariables & { principal: Principal };
}
