// Which modes each table of docs/study/context.md compares.
import type { Mode } from './modes.ts';

const BASE: Mode = { strategy: '', copies: 1, steps: 0, context: 0, text: 'continuation' };
const mode = (strategy: string, steps: number, context: number, more: Partial<Mode> = {}): Mode => ({
  ...BASE,
  strategy,
  steps,
  context,
  ...more,
});
const both = (of: (strategy: string) => Mode[]): Mode[] => ['nn', 'sift'].flatMap(of);

/** The product's ten picks in every use, and the context's by NN and MMR too. */
export const MAIN: readonly Mode[] = [
  BASE,
  ...['nn', 'mmr', 'sift'].map((strategy) => mode(strategy, 0, 10)),
  mode('sift', 10, 0),
  mode('sift', 10, 10),
];

/** Ten steps on the picks of NN and of SIFT. */
export const TUNED: readonly Mode[] = [BASE, ...both((strategy) => [mode(strategy, 10, 0), mode(strategy, 10, 10)])];

/** The paper's score: the prompt's own text. */
export const PROMPT: readonly Mode[] = [
  { ...BASE, text: 'prompt' },
  ...both((strategy) => [mode(strategy, 10, 0, { text: 'prompt' })]),
];
/** The corpus holds every example once, or five times. */
export const COPIES: readonly Mode[] = [
  BASE,
  ...both((strategy) => [mode(strategy, 0, 10), mode(strategy, 0, 10, { copies: 5 })]),
];
/** More steps, alone and with picks in the context. */
export const LONG: readonly Mode[] = [
  BASE,
  ...both((strategy) =>
    [10, 20, 50].flatMap((steps) =>
      (steps === 10 ? [0, 10] : [0, 5, 10]).map((context) => mode(strategy, steps, context)),
    ),
  ),
];
