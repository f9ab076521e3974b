// What is chosen on one half of the prompts is judged on the other, in many random halves; and how sure that is.
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { type Interval, mean, quantile, shortInterval } from '../statistics.ts';
import type { LongRun } from './long-runs.ts';

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

/** As many, drawn with replacement. */
export const resampled = (runs: readonly LongRun[], random: () => number): LongRun[] =>
  runs.map(() => at(runs, Math.floor(random() * runs.length)));

/** A mean over random halves, with the 95 % interval where the prompts of each are drawn with replacement as well. */
export type Between = Interval;

/** Pairs of halves that a mean is over, and that an interval is from. */
export interface Times {
  readonly splits: number;
  readonly draws: number;
}

export const TIMES: Times = { splits: 100, draws: 400 };

const byName = <Name extends string, T>(names: readonly Name[], of: (name: Name) => T): Readonly<Record<Name, T>> =>
  Object.fromEntries(names.map((name) => [name, of(name)])) as Record<Name, T>; // every name has its entry

/** `judge`: figures of the second half, by what was chosen on the first. */
export const overHalves = <Name extends string>(
  runs: readonly LongRun[],
  names: readonly Name[],
  { splits, draws }: Times,
  judge: (chosenOn: readonly LongRun[], judgedOn: readonly LongRun[]) => Readonly<Record<Name, number>>,
): Readonly<Record<Name, Between>> => {
  const random = seededRandom(1);
  const bothWays = (one: readonly LongRun[], other: readonly LongRun[]): Readonly<Record<Name, number>> => {
    const [a, b] = [judge(one, other), judge(other, one)];
    return byName(names, (name) => (a[name] + b[name]) / 2);
  };
  const found = Array.from({ length: splits }, () => bothWays(...halves(runs, random)));
  const drawn = Array.from({ length: draws }, () => {
    const [one, other] = halves(runs, random);
    return bothWays(resampled(one, random), resampled(other, random));
  });
  return byName(names, (name) => {
    const values = drawn.map((one) => one[name]);
    return shortInterval({
      mean: mean(found.map((one) => one[name])),
      low: quantile(values, 0.025),
      high: quantile(values, 0.975),
    });
  });
};
