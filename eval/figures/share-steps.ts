// A budget of steps shared by many prompts: does it pay to give more of them where a signal says that they gain more? The gain
// of a prompt is taken as (a + b·x)·u + c·u², u = ln(1 + n), with a, b and c fitted on one half of the prompts and the steps
// dealt out on the other, to whoever gains most by them.
import { at } from '../../wire/list.ts';
import { mean, short } from '../statistics.ts';
import { type Between, overHalves, TIMES, type Times } from './halves.ts';
import { leastSquares } from './least-squares.ts';
import type { LongRun } from './long-runs.ts';
import { SIGNALS, type SignalName } from './signals.ts';

export interface Way {
  readonly name: string;
  /** Steps that every prompt is given first, for the signal to be read. */
  readonly first: number;
  readonly x: (run: LongRun) => readonly number[];
}

const after =
  (steps: number, ...names: readonly SignalName[]) =>
  (run: LongRun): number[] =>
    names.map((name) => SIGNALS[name](run, steps));

/** Similarities and σ² are known before any step. */
export const WAYS: readonly Way[] = [
  { name: 'mean similarity of the first ten picks, known before any step', first: 1, x: after(10, 'mean similarity') },
  { name: 'σ² after ten picks, known before any step', first: 1, x: after(10, 'drop of σ²') },
  { name: 'prequential mean after 5 steps', first: 5, x: after(5, 'prequential mean, capped') },
  { name: 'prequential mean after 10 steps', first: 10, x: after(10, 'prequential mean, capped') },
  { name: 'the prompt’s own gain after 5 steps', first: 5, x: after(5, 'the prompt’s own gain') },
  {
    name: 'all three after 5 steps',
    first: 5,
    x: after(5, 'mean similarity', 'prequential mean, capped', 'the prompt’s own gain'),
  },
];

type Curve = (steps: number) => number;

/** Predicts the gain of any run from what is known of it. */
const learn = (runs: readonly LongRun[], { x }: Way): ((run: LongRun) => Curve) => {
  const row = (known: readonly number[], steps: number): number[] => {
    const u = Math.log(1 + steps);
    return [u, u * u, ...known.map((value) => value * u)];
  };
  const points = runs.flatMap((run) => {
    const known = x(run);
    return run.read.filter((steps) => steps > 0).map((steps) => ({ row: row(known, steps), gain: run.gain(steps) }));
  });
  const coefficients = leastSquares(
    points.map((point) => point.row),
    points.map(({ gain }) => gain),
  );
  const [linear, square, ...slopes] = coefficients;
  if (linear === undefined || square === undefined) throw new Error('a curve has two coefficients of its own');
  return (run) => {
    const slope = x(run).reduce((sum, value, j) => sum + value * at(slopes, j), linear);
    return (steps) => {
      const u = Math.log(1 + steps);
      return slope * u + square * u * u;
    };
  };
};

interface Stretch {
  readonly prompt: number;
  readonly steps: number;
  /** Gain a step. */
  readonly slope: number;
}

/** A curve's upper hull from `first` on while it rises: what can be gained by going on, the best stretch first. */
const stretches = (curve: Curve, prompt: number, first: number, most: number): Stretch[] => {
  const hull: [number, number][] = [];
  for (let n = first; n <= most; n++) {
    const gain = curve(n);
    for (; hull.length >= 2; hull.pop()) {
      const [[m0, g0], [m1, g1]] = [at(hull, hull.length - 2), at(hull, hull.length - 1)];
      if ((g1 - g0) * (n - m1) > (gain - g1) * (m1 - m0)) break;
    }
    hull.push([n, gain]);
  }
  return hull.slice(1).flatMap(([n, gain], i) => {
    const [before, had] = at(hull, i);
    return gain > had ? [{ prompt, steps: n - before, slope: (gain - had) / (n - before) }] : [];
  });
};

/** Steps of each prompt: `first`, and of what is left the stretches that gain most a step, as far as any gains. */
export const dealOut = (curves: readonly Curve[], first: number, each: number, most: number): number[] => {
  const steps = curves.map(() => first);
  let left = curves.length * (each - first);
  const all = curves.flatMap((curve, prompt) => stretches(curve, prompt, first, most));
  for (const stretch of all.sort((a, b) => b.slope - a.slope)) {
    const taken = Math.min(left, stretch.steps);
    steps[stretch.prompt] = at(steps, stretch.prompt) + taken;
    left -= taken;
  }
  return steps;
};

/** One way of dealing out. */
export interface Dealt {
  readonly way: string;
  /** Gain in bits per byte more than the same number for all gives; and the share of the steps that was dealt out. */
  readonly more: Between;
  readonly spent: Between;
}

export interface Shared {
  /** Steps a prompt, and what that many for all gain. */
  readonly each: number;
  readonly gain: number;
  readonly ways: readonly Dealt[];
  /** Gain more where they are dealt out by the gains that came. */
  readonly best: number;
}

const gainOf = (runs: readonly LongRun[], steps: readonly number[]): number =>
  mean(runs.map((run, i) => run.gain(at(steps, i))));

const dealt = (
  way: Way,
  each: number,
  learned: readonly LongRun[],
  judged: readonly LongRun[],
): { more: number; spent: number } => {
  const predict = learn(learned, way);
  const most = Math.max(...at(judged, 0).read);
  const steps = dealOut(judged.map(predict), way.first, each, most);
  return { more: gainOf(judged, steps) - mean(judged.map((run) => run.gain(each))), spent: mean(steps) / each };
};

const dealBy = (runs: readonly LongRun[], each: number, way: Way, times: Times): Dealt => ({
  way: way.name,
  ...overHalves(runs, ['more', 'spent'], times, (learned, judged) => dealt(way, each, learned, judged)),
});

/** With hindsight. */
const atBest = (runs: readonly LongRun[], each: number): number => {
  const curves = runs.map((run) => (n: number) => run.gain(n));
  return gainOf(runs, dealOut(curves, 0, each, Math.max(...at(runs, 0).read)));
};

export const shareSteps = (runs: readonly LongRun[], each: number, ways = WAYS, times = TIMES): Shared => {
  const gain = mean(runs.map((run) => run.gain(each)));
  return {
    each,
    gain: short(gain),
    ways: ways.filter(({ first }) => first < each).map((way) => dealBy(runs, each, way, times)),
    best: short(atBest(runs, each) - gain),
  };
};
