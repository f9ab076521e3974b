// One laid-out selection, repeated: the code under the clock, the same in Node and in workerd.
// `core` is the module's own work, rows already in its memory: what native code is compared with.
// `select` is the wrapper's whole call: checks, copies in and out, and the kernel.
import { createKernel, toQ15 } from '../../functions/kernel/index.ts';
import { instantiate } from '../../functions/kernel/instance.ts';
import type { Problem } from '../../functions/kernel/problem.ts';
import { selectWith } from '../../functions/kernel/select.ts';
import { LAMBDA, makeInputs, PICKS, type Shape } from './inputs.ts';

export type Kind = 'f32' | 'q15' | 'q15 p=6';
/** The inner product, and the API's default. */
const DEGREES: Readonly<Record<Kind, number>> = { f32: 1, q15: 1, 'q15 p=6': 6 };
export type Mode = 'core' | 'select';

export interface Subject {
  /** Makes the selection `repetitions` times; the picks, or a count of them that nothing can optimise away. */
  run(mode: Mode, repetitions: number): number;
  readonly picks: readonly number[];
}

export const prepare = (module: WebAssembly.Module, kind: Kind, shape: Shape): Subject => {
  const { rows, query } = makeInputs(shape);
  const degree = DEGREES[kind];
  const problem: Problem = {
    rows: kind === 'f32' ? rows : toQ15(rows),
    queries: query,
    dimensions: shape.d,
    picks: PICKS,
    lambda: LAMBDA,
    repeat: true,
    degree,
  };
  const instance = instantiate(module);
  const first = selectWith(instance, problem);
  if (!first.ok) throw new Error(JSON.stringify(first.fault));
  const kernel = createKernel(module);
  return {
    picks: first.value.picks,
    run(mode, repetitions) {
      let sink = 0;
      for (let r = 0; r < repetitions; r++) {
        if (mode === 'core') sink += instance.exports.select(LAMBDA, 0, 1, degree);
        else {
          const result = kernel.select(problem);
          sink += result.ok ? result.value.picks.length : 0;
        }
      }
      return sink;
    },
  };
};
