// The rules by which a run could end early, each with the parameter that decides how soon. A rule that looks at losses sees
// those of steps that were made; picks are chosen before the first step, so that similarities and σ² are known for all.
import { at } from '../../wire/list.ts';
import { mean } from '../statistics.ts';
import { leastSquares } from './least-squares.ts';
import type { LongRun } from './long-runs.ts';
import { stopping } from './prequential-stop.ts';
import { capped } from './signals.ts';
import { similarityStop } from './stopping.ts';

/** Steps to make of at most so many. */
export type Stop = (run: LongRun, most: number) => number;

export interface Rule {
  readonly name: string;
  readonly parameters: readonly number[];
  /** Whether it learns anything from the runs that its parameter is chosen on. */
  readonly learns?: true;
  stop(parameter: number, learned: readonly LongRun[]): Stop;
}

/** The first number of steps, from `least` on, after which `ends` says so. */
const firstEnd = (least: number, most: number, ends: (steps: number) => boolean): number => {
  for (let steps = least; steps < most; steps++) if (ends(steps)) return steps;
  return most;
};

const geometric = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => Number((from * (to / from) ** (i / (count - 1))).toPrecision(3)));

/** Nats per token and step. */
const COSTS = geometric(2e-4, 0.05, 25);

const asPicks = (differences: readonly number[]) => differences.map((nats, i) => ({ step: i + 1, nats }));

const fitted = (name: string, seen: (differences: readonly number[]) => readonly number[]): Rule => ({
  name,
  parameters: COSTS,
  stop:
    (cost) =>
    ({ differences }, most) => {
      const picks = asPicks(seen(differences));
      return firstEnd(1, most, (steps) => stopping(picks.slice(0, steps), cost));
    },
});

/** Picks of each window. */
const WINDOW = 10;

/** What the last picks gained more than those before them, a step. */
const windows: Rule = {
  name: 'windows of 10 picks',
  parameters: [-0.02, -0.01, -0.005, -0.002, 0, 0.002, 0.005, 0.01, 0.02],
  stop:
    (cost) =>
    ({ differences }, most) => {
      const counted = capped(differences);
      return firstEnd(2 * WINDOW, most, (steps) => {
        const late = mean(counted.slice(steps - WINDOW, steps));
        const early = mean(counted.slice(steps - 2 * WINDOW, steps - WINDOW));
        return (early - late) / WINDOW < cost;
      });
    },
};

/** Share that the running mean keeps of itself at each pick. */
const KEPT = 0.9;

/** The discounted mean has risen from its lowest by so many nats: the steps have begun to harm. */
const turned: Rule = {
  name: 'discounted mean rises',
  parameters: [0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1],
  stop:
    (rise) =>
    ({ differences }, most) => {
      let [level, lowest] = [0, 0];
      const ends = capped(differences).map((nats) => {
        level = KEPT * level + (1 - KEPT) * nats;
        lowest = Math.min(lowest, level);
        return level - lowest > rise;
      });
      return firstEnd(2, most, (steps) => at(ends, steps - 1));
    },
};

/** Steps that every prompt is given before it is decided, once, whether it gets the rest. */
const TRIAL = 10;

const triage: Rule = {
  name: 'ten steps, the rest if they helped',
  parameters: [-0.09, -0.07, -0.05, -0.04, -0.03, -0.02, -0.01, -0.005, 0, 0.005, 0.01, 0.02, 0.05, 0.1],
  stop:
    (level) =>
    ({ differences }, most) =>
      mean(capped(differences.slice(1, TRIAL))) > level ? Math.min(TRIAL, most) : most,
};

/** The next pick lowers σ² by less than this share of what all picks so far did. */
const variance: Rule = {
  name: 'drop of σ²',
  parameters: geometric(1e-6, 0.3, 22),
  stop:
    (share) =>
    ({ variances }, most) =>
      firstEnd(1, most, (steps) => {
        const before = at(variances, steps - 1);
        return before - at(variances, steps) < share * (1 - before);
      }),
};

