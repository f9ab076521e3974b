// How often something may be tried a second time: a token bucket, one for each thing that can fail. Every request pays in
// a share of a retry, time a little more, so that in an outage retries stay a tenth of the load instead of doubling it.
// Pure: the clock, the wait and the dice come from outside. Never a third try.
import { RETRY_BURST, RETRY_MAX_MS, RETRY_MIN_MS, RETRY_PER_SECOND, RETRY_SHARE } from './limits.ts';

export class RetryBudget {
  #tokens = RETRY_BURST;
  #paidInMs: number | undefined;

  /** A first try, at this time. */
  request(nowMs: number): void {
    // a clock that stands still or goes back pays in nothing
    const waitedMs = Math.max(0, nowMs - (this.#paidInMs ?? nowMs));
    this.#paidInMs = nowMs;
    this.#tokens = Math.min(RETRY_BURST, this.#tokens + RETRY_SHARE + (waitedMs / 1000) * RETRY_PER_SECOND);
  }

  /** Whether one retry is left; it is then taken. */
  take(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** Milliseconds to wait before the second try; `random` is in [0, 1). */
export const retryDelayMs = (random: number): number => RETRY_MIN_MS + random * (RETRY_MAX_MS - RETRY_MIN_MS);

export interface RetryOptions {
  readonly budget: RetryBudget;
  /** Whether a failure may be gone the next time, and trying again is safe. */
  readonly transient: (error: unknown) => boolean;
  readonly nowMs?: () => number;
  readonly random?: () => number;
  readonly pause?: (ms: number) => Promise<void>;
}

const pauseFor = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The attempt's result, or its second one's. */
export const withOneRetry = async <T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> => {
  const { budget, transient, nowMs = Date.now, random = Math.random, pause = pauseFor } = options;
  budget.request(nowMs());
  try {
    return await attempt();
  } catch (error) {
    if (!transient(error) || !budget.take()) throw error;
    await pause(retryDelayMs(random()));
    return attempt();
  }
};
