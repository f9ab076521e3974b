// Work that is submitted all at once and answered in order. Submissions go out in the order of their numbers, some at a
// time; results are asked for some ahead of the one that is waited for. When the reader leaves, nothing more is submitted,
// what is on its way is let arrive (so that no number is missing), and whatever the server has not done is cancelled.
import { BACKEND_CANCEL_MOST, BACKEND_POLL_AHEAD, BACKEND_SUBMIT_AT_ONCE } from '../../../wire/limits.ts';

export interface Pipeline<T> {
  readonly count: number;
  /** Sends the piece of work with this index, all of it or nothing; resolves with the ids of its promises. */
  submit(index: number, signal: AbortSignal): Promise<readonly string[]>;
  /** What came of it. */
  result(requestIds: readonly string[], index: number, signal: AbortSignal): Promise<T>;
  /** Best effort; never throws. */
  cancel(requestIds: readonly string[]): void;
  /** A submission failed or its fate is unknown: numbers after it will wait for ever. */
  torn(error: unknown): void;
}

interface Arrival<T> {
  readonly value: T;
  /** By performance.now(): when it came, however late it is read. */
  readonly at: number;
}

const handled = <T>(promise: Promise<T>): Promise<T> => {
  promise.catch(() => {});
  return promise;
};

export async function* pipelined<T>(work: Pipeline<T>, caller: AbortSignal): AsyncGenerator<Arrival<T>, void, void> {
  const { count } = work;
  const ended = new AbortController();
  const signal = AbortSignal.any([caller, ended.signal]);
  const ids = Array.from({ length: count }, () => Promise.withResolvers<readonly string[]>());
  for (const { promise } of ids) handled(promise);
  const known = new Map<number, readonly string[]>();
  let next = 0;
  let failed = false;

  const submitting = async (): Promise<void> => {
    while (next < count && !failed && !signal.aborted) {
      const index = next++;
      try {
        // only a caller's abort ends what is on its way
        const id = await work.submit(index, caller);
        known.set(index, id);
        ids[index]?.resolve(id);
      } catch (error) {
        failed = true;
        work.torn(error);
        for (const { reject } of ids.slice(index)) reject(error);
      }
    }
  };
  const submitters = Array.from({ length: Math.min(count, BACKEND_SUBMIT_AT_ONCE) }, () => handled(submitting()));

  const arrivals: Promise<Arrival<T>>[] = [];
  const ask = (index: number): void => {
    const id = ids[index];
    if (id === undefined) return;
    const arrival = async (): Promise<Arrival<T>> => {
      const value = await work.result(await id.promise, index, signal);
      known.delete(index);
      return { value, at: performance.now() };
    };
    arrivals[index] = handled(arrival());
  };

  const aborted = Promise.withResolvers<never>();
  handled(aborted.promise);
  const abort = (): void => aborted.reject(caller.reason);
  caller.addEventListener('abort', abort, { once: true });
  try {
    for (let index = 0; index < Math.min(count, BACKEND_POLL_AHEAD); index++) ask(index);
    for (let index = 0; index < count; index++) {
      caller.throwIfAborted();
      const arrival = arrivals[index];
      if (arrival === undefined) throw new Error(`nothing was asked for at ${index}`);
      yield await Promise.race([arrival, aborted.promise]);
      ask(index + BACKEND_POLL_AHEAD);
    }
  } finally {
    caller.removeEventListener('abort', abort);
    ended.abort();
    if (!caller.aborted) await Promise.all(submitters);
    else if (next < count || known.size > 0) work.torn(caller.reason);
    if (known.size > 0) work.cancel([...known.values()].flat().slice(-BACKEND_CANCEL_MOST));
  }
}
