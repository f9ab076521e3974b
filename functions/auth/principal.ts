// Who asks, once that is known: what every route under /v1 finds on its context.
import type { Budgets, Rates } from '../../wire/api/keys.ts';
import type { Scope } from '../../wire/api/scope.ts';
import type { Env } from '../env.ts';
import type { RequestRecord } from '../observe/record.ts';
import type { Spending } from './spending.ts';

export interface Principal {
  readonly tenant: string;
  /** The id of its key; those of the API_KEY secret have none, and share one name. */
  readonly key: string;
  /** The corpora this key may touch; 'all' of its own tenant. */
  readonly corpora: 'all' | readonly string[];
  readonly scopes: readonly Scope[];
  /** May manage the keys of every tenant: an entry of API_KEY without a tenant. */
  readonly operator: boolean;
  readonly expiresAt: string | null;
  readonly rates: Rates;
  readonly budgets: Budgets;
}

export interface Authenticated {
  Bindings: Env;
  Variables: {
    requestId: string;
    /** What its log line will say. */
    record: RequestRecord;
    principal: Principal;
    /** Told what the request takes of its key's budgets. */
    spending: Spending;
  };
}
