// Does σ² know what the model will gain? Spearman's correlation of predicted drop and realised gain: over prompts at a
// given N, along each run, step by step, and over all prompts and numbers of steps together.
import { posterior } from '../../functions/select/posterior.ts';
import { dot } from '../../functions/vectors/algebra.ts';
import type { Prompt } from '../material/prompts.ts';
import type { Setting } from '../material/setting.ts';
import { bpbAt, type Row } from '../run/tasks.ts';
import { mean, spearman } from './statistics.ts';

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

export interface Predictor {
  readonly name: string;
  readonly absolute: number;
  readonly relative: number;
}

/** Kernels whose σ² is looked at as a predictor, whatever the picks were chosen by. */
const LOOKED_AT = [
  { degree: 1, lambda: 0.01 },
  { degree: 1, lambda: 1 },
  { degree: 1, lambda: 10 },
  { degree: 6, lambda: 0.1 },
  { degree: 6, lambda: 0.3 },
  { degree: 6, lambda: 1 },
] as const;

/** Spearman over prompts, after n steps, for σ² at several λ and for plain similarities. */
export const predictors = (
  setting: Setting,
  runs: readonly { prompt: Prompt; row: Row; base: number }[],
  n: number,
): Predictor[] => {
  const known = runs.flatMap(({ prompt, row, base }) => {
    const bpb = bpbAt(row, n);
    if (bpb === undefined || row.picks.length === 0) return [];
    const vector = setting.vectorOf(prompt);
    const rows = row.picks.slice(0, n).map((i) => setting.corpus.store.row(i));
    const similarities = rows.map((own) => dot(own, vector));
    const drops = LOOKED_AT.map(
      ({ degree, lambda }) => 1 - (posterior(rows, [vector], lambda, degree).variances.at(-1) ?? 1),
    );
    return [{ gain: base - bpb, relative: 1 - bpb / base, similarities, drops }];
  });
  if (known.length < 3) return [];
  const against = (name: string, of: (one: (typeof known)[number]) => number): Predictor => ({
    name,
    absolute: spearman(
      known.map(of),
      known.map(({ gain }) => gain),
    ),
    relative: spearman(
      known.map(of),
      known.map(({ relative }) => relative),
    ),
  });
  return [
    ...LOOKED_AT.map(({ degree, lambda }, i) =>
      against(`drop of σ², degree ${degree}, λ = ${lambda}`, ({ drops }) => drops[i] ?? 0),
    ),
    against('similarity of the first pick', ({ similarities }) => similarities[0] ?? 0),
    against('mean similarity of the picks', ({ similarities }) => mean(similarities)),
  ];
};

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
