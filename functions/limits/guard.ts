// Before a route that tunes, and before every route of a key with rates or budgets: may it begin? Afterwards: what it took.
// One call to the tenant's meter before the work, none for keys without limits on routes that do not tune. What was taken
// is told after the answer, so that no caller waits for it.
import { createMiddleware } from 'hono/factory';
import { FaultError } from '../../wire/faults.ts';
import { MAX_BUDGET, RATE_WINDOW_S } from '../../wire/limits.ts';
import type { Authenticated, Principal } from '../auth/principal.ts';
import { tellProblem } from '../observe/tell.ts';
import type { Account, Refusal, Standing } from './contract.ts';
import { meterOf } from './meter-of.ts';

const isBound = (one: object): boolean => Object.keys(one).length > 0;

/** A whole number of steps, or undefined where the deployment sets none. */
const tenantSteps = (text: string | undefined): number | undefined => {
  if (text === undefined || text === '' || text === '0') return undefined;
  const steps = Number(text);
  if (Number.isInteger(steps) && steps > 0 && steps <= MAX_BUDGET) return steps;
  throw new FaultError({ kind: 'not_configured', what: `STEPS_PER_MINUTE '${text}' (a whole number; 0: no limit)` });
};

/** What bounds this request; undefined: nothing. */
export const accountOf = (
  { key, rates, budgets }: Principal,
  tunes: boolean,
  stepsPerMinute: string | undefined,
): Account | undefined => {
  const steps = tunes ? tenantSteps(stepsPerMinute) : undefined;
  if (steps === undefined && !isBound(rates) && !isBound(budgets)) return undefined;
  return { key, rates, budgets, ...(steps === undefined ? {} : { tenantSteps: steps }) };
};

const UNITS: Readonly<Record<Standing['policy'], string>> = {
  'key-requests': '',
  'key-steps': ';qu="steps"',
  'tenant-steps': ';qu="steps"',
};

/** draft-ietf-httpapi-ratelimit-headers-10 */
export const headersOf = (standing: readonly Standing[]): { policy: string; limit: string } => ({
  policy: standing.map(({ policy, quota }) => `"${policy}";q=${quota};w=${RATE_WINDOW_S}${UNITS[policy]}`).join(', '),
  limit: standing.map(({ policy, remaining, resetS }) => `"${policy}";r=${remaining};t=${resetS}`).join(', '),
});

const WORDS: Readonly<Record<Standing['policy'], string>> = {
  'key-requests': 'requests of this key',
  'key-steps': 'tuning steps of this key',
  'tenant-steps': 'tuning steps',
};
const PERIOD_WORDS = { day: 'a day', month: 'a month', total: 'in all' } as const;

const refused = (refusal: Refusal): FaultError => {
  if (refusal.why === 'rate') {
    const { policy, retryAfterS } = refusal;
    return new FaultError({ kind: 'rate_limited', what: WORDS[policy], retryAfterS });
  }
  const { what, period, limit, retryAfterS } = refusal;
  const wait = retryAfterS === undefined ? {} : { retryAfterS };
  return new FaultError({ kind: 'budget_spent', what, period: PERIOD_WORDS[period], limit, ...wait });
};

export const metered = (tunes: boolean) =>
  createMiddleware<Authenticated>(async (c, next) => {
    const { principal, record } = c.var;
    const account = accountOf(principal, tunes, c.env.STEPS_PER_MINUTE);
    if (account === undefined) {
      c.set('spending', { add: (spent) => record.spent(spent) });
      return next();
    }
    const meter = meterOf(c.env, principal.tenant);
    const { refusal, standing } = await meter.admit(account, tunes);
    if (standing.length > 0) {
      const { policy, limit } = headersOf(standing);
      c.header('ratelimit-policy', policy, { append: true });
      c.header('ratelimit', limit, { append: true });
    }
    if (refusal !== undefined) throw refused(refusal);
    const later = (spent: { requests: number; steps: number; tokens: number }): void =>
      c.executionCtx.waitUntil(meter.charge(account, spent).catch((error: unknown) => tellProblem('meter', error)));
    let worked = false;
    c.set('spending', {
      add: ({ steps, tokens }) => {
        worked = true;
        record.spent({ steps, tokens });
        later({ requests: 0, steps, tokens });
      },
    });
    await next();
    // what failed before any work is given back
    if (c.res.status >= 400 && !worked && isBound(principal.budgets)) later({ requests: -1, steps: 0, tokens: 0 });
  });
