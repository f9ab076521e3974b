// Who may make or change which key. A key gives no other what it lacks itself: no scope, no corpus, no longer life; one with
// rates or budgets of its own makes none, since a key of its making would escape them. A key that reaches further than the
// asking one does not exist for it, so that nobody gets a stronger key by rotating it.

import { type Fault, fail, ok, type Result } from '../../wire/faults.ts';
import type { StoredKey } from '../auth/contract.ts';
import type { Principal } from '../auth/principal.ts';

type Grant = Pick<StoredKey, 'scopes' | 'corpora' | 'expiresAt'>;

const beyond = (param: string, message: string): Fault => ({ kind: 'cannot_grant', param, message });

/** Why the principal may not hand this out; undefined where it may. */
const excess = (principal: Principal, { scopes, corpora, expiresAt }: Grant): Fault | undefined => {
  const lacking = scopes.filter((scope) => !principal.scopes.includes(scope));
  if (lacking.length > 0) return beyond('scopes', `your key does not have ${lacking.join(', ')} itself`);
  if (principal.corpora !== 'all') {
    const mine = principal.corpora;
    const foreign = corpora === 'all' ? ['all'] : corpora.filter((corpus) => !mine.includes(corpus));
    if (foreign.length > 0) return beyond('corpora', `your key may not touch ${foreign.slice(0, 3).join(', ')} itself`);
  }
  if (principal.expiresAt !== null && (expiresAt === null || Date.parse(expiresAt) > Date.parse(principal.expiresAt))) {
    return beyond('expires_at', `your key itself expires at ${principal.expiresAt}`);
  }
  return undefined;
};

export const mayGrant = (principal: Principal, grant: Grant): Result<Grant> => {
  const limited = [principal.rates, principal.budgets].some((one) => Object.keys(one).length > 0);
  const fault = limited
    ? beyond('scopes', 'a key with rates or budgets of its own makes no others')
    : excess(principal, grant);
  return fault === undefined ? ok(grant) : fail(fault);
};

/** Whether the key exists for the principal. */
export const mayManage = (principal: Principal, key: Grant): boolean => excess(principal, key) === undefined;
