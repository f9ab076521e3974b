// Several tasks at a time. A Worker holds six connections at once, and what would open more waits its turn here instead of
// in the runtime's queue; a client has no use for more requests in flight than a server has workers.
import { at } from './list.ts';

/** Runs the tasks, at most `limit` at once; results in the tasks' order. The first failure fails all. */
export const inParallel = async <T>(tasks: readonly (() => Promise<T>)[], limit: number): Promise<T[]> => {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < tasks.length; i = next++) results[i] = await at(tasks, i)();
  };
  await Promise.all(Array.from({ length: Math.min(limit, tasks.length) }, worker));
  return results;
};
