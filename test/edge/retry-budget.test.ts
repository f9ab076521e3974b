import { describe, expect, it, vi } from 'vitest';
import { RetryBudget, retryDelayMs, withOneRetry } from '../../wire/retry-budget.ts';

/** How many retries are left, which uses them up. */
const left = (budget: RetryBudget): number => {
  let count = 0;
  while (budget.take()) count += 1;
  return count;
};

describe('a retry budget', () => {
  it('begins with a few', () => {
    expect(left(new RetryBudget())).toBe(10);
  });

  it('gains a tenth of the requests', () => {
    const budget = new RetryBudget();
    left(budget);
    for (let i = 0; i < 55; i++) budget.request(1_000);
    expect(left(budget)).toBe(5);
  });

  it('gains a retry in ten quiet seconds, and never holds more than a few', () => {
    const budget = new RetryBudget();
    left(budget);
    budget.request(1_000);
    budget.request(30_500);
    expect(left(budget)).toBe(3);
    budget.request(100_000_000);
    expect(left(budget)).toBe(10);
  });

  it('gains nothing by a clock that is set back', () => {
    const budget = new RetryBudget();
    left(budget);
    budget.request(1_000_000);
    budget.request(0);
    expect(left(budget)).toBe(0);
  });

  it('keeps an outage at a tenth more load', async () => {
    const budget = new RetryBudget();
    let attempts = 0;
    const options = { budget, transient: () => true, nowMs: () => 0, pause: async () => {} };
    for (let i = 0; i < 1_000; i++) {
      await withOneRetry(async () => {
        attempts += 1;
        throw new Error('down');
      }, options).catch(() => {});
    }
    expect(attempts).toBeGreaterThanOrEqual(1_100);
    expect(attempts).toBeLessThanOrEqual(1_111);
  });
});

describe('a second try', () => {
  const failing = (times: number) => {
    let left = times;
    return vi.fn(async () => {
      if (left-- > 0) throw new Error('not now');
      return 'answer';
    });
  };
  const options = (changes: object = {}) => ({
    budget: new RetryBudget(),
    transient: () => true,
    nowMs: () => 0,
    random: () => 0.5,
    pause: vi.fn(async () => {}),
    ...changes,
  });

  it('comes after a drawn delay, once', async () => {
    const once = options();
    expect(await withOneRetry(failing(1), once)).toBe('answer');
    expect(once.pause.mock.calls).toEqual([[150]]);
    const twice = failing(2);
    await expect(withOneRetry(twice, options())).rejects.toThrow('not now');
    expect(twice).toHaveBeenCalledTimes(2);
  });

  it('is not made for what stays wrong, nor without budget', async () => {
    const lasting = failing(1);
    await expect(withOneRetry(lasting, options({ transient: () => false }))).rejects.toThrow();
    expect(lasting).toHaveBeenCalledOnce();
    const budget = new RetryBudget();
    left(budget);
    const spent = failing(1);
    await expect(withOneRetry(spent, options({ budget }))).rejects.toThrow();
    expect(spent).toHaveBeenCalledOnce();
  });

  it('waits between 50 and 250 ms', () => {
    expect([0, 0.5, 0.999_999].map((random) => Math.round(retryDelayMs(random)))).toEqual([50, 150, 250]);
  });
});
