// The kernel as the rest of the edge sees it: select() and nearest(), pure and synchronous, over one WASM instance
// that this wrapper owns. An instance that trapped or grew too large is thrown away, and the next call makes another. Trade-
// off: one instance serves an isolate's requests in turn, which costs nothing, since a selection takes a millisecond or less
// and JavaScript is single-threaded there.

import { fail, type Result } from '../../wire/faults.ts';
import { MAX_KEPT_KERNEL_BYTES } from '../../wire/limits.ts';
import { messageOf } from '../../wire/message.ts';
import { type Instance, instantiate } from './instance.ts';
import type { Nearest, Problem, Rows, Selection } from './problem.ts';
import { selectWith } from './select.ts';
import { createStore, nearestOnce, type RowStore } from './store.ts';

export type { Nearest, Problem, Rows, Selection, StopReason } from './problem.ts';
export { fromQ15, toQ15 } from './q15.ts';
export { noise } from './select.ts';
export type { RowStore } from './store.ts';

export interface Kernel {
  /** Exact greedy SIFT; see problem.ts. Faults name the offending value. */
  select(problem: Problem): Result<Selection>;
  /** Exact top-k by inner product, best first. */
  nearest(rows: Rows, query: Rows, dimensions: number, k: number): Nearest;
  /** Rows that stay in memory, for many searches. */
  store(dimensions: number): RowStore;
}

/** Wraps a compiled module. Throws if its ABI is another's. */
export const createKernel = (module: WebAssembly.Module): Kernel => {
  let instance: Instance | undefined = instantiate(module);
  return {
    select(problem) {
      instance ??= instantiate(module);
      const used = instance;
      // kept only after a call that returned: the memory of an instance that trapped may hold anything
      instance = undefined;
      try {
        const selection = selectWith(used, problem);
        if (used.reserve(0).byteLength <= MAX_KEPT_KERNEL_BYTES) instance = used;
        return selection;
      } catch (error) {
        const message = messageOf(error);
        return fail({ kind: 'internal', message: `the kernel failed: ${message}` });
      }
    },
    nearest: (rows, query, dimensions, k) => nearestOnce(module, rows, query, dimensions, k),
    store: (dimensions) => createStore(module, dimensions),
  };
};
