// What the meter of a tenant is asked and answers: types alone, so that env.ts can name the binding.
import type { Budgets, Rates } from '../../wire/api/keys.ts';
import type { Period } from './periods.ts';

/** Whose requests, and what bounds them. */
export interface Account {
  readonly key: string;
  readonly rates: Rates;
  readonly budgets: Budgets;
  /** Steps of the whole tenant in a minute; absent: not bounded. */
  readonly tenantSteps?: number;
}

export interface Spent {
  readonly requests: number;
  readonly steps: number;
  readonly tokens: number;
}
export type What = keyof Spent;

/** How one rate stands, for the RateLimit headers. */
export interface Standing {
  readonly policy: 'key-requests' | 'key-steps' | 'tenant-steps';
  readonly quota: number;
  readonly remaining: number;
  /** Seconds until it is whole again. */
  readonly resetS: number;
}

export type Refusal =
  | { readonly why: 'rate'; readonly policy: Standing['policy']; readonly retryAfterS: number }
  | {
      readonly why: 'budget';
      readonly what: What;
      readonly period: Period;
      readonly limit: number;
      readonly retryAfterS?: number;
    };

export interface Admission {
  /** Absent: the request may go on, and is counted. */
  readonly refusal?: Refusal;
  readonly standing: readonly Standing[];
}

export interface MeterMethods {
  /** Whether one more request may begin. What it takes is known later, and told by `charge`. */
  admit(account: Account, tunes: boolean): Admission;
  /** What a request took; a negative number of requests gives back one that did no work. */
  charge(account: Account, spent: Spent): void;
  /** What a key used of its present periods. */
  used(key: string): Record<Period, Spent>;
  /** The key is gone, and so are its counters. */
  forget(key: string): void;
}
