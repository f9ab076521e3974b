// What is known of a run after so many of its steps: the more, the more it should gain.
import { GUARD_MOST_GAIN_NATS } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { mean } from '../statistics.ts';
import type { LongRun } from './long-runs.ts';

/** As the guard counts them: a pick that is nearly an earlier one again gains more than any other text would. */
export const capped = (differences: readonly number[]): number[] =>
  differences.map((nats) => Math.max(nats, -GUARD_MOST_GAIN_NATS));

/** b of d = −b·ln(step), through the first pick's 0, times ln(steps + 1): what the steps so far are worth by the line. */
const line = (differences: readonly number[], steps: number): number => {
  const later = differences.slice(1, steps);
  const logs = later.map((_, i) => Math.log(i + 2));
  const fall = later.reduce((sum, nats, i) => sum - nats * at(logs, i), 0);
  return (fall / logs.reduce((sum, x) => sum + x * x, 0)) * Math.log(steps + 1);
};

export type Signal = (run: LongRun, steps: number) => number;

export const SIGNALS = {
  'prequential mean': ({ differences }, steps) => -mean(differences.slice(1, steps)),
  'prequential mean, capped': ({ differences }, steps) => -mean(capped(differences.slice(1, steps))),
  'prequential, the fitted line': ({ differences }, steps) => line(differences, steps),
  'prequential, the last ten': ({ differences }, steps) =>
    -mean(capped(differences.slice(Math.max(1, steps - 10), steps))),
  'drop of σ²': ({ variances }, steps) => 1 - at(variances, steps - 1),
  'mean similarity': ({ similarities }, steps) => mean(similarities.slice(0, steps)),
  'the prompt’s own gain': ({ promptGain }, steps) => promptGain(steps),
} satisfies Record<string, Signal>;

export type SignalName = keyof typeof SIGNALS;
