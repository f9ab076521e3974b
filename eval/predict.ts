// Does σ² know what the model will gain? Spearman's correlation of predicted drop and realised gain: over prompts at a
// given N, along each run, step by step, and over all prompts and numbers of steps together.
import { mean, spearman } from './statistics.ts';
import { bpbAt, type Row } from './tasks.ts';

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

const dropAt = ({ row }: Run, n: number): number =>
  row.initialVariance - (row.variances[n - 1] ?? row.variances.at(-1) ?? 0);

const finite = (values: readonly number[]): number[] => values.filter(Number.isFinite);

export const predict = (runs: readonly Run[], counts: readonly number[]): Prediction => {
  const pairs = (run: Run) =>
    run.row.scores.flatMap(([n, bpb]) => (n > 0 ? [{ n, drop: dropAt(run, n), gain: run.base - bpb }] : []));
  const overPrompts = counts.flatMap((n) => {
    const at = runs.flatMap((run) => {
      const bpb = bpbAt(run.row, n);
      return bpb === undefined ? [] : [{ drop: dropAt(run, n), gain: run.base - bpb, relative: 1 - bpb / run.base }];
    });
    if (at.length < 3) return [];
    const drops = at.map(({ drop }) => drop);
    return [
      {
        n,
        prompts: at.length,
        absolute: spearman(
          drops,
          at.map(({ gain }) => gain),
        ),
        relative: spearman(
          drops,
          at.map(({ relative }) => relative),
        ),
      },
    ];
  });
  const along = runs.map((run) => {
    const points = pairs(run);
    return spearman(
      points.map(({ drop }) => drop),
      points.map(({ gain }) => gain),
    );
  });
  const steps = runs.map((run) => {
    const points = [{ n: 0, drop: 0, gain: 0 }, ...pairs(run)];
    const single = points.slice(1).map((point, i) => {
      const before = points[i] ?? { n: 0, drop: 0, gain: 0 };
      const width = point.n - before.n;
      return { drop: (point.drop - before.drop) / width, gain: (point.gain - before.gain) / width };
    });
    return spearman(
      single.map(({ drop }) => drop),
      single.map(({ gain }) => gain),
    );
  });
  const all = runs.flatMap(pairs);
  return {
    prompts: runs.length,
    overPrompts,
    alongRuns: mean(finite(along)),
    bySteps: mean(finite(steps)),
    pooled: spearman(
      all.map(({ drop }) => drop),
      all.map(({ gain }) => gain),
    ),
    points: runs.flatMap((run) =>
      pairs(run)
        .filter(({ n }) => counts.includes(n))
        .map((point) => ({ domain: run.row.domain, ...point })),
    ),
  };
};
