// What is chosen on one half of the prompts is judged on the other, in many random halves; and how sure that is.
import { at } from '../../wire/list.ts';
import type { Interval } from '../statistics.ts';
import type { LongRun } from './long-runs.ts';

/** A mean over random halves, with the 95 % interval where the prompts of each are drawn with replacement as well. */
export type Between = Interval;

/** Halves of the prompts of each domain. */
export const halves = (runs: readonly LongRun[], random: () => number): [LongRun[], LongRun[]] => {
  const [one, other]: [LongRun[], LongRun[]] = [[], []];
  let turn = 0;
  for (const group of Map.groupBy(runs, ({ domain }) => domain).values()) {
    const order = group
      .map((run) => ({ run, place: random() }))
      .sort((a, b) => a.place - b.place)
      .map(({ run }) => run);
    for (const run of order) (turn++ % 2 === 0 ? one : other).push(run);
  }
  return [one, other];
};

export const resampled = (runs: readonly LongRun[], random: () => number): LongRun[] =>
  runs.map(() => at(runs, Math.floor(random() * runs.length)));
