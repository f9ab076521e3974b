// Keys made through the API, for tests.
import type { Scope } from '../../wire/api/scope.ts';
import type { Caller } from './harness.ts';

export interface MadeKey {
  readonly id: string;
  readonly key: string;
}

export interface KeyWishes {
  readonly scopes: readonly Scope[];
  readonly corpora?: readonly string[];
  readonly [more: string]: unknown;
}

/** A key of the tenant, made by the operator's key. */
export const makeKey = async (edge: Caller, tenant: string, wishes: KeyWishes): Promise<MadeKey> => {
  const response = await edge.send(`/v1/keys?tenant=${tenant}`, { body: wishes });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`POST /v1/keys answered ${response.status}: ${text}`);
  return JSON.parse(text);
};
