// Chooses examples for a prompt in one of the ways that the study compares. SIFT, NN and MMR are the product's own code on
// the product's own pool; HullFT, uncertainty sampling, random picks and the single nearest example exist here only, for
// comparison.
import { createHash } from 'node:crypto';
import type { Kernel } from '../../functions/kernel/index.ts';
import { fromQ15 } from '../../functions/kernel/q15.ts';
import { centredPrompts } from '../../functions/select/centre.ts';
import { posterior } from '../../functions/select/posterior.ts';
import { choose } from '../../functions/select/strategies.ts';
import { less } from '../../functions/vectors/algebra.ts';
import { unwrap } from '../../wire/faults.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { indicesOf, type PromptView } from '../material/corpus.ts';
import { type Gathered, gather, numberOf } from './gather.ts';
import { hullPicks } from './hullft.ts';
import type { SelectionSpec, Strategy } from './spec.ts';
import { uncertainPicks } from './uncertainty.ts';

export interface Chosen {
  /** Numbers of examples in the order of the steps. */
  readonly picks: readonly number[];
  readonly variances: readonly number[];
  readonly covariances: readonly number[];
  readonly initialVariance: number;
  readonly pool: number;
  readonly queries: number;
  readonly collapsed: number;
  /** Milliseconds of the pool and of the choice. */
  readonly ms: { readonly pool: number; readonly select: number };
}

/** Picks as places in the pool, and the variances they leave. */
type Choice = Pick<Chosen, 'picks' | 'variances' | 'covariances' | 'initialVariance'>;

const floats = (rows: Int16Array | Float32Array): Float32Array => (rows instanceof Float32Array ? rows : fromQ15(rows));

/** Without replacement, the same draw for the same seed, whatever else is run. */
const shuffled = (count: number, n: number, seed: string): number[] => {
  const random = seededRandom(createHash('sha256').update(seed).digest().readInt32LE());
  const left = Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: Math.min(n, count) }, () => at(left.splice(Math.floor(random() * left.length), 1), 0));
};

/** Places in the pool in the order of the steps, for the strategies that the product does not have. */
const compared = (rows: Float32Array, view: PromptView, wanted: SelectionSpec): number[] => {
  const { dimensions } = view.corpus;
  const { strategy, n, lambda } = wanted;
  switch (strategy) {
    case 'nn-f':
      return Array.from({ length: n }, () => 0); // the pool's first is the nearest
    case 'uncertainty':
      return uncertainPicks(rows, dimensions, n, lambda);
    case 'hullft':
      return hullPicks(rows, view.vector, dimensions, n);
    case 'random':
    case 'random-pool':
      return shuffled(rows.length / dimensions, n, `${view.id} ${strategy}`);
    default:
      throw new Error(`${strategy} is the product's own`);
  }
};

const PRODUCT_STRATEGIES: Partial<Record<Strategy, 'sift' | 'nn' | 'mmr'>> = {
  sift: 'sift',
  'nn-distinct': 'nn',
  mmr: 'mmr',
};

const chooseAmong = (kernel: Kernel, { rows, seen }: Gathered, view: PromptView, wanted: SelectionSpec): Choice => {
  const { dimensions } = view.corpus;
  const strategy = PRODUCT_STRATEGIES[wanted.strategy];
  if (strategy !== undefined) {
    const { n, degree, repeat, minSimilarity } = wanted;
    const options = { n, degree, repeat, strategy, mmr_lambda: 0.5, min_similarity: minSimilarity } as const;
    const stored = seen.rows === rows ? {} : { stored: { rows, queries: [view.vector] } };
    const choice = { rows: seen.rows, queries: [seen.query], dimensions, noise: wanted.lambda, ...stored };
    return unwrap(choose(choice, options, kernel.select));
  }
  const picks = compared(floats(rows), view, wanted);
  const figured = floats(seen.rows);
  const inOrder = picks.map((place) => figured.subarray(place * dimensions, (place + 1) * dimensions));
  return { picks, ...posterior(inOrder, [seen.query], wanted.lambda, wanted.degree) };
};

/** The N nearest as the index answers them: copies are not collapsed. */
const nearest = async (view: PromptView, wanted: SelectionSpec): Promise<Chosen> => {
  const started = performance.now();
  const index = at(indicesOf(view.corpus, { mask: view.mask, copies: wanted.copies, stripes: 1 }), 0);
  const found = await index.query(view.vector, wanted.n);
  const done = performance.now();
  const picks = found.map(({ key }) => numberOf(key));
  const { mean } = view.corpus;
  const [centred] = centredPrompts([view.vector], mean) ?? [];
  const rows = found.map(({ row }) => fromQ15(row));
  const seen = centred === undefined || mean === undefined ? rows : rows.map((row) => less(row, mean));
  const figures = posterior(seen, [centred ?? view.vector], wanted.lambda, wanted.degree);
  return { picks, ...figures, pool: picks.length, queries: 1, collapsed: 0, ms: { pool: done - started, select: 0 } };
};

export const select = async (kernel: Kernel, view: PromptView, wanted: SelectionSpec): Promise<Chosen> => {
  if (wanted.strategy === 'nn') return nearest(view, wanted);
  const started = performance.now();
  const gathered = await gather(kernel, view, wanted);
  const { numbers, queries, collapsed } = gathered;
  const pooled = performance.now();
  const { picks, variances, covariances, initialVariance } = chooseAmong(kernel, gathered, view, wanted);
  return {
    picks: picks.map((place) => at(numbers, place)),
    variances,
    covariances,
    initialVariance,
    pool: numbers.length,
    queries,
    collapsed,
    ms: { pool: pooled - started, select: performance.now() - pooled },
  };
};
