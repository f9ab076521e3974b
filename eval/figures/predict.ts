// Does σ² predict the gain? Spearman's correlation of predicted drop and realised gain: over prompts at a given N, along
// each run, step by step, and over all prompts and numbers of steps together.
import { at } from '../../wire/list.ts';
import { bpbAt, type Row } from '../run/tasks.ts';
import { mean, spearman } from '../statistics.ts';

export interface Prediction {
  readonly prompts: number;
  /** N → Spearman over prompts of σ²₀ − σ²_N and base − bpb_N. */
  readonly overPrompts: readonly {
    readonly n: number;
    readonly prompts: number;
    readonly absolute: number;
    readonly relative: number;
  }[];
  /** Mean over runs of Spearman along the run (cumulative drop and gain). */
  readonly alongRuns: number;
  /** Of single steps, within runs: drop and gain of each step. */
  readonly bySteps: number;
  /** All prompts and scored steps together. */
  readonly pooled: number;
  readonly points: readonly {
    readonly domain: string;
    readonly n: number;
    readonly drop: number;
    readonly gain: number;
  }[];
}

interface Run {
  readonly row: Row;
  readonly base: number;
}

interface Point {
  readonly n: number;
  readonly drop: number;
  readonly gain: number;
}

const START: Point = { n: 0, drop: 0, gain: 0 };

/** A run that ended before n keeps the σ² of its last pick; without a pick nothing has dropped. */
const dropAt = ({ row }: Run, n: number): number =>
  row.initialVariance - (row.variances[n - 1] ?? row.variances.at(-1) ?? row.initialVariance);

const pointsOf = (run: Run): Point[] =>
  run.row.scores.flatMap(([n, bpb]) => (n > 0 ? [{ n, drop: dropAt(run, n), gain: run.base - bpb }] : []));

const finite = (values: readonly number[]): number[] => values.filter(Number.isFinite);

/** Of drop and gain. */
const correlation = (points: readonly Pick<Point, 'drop' | 'gain'>[]): number =>
  spearman(
    points.map(({ drop }) => drop),
    points.map(({ gain }) => gain),
  );

/** undefined for too few prompts. */
const overPromptsAt = (runs: readonly Run[], n: number): Prediction['overPrompts'][number] | undefined => {
  const points = runs.flatMap((run) => {
    const bpb = bpbAt(run.row, n);
    return bpb === undefined ? [] : [{ drop: dropAt(run, n), gain: run.base - bpb, relative: 1 - bpb / run.base }];
  });
  if (points.length < 3) return undefined;
  return {
    n,
    prompts: points.length,
    absolute: correlation(points),
    relative: correlation(points.map(({ drop, relative }) => ({ drop, gain: relative }))),
  };
};

/** Drop and gain of single steps, from one scored number of steps to the next. */
const stepByStep = (run: Run): Pick<Point, 'drop' | 'gain'>[] => {
  const points = pointsOf(run);
  const starts = [START, ...points];
  return points.map((point, i) => {
    const before = at(starts, i);
    const width = point.n - before.n;
    return { drop: (point.drop - before.drop) / width, gain: (point.gain - before.gain) / width };
  });
};

export const predict = (runs: readonly Run[], counts: readonly number[]): Prediction => ({
  prompts: runs.length,
  overPrompts: counts.flatMap((n) => overPromptsAt(runs, n) ?? []),
  alongRuns: mean(finite(runs.map((run) => correlation(pointsOf(run))))),
  bySteps: mean(finite(runs.map((run) => correlation(stepByStep(run))))),
  pooled: correlation(runs.flatMap(pointsOf)),
  points: runs.flatMap((run) =>
    pointsOf(run)
      .filter(({ n }) => counts.includes(n))
      .map((point) => ({ domain: run.row.domain, ...point })),
  ),
});
