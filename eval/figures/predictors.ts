// What else predicts the gain: σ² with other kernels, whatever kernel the picks were chosen by, and plain similarities with
// the prompt. The figures of predict.ts are to be read beside these.
import { posterior } from '../../functions/select/posterior.ts';
import { dot } from '../../functions/vectors/algebra.ts';
import { at } from '../../wire/list.ts';
import type { Prompt } from '../material/prompts.ts';
import type { Setting } from '../material/setting.ts';
import { bpbAt, type Row } from '../run/tasks.ts';
import { mean, spearman } from '../statistics.ts';

export interface Predictor {
  readonly name: string;
  /** Spearman's correlation with the gain in bits per byte, and with the gain relative to the base. */
  readonly absolute: number;
  readonly relative: number;
}

/** Kernels whose σ² is tried as a predictor. */
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
      ({ degree, lambda }) => 1 - at(posterior(rows, [vector], lambda, degree).variances, rows.length - 1),
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
      against(`drop of σ², degree ${degree}, λ = ${lambda}`, ({ drops }) => at(drops, i)),
    ),
    against('similarity of the first pick', ({ similarities }) => at(similarities, 0)),
    against('mean similarity of the picks', ({ similarities }) => mean(similarities)),
  ];
};
