// Which failures of the index may be gone the next moment, and the one second try they get. A query only reads, so asking
// again is always safe; a query that is wrong stays wrong and is never asked again.
import { messageOf } from '../../wire/message.ts';
import { RetryBudget, withOneRetry } from '../../wire/retry-budget.ts';

/** Codes of the index itself begin at 50000; 40041 is "too many requests". What has no code is the network's. */
const SERVERS_CODE = 50_000;
const TOO_MANY_REQUESTS = 40_041;

/** Whether a failed query may work the next moment: the index' own trouble, and never a query that is wrong. */
export const isTransient = (error: unknown): boolean => {
  if (error instanceof TypeError) return false;
  const message = messageOf(error);
  const code = /\(code = (\d+)\)/.exec(message)?.[1];
  if (code !== undefined) return Number(code) >= SERVERS_CODE || Number(code) === TOO_MANY_REQUESTS;
  // an answer without a readable body is told by its status alone
  const status = /Status \+ (\d+)/.exec(message)?.[1];
  return status === undefined || Number(status) >= 500 || Number(status) === 429;
};

const isolateBudget = new RetryBudget();

/** What the query answers, or its second try. `ask` must make its options anew: the binding writes into them. */
export const askTwiceAtMost = <T>(ask: () => Promise<T>, budget = isolateBudget): Promise<T> =>
  withOneRetry(ask, { budget, transient: isTransient });
