import { describe, expect, it } from 'vitest';
import { askTwiceAtMost, isTransient } from '../../functions/pool/transient.ts';
import { thrown } from '../../local/vectorize/faults.ts';
import { RetryBudget } from '../../wire/retry-budget.ts';

/** A query whose first tries fail, and how often it was asked. */
const query = (...failures: Error[]) => {
  const asked = { times: 0 };
  const ask = async () => {
    asked.times += 1;
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
    return 'answer';
  };
  return { ask, asked };
};
const fault = (code: number | null, error: string | null, status = 400) =>
  thrown('VECTOR_QUERY', { code, error, status });

describe('a query that the index fails', () => {
  it.each<[string, Error, boolean]>([
    ['an answer of status 500', fault(null, null, 500), true],
    ['an answer of status 429', fault(null, null, 429), true],
    ['an answer of status 400', fault(null, null, 400), false],
    ['a code of the index itself', fault(50_001, 'unknown error'), true],
    ['too many requests', fault(40_041, 'too many requests'), true],
    ['a topK too large', fault(40_025, 'topK too large'), false],
    ['wrong dimensions', fault(40_006, 'wrong dimensions'), false],
    ['a lost connection', new Error('Network connection lost.'), true],
    ['a mistake of ours', new TypeError('vector is not iterable'), false],
  ])('is asked again for what passes only: %s', async (_, error, again) => {
    expect(isTransient(error)).toBe(again);
    const { ask, asked } = query(error);
    const answer = askTwiceAtMost(ask, new RetryBudget());
    if (again) expect(await answer).toBe('answer');
    else await expect(answer).rejects.toBe(error);
    expect(asked.times).toBe(again ? 2 : 1);
  });

  it('is told as what the second try met', async () => {
    const { ask } = query(fault(null, null, 500), fault(40_025, 'topK too large'));
    await expect(askTwiceAtMost(ask, new RetryBudget())).rejects.toThrow('topK too large');
  });

  it('is not asked again without budget', async () => {
    const budget = new RetryBudget();
    while (budget.take());
    const { ask, asked } = query(fault(null, null, 500));
    await expect(askTwiceAtMost(ask, budget)).rejects.toThrow('Status + 500');
    expect(asked.times).toBe(1);
  });
});
