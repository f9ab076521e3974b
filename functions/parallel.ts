// A Worker holds six connections at once; what would open more waits its turn here instead of in the runtime's queue.

/** Runs the tasks, at most `limit` at once; results in the tasks' order. The first failure fails all. */
export const inParallel = async <T>(tasks: readonly (() => Promise<T>)[], limit: number): Promise<T[]> => {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < tasks.length; i = next++) {
      const task = tasks[i];
      if (task !== undefined) results[i] = await task();
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, tasks.length) }, worker));
  return results;
};
