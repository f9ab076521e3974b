// The meter of one tenant, a SQLite Durable Object: rates as token buckets, budgets as counters of the present period. Asked
// before requests that tune, or whose key has rates or budgets, and told afterwards what they took. So a limit may be
// passed by what is in flight when it is reached, and by no more; whoever passed it waits until the debt is refilled.
import { DurableObject } from 'cloudflare:workers';
import type { Amounts } from '../../wire/api/keys.ts';
import { RATE_WINDOW_S } from '../../wire/limits.ts';
import type { Env } from '../env.ts';
import { type Bucket, holds, refilled, secondsUntil, taken } from './bucket.ts';
import type { Account, Admission, MeterMethods, Refusal, Spent, Standing, What } from './contract.ts';
import { PERIODS, type Period, periodAt, secondsLeft } from './periods.ts';

const TABLES = `
  CREATE TABLE IF NOT EXISTS bucket (name TEXT PRIMARY KEY, level REAL NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS used (
    key TEXT NOT NULL, period TEXT NOT NULL, of TEXT NOT NULL,
    requests INTEGER NOT NULL, steps INTEGER NOT NULL, tokens INTEGER NOT NULL, PRIMARY KEY (key, period)) WITHOUT ROWID;
`;
const WINDOW_MS = RATE_WINDOW_S * 1000;
const NONE: Spent = { requests: 0, steps: 0, tokens: 0 };

interface Rate {
  readonly policy: Standing['policy'];
  readonly name: string;
  readonly quota: number;
  /** What a request takes when it begins; steps are taken when they were made. */
  readonly needs: number;
}

/** The rates that bound a request. */
const ratesOf = ({ key, rates, tenantSteps }: Account, tunes: boolean): Rate[] => [
  ...(rates.requests_per_minute === undefined
    ? []
    : [{ policy: 'key-requests', name: `requests/${key}`, quota: rates.requests_per_minute, needs: 1 } as const]),
  ...(rates.steps_per_minute === undefined || !tunes
    ? []
    : [{ policy: 'key-steps', name: `steps/${key}`, quota: rates.steps_per_minute, needs: 0 } as const]),
  ...(tenantSteps === undefined || !tunes
    ? []
    : [{ policy: 'tenant-steps', name: 'steps', quota: tenantSteps, needs: 0 } as const]),
];

/** What a request needs of a budget to begin: one request, and something left of the rest where it tunes. */
const spent = (limits: Amounts, used: Spent, tunes: boolean): What | undefined => {
  const counted: readonly What[] = tunes ? ['requests', 'steps', 'tokens'] : ['requests'];
  return counted.find((what) => used[what] >= (limits[what] ?? Number.POSITIVE_INFINITY));
};

export class Meter extends DurableObject<Env> implements MeterMethods {
  #made = false;

  admit(account: Account, tunes: boolean): Admission {
    this.#make();
    const now = Date.now();
    const budget = this.#overBudget(account, tunes, now);
    const rates = ratesOf(account, tunes).map((rate) => ({ rate, bucket: this.#bucket(rate, now) }));
    // a bucket that needs nothing must still hold something
    const empty = rates.find(({ rate, bucket }) => (rate.needs > 0 ? !holds(bucket, rate.needs) : bucket.level <= 0));
    const retry = empty && secondsUntil(empty.bucket, Math.max(empty.rate.needs, 1), empty.rate.quota, WINDOW_MS);
    const refusal: Refusal | undefined =
      budget ?? (empty === undefined ? undefined : { why: 'rate', policy: empty.rate.policy, retryAfterS: retry ?? 1 });
    const after = rates.map(({ rate, bucket }) => ({
      rate,
      bucket: refusal === undefined ? taken(bucket, rate.needs) : bucket,
    }));
    for (const { rate, bucket } of after) this.#keep(rate.name, bucket);
    if (refusal === undefined) this.#count(account, { ...NONE, requests: 1 }, now);
    const standing = after.map(({ rate: { policy, quota }, bucket }) => ({
      policy,
      quota,
      remaining: Math.max(0, Math.floor(bucket.level)),
      resetS: bucket.level >= quota ? 0 : secondsUntil(bucket, quota, quota, WINDOW_MS),
    }));
    return refusal === undefined ? { standing } : { refusal, standing };
  }

  charge(account: Account, amount: Spent): void {
    this.#make();
    const now = Date.now();
    if (amount.steps > 0) {
      for (const rate of ratesOf(account, true).filter(({ needs }) => needs === 0)) {
        this.#keep(rate.name, taken(this.#bucket(rate, now), amount.steps));
      }
    }
    this.#count(account, amount, now);
  }

  used(key: string): Record<Period, Spent> {
    this.#make();
    const now = Date.now();
    const of = (period: Period): Spent => this.#used(key, period, now);
    return { day: of('day'), month: of('month'), total: of('total') };
  }

  forget(key: string): void {
    this.#make();
    this.#sql('DELETE FROM used WHERE key = ?', key);
    this.#sql('DELETE FROM bucket WHERE name IN (?, ?)', `requests/${key}`, `steps/${key}`);
  }

  #overBudget({ key, budgets }: Account, tunes: boolean, now: number): Refusal | undefined {
    for (const period of PERIODS) {
      const limits = budgets[period];
      const what = limits === undefined ? undefined : spent(limits, this.#used(key, period, now), tunes);
      if (limits === undefined || what === undefined) continue;
      const left = secondsLeft(period, now);
      const wait = left === undefined ? {} : { retryAfterS: left };
      return { why: 'budget', what, period, limit: limits[what] ?? 0, ...wait };
    }
    return undefined;
  }

  #used(key: string, period: Period, now: number): Spent {
    const [row] = this.#sql(
      'SELECT requests, steps, tokens FROM used WHERE key = ? AND period = ? AND of = ?',
      key,
      period,
      periodAt(period, now),
    ).toArray();
    return row === undefined ? NONE : { ...NONE, ...row };
  }

  /** A row for each period of a key with a budget; the row of a period that is over begins anew. */
  #count({ key, budgets }: Account, { requests, steps, tokens }: Spent, now: number): void {
    if (Object.keys(budgets).length === 0) return;
    for (const period of PERIODS) {
      this.#sql(
        `INSERT INTO used VALUES (?1, ?2, ?3, MAX(0, ?4), ?5, ?6)
         ON CONFLICT (key, period) DO UPDATE SET
           requests = MAX(0, CASE WHEN of = ?3 THEN requests ELSE 0 END + ?4),
           steps = CASE WHEN of = ?3 THEN steps ELSE 0 END + ?5,
           tokens = CASE WHEN of = ?3 THEN tokens ELSE 0 END + ?6,
           of = ?3`,
        key,
        period,
        periodAt(period, now),
        requests,
        steps,
        tokens,
      );
    }
  }

  #bucket({ name, quota }: Rate, now: number): Bucket {
    const [row] = this.#sql('SELECT level, at FROM bucket WHERE name = ?', name).toArray();
    const known = row === undefined ? undefined : { level: Number(row.level), at: Number(row.at) };
    return refilled(known, quota, WINDOW_MS, now);
  }

  #keep(name: string, { level, at }: Bucket): void {
    this.#sql(
      'INSERT INTO bucket VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE SET level = ?2, at = ?3',
      name,
      level,
      at,
    );
  }

  #sql(statement: string, ...values: (string | number)[]) {
    return this.ctx.storage.sql.exec(statement, ...values);
  }

  #make(): void {
    if (!this.#made) this.ctx.storage.sql.exec(TABLES);
    this.#made = true;
  }
}