const similarity: Rule = {
  name: 'similarity',
  parameters: Array.from({ length: 26 }, (_, i) => Number((0.1 + 0.02 * i).toFixed(2))),
  stop:
    (least) =>
    ({ similarities }, most) =>
      Math.max(1, Math.min(most, similarityStop(similarities, least))),
};

/** The mean similarity of the next picks falls below the threshold: one pick alone is noisy. */
const nextSimilarity: Rule = {
  name: 'similarity of the next 5',
  parameters: similarity.parameters,
  stop:
    (least) =>
    ({ similarities }, most) =>
      firstEnd(1, most, (steps) => mean(similarities.slice(steps, steps + 5)) < least),
};

const fixed: Rule = {
  name: 'fixed n',
  parameters: Array.from({ length: 100 }, (_, i) => i + 1),
  stop: (n) => (_, most) => Math.min(n, most),
};

/** Readings of the prompt's own bits, from `first` steps on: what a step gained since the one before. */
const promptBits = (name: string, first: number): Rule => ({
  name,
  parameters: [-0.004, -0.002, -0.001, -0.0005, 0, 0.0002, 0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.01],
  stop:
    (cost) =>
    ({ read, promptGain }, most) => {
      const places = [0, ...read.filter((steps) => steps >= first)];
      const end = places.findIndex((steps, i) => {
        if (i === 0 || steps >= most) return false;
        const before = at(places, i - 1);
        return (promptGain(steps) - promptGain(before)) / (steps - before) < cost;
      });
      return end < 0 ? most : at(places, end);
    },
});

const promptTriage: Rule = {
  name: 'ten steps, the rest if the prompt gained',
  parameters: [-0.02, -0.01, -0.005, 0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1],
  stop:
    (least) =>
    ({ promptGain }, most) =>
      promptGain(Math.min(TRIAL, most)) < least ? Math.min(TRIAL, most) : most,
};

/** Fewest picks that a line is fitted through. */
const LEAST = 5;

/** What is known after so many steps about those that follow, up to `next`. */
const known = (
  { differences, similarities, variances, promptGain }: LongRun,
  steps: number,
  next: number,
): readonly number[] => {
  const counted = capped(differences.slice(0, steps));
  const slope = -mean(counted.slice(1).map((nats, i) => nats / Math.log(i + 2)));
  const before = at(variances, steps - 1);
  return [
    1,
    slope,
    -mean(counted.slice(-WINDOW)),
    mean(similarities.slice(steps, next)),
    (before - at(variances, next - 1)) / (1 - before + 1e-9),
    promptGain(steps),
  ].map((value) => value / steps);
};

/** All signals in one line: the gain a step up to the next reading, learned from other runs. */
const mixture: Rule = {
  name: 'all signals, learned',
  learns: true,
  parameters: [-0.002, -0.001, -0.0005, 0, 0.0001, 0.0002, 0.0003, 0.0005, 0.0007, 0.001, 0.0015, 0.002, 0.003, 0.005],
  stop: (cost, learned) => {
    const places = ({ read }: LongRun) =>
      read.flatMap((steps, i) => (steps >= LEAST && i + 1 < read.length ? [[steps, at(read, i + 1)] as const] : []));
    const points = learned.flatMap((run) =>
      places(run).map(([steps, next]) => ({
        row: known(run, steps, next),
        target: (run.gain(next) - run.gain(steps)) / (next - steps),
      })),
    );
    const coefficients = leastSquares(
      points.map(({ row }) => row),
      points.map(({ target }) => target),
    );
    return (run, most) => {
      const end = places(run).find(
        ([steps, next]) =>
          steps < most && known(run, steps, next).reduce((sum, x, j) => sum + x * at(coefficients, j), 0) < cost,
      );
      return end === undefined ? most : at(end, 0);
    };
  },
};

export const FIXED = fixed.name;
export const RULES: readonly Rule[] = [
  fixed,
  fitted('prequential, a fitted line', (differences) => differences),
  fitted('prequential, capped, a fitted line', capped),
  windows,
  turned,
  triage,
  variance,
  similarity,
  nextSimilarity,
  promptBits('the prompt’s own bits', 1),
  promptBits('the prompt’s own bits, from ten steps on', TRIAL),
  promptTriage,
  mixture,
];
