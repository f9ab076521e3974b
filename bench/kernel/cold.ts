// What a module's first selection costs: each trial compiles a module that V8 has not seen (the same code
// with a custom section of its own, or the engine would answer from its cache), then selects at once, or after tiny
// selections that let it compile the code well.
import { readFile } from 'node:fs/promises';
import { createKernel, type Problem, toQ15 } from '../../functions/kernel/index.ts';
import { median } from '../statistics.ts';
import { LAMBDA, makeInputs, PICKS, type Shape } from './inputs.ts';

export interface Cold {
  /** Milliseconds to compile and instantiate, medians all. */
  readonly instantiate: number;
  readonly first: number;
  /** The tiny selections together, and the first selection after them. */
  readonly warming: number;
  readonly afterWarming: number;
}

const TRIALS = 9;
const TINY_SELECTIONS = 200;

const problemOf = ({ K, d }: Shape, picks: number): Problem => {
  const { rows, query } = makeInputs({ K, d });
  return { rows: toQ15(rows), queries: query, dimensions: d, picks, lambda: LAMBDA, repeat: true };
};

/** The module's bytes and an empty custom section whose name is the trial's. */
const renamed = (bytes: Uint8Array, trial: string): Uint8Array<ArrayBuffer> => {
  const name = new TextEncoder().encode(trial);
  return new Uint8Array([...bytes, 0, name.length + 1, name.length, ...name]);
};

export const measureCold = async (shape: Shape): Promise<Cold> => {
  const bytes = await readFile(new URL('../../build/sift.wasm', import.meta.url));
  const problem = problemOf(shape, PICKS);
  const tiny = problemOf({ K: 16, d: 16 }, 4);
  const times: Record<keyof Cold, number[]> = { instantiate: [], first: [], warming: [], afterWarming: [] };
  const clocked = <T>(into: keyof Cold, work: () => T): T => {
    const from = performance.now();
    const result = work();
    times[into].push(performance.now() - from);
    return result;
  };
  const select = (kernel: ReturnType<typeof createKernel>, asked: Problem): void => {
    const result = kernel.select(asked);
    if (!result.ok) throw new Error(JSON.stringify(result.fault));
  };
  for (let trial = 0; trial < TRIALS; trial++) {
    const at = performance.now();
    const cold = createKernel(await WebAssembly.compile(renamed(bytes, `cold ${trial}`)));
    times.instantiate.push(performance.now() - at);
    clocked('first', () => select(cold, problem));
    const warmed = createKernel(await WebAssembly.compile(renamed(bytes, `warm ${trial}`)));
    clocked('warming', () => {
      for (let i = 0; i < TINY_SELECTIONS; i++) select(warmed, tiny);
    });
    clocked('afterWarming', () => select(warmed, problem));
  }
  return {
    instantiate: median(times.instantiate),
    first: median(times.first),
    warming: median(times.warming),
    afterWarming: median(times.afterWarming),
  };
};
