// What every selection tells of itself, wherever its candidates came from: the figures of each pick, and what a caller
// should know beside them.
import type { SelectionOptions } from '../../wire/api/select.ts';
import { AUTO_MIN_SIMILARITY, DOUBTFUL_LAMBDA } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { explainedBy, type Removable } from './explained.ts';
import type { PoolFigures, Selection, Pick as Taken } from './selection.ts';
import type { Chosen } from './strategies.ts';

/** What is known before anything is picked. */
export interface Base {
  readonly corpora?: readonly string[];
  readonly lambda: number;
  readonly centred: boolean;
  readonly pool: PoolFigures;
  readonly removable: Removable;
}

const leastOf = ({ min_similarity }: SelectionOptions): number | undefined =>
  min_similarity === 'auto' ? AUTO_MIN_SIMILARITY : min_similarity;

const warningsOf = (options: SelectionOptions, chosen: Chosen): string[] => {
  const { lambda } = options;
  const least = leastOf(options);
  const warnings: string[] = [];
  if (lambda < DOUBTFUL_LAMBDA) {
    warnings.push(
      `lambda ${lambda} is below ${DOUBTFUL_LAMBDA} of the largest squared norm: sigma2 loses digits to rounding`,
    );
  }
  if (chosen.picks.length === 0 && least !== undefined) {
    warnings.push(`no candidate reaches min_similarity ${least}`);
  }
  return warnings;
};

/** The figures of the pick at this place, candidate `i`. */
const figures = (chosen: Chosen, similarity: Float64Array, i: number, place: number) => ({
  gain: at(chosen.gains, place),
  similarity: at(similarity, i),
  covariance: at(chosen.covariances, place),
  variance: at(chosen.variances, place),
});

/** What is known of a candidate, whoever picks it. */
type Known = Omit<Taken, keyof ReturnType<typeof figures> | 'explained'>;

/** `similarity`: of every candidate. */
export const accountOf = (
  { removable, corpora = [], pool, ...base }: Base,
  options: SelectionOptions,
  chosen: Chosen,
  similarity: Float64Array,
  known: (i: number) => Known,
  warnings: readonly string[] = [],
): Selection => {
  const { initialVariance, variances } = chosen;
  const explained = explainedBy(chosen.gains, removable.variance);
  const finalVariance = variances.at(-1) ?? initialVariance;
  return {
    ...base,
    pool: removable.candidates < pool.size ? { ...pool, measured: removable.candidates } : pool,
    corpora,
    corpus: corpora.length === 1 ? corpora[0] : undefined,
    strategy: options.strategy,
    n: options.n,
    degree: options.degree,
    minSimilarity: leastOf(options),
    picks: chosen.picks.map((i, place) => ({
      ...known(i),
      ...figures(chosen, similarity, i, place),
      explained: explained[place] ?? null,
    })),
    initialVariance,
    finalVariance,
    explained: explained.at(-1) ?? (removable.variance > 0 ? 0 : null),
    stop: chosen.stop,
    warnings: [...warningsOf(options, chosen), ...warnings],
  };
};
