// Every way of choosing examples that the study compares, as data: a strategy, its λ, the pool it chooses from, and what
// the corpus looks like. SIFT, NN and MMR are the product's own code on the product's own pool; HullFT, uncertainty
// sampling, random picks and the single nearest example are here, to compare with.
import { createHash } from 'node:crypto';
import type { Kernel } from '../../functions/kernel/index.ts';
import { fromQ15 } from '../../functions/kernel/q15.ts';
import { gatherPool } from '../../functions/pool/pool.ts';
import { posterior } from '../../functions/select/posterior.ts';
import { choose } from '../../functions/select/strategies.ts';
import { unwrap } from '../../wire/faults.ts';
import { DEFAULT_DEGREE, DEFAULT_LAMBDA, DEFAULT_RESIDUAL_PICKS, DEFAULT_ROUNDS } from '../../wire/limits.ts';
import { seededRandom } from '../../wire/random.ts';
import { type Corpus, type Cut, indicesOf, type View } from '../material/corpus.ts';
import { hullPicks } from './hullft.ts';
import { uncertainPicks } from './uncertainty.ts';

export type Strategy =
  | 'sift'
  | 'nn' // the N nearest as the index gives them, copies included: the paper's baseline
  | 'nn-distinct' // the product's NN: copies collapse
  | 'nn-f' // the nearest, N times
  | 'mmr'
  | 'uncertainty'
  | 'hullft'
  | 'random' // from the whole corpus
  | 'random-pool'; // from the pool

export interface PoolSpec {
  /** 0: no pool, the strategy chooses from the whole corpus. */
  readonly rounds: number;
  readonly topK: number;
  readonly sign: 'plus' | 'both';
  /** Absent: all picks. */
  readonly prefix?: number;
}

export interface SelectionSpec {
  readonly strategy: Strategy;
  /** SIFT's λ and degree; for the others, of the σ² that is reported. */
  readonly lambda: number;
  readonly degree: number;
  readonly repeat: boolean;
  /** Candidates less like the prompt are not learnt from. */
  readonly minSimilarity?: number;
  /** Picks to choose; a run may take fewer steps. */
  readonly n: number;
  readonly pool: PoolSpec;
  /** How the corpus' documents were cut. */
  readonly cut: Cut;
  /** How often the corpus holds every example. */
  readonly copies: number;
  readonly stripes: number;
  /** May the prompt's own package be learnt from. */
  readonly siblings: boolean;
  /** Does the corpus hold other forms of its files (CommonJS beside ESM), near copies of their text. */
  readonly forms: boolean;
  /** Float32 rows in place of Q15. */
  readonly exact: boolean;
}

/** The product's default pool, and the paper's. */
export const ROUNDS: PoolSpec = { rounds: DEFAULT_ROUNDS, topK: 50, sign: 'plus', prefix: DEFAULT_RESIDUAL_PICKS };
export const PAPER: PoolSpec = { rounds: 1, topK: 200, sign: 'plus' };
export const WHOLE: PoolSpec = { rounds: 0, topK: 0, sign: 'plus' };

export const spec = (strategy: Strategy, other: Partial<SelectionSpec> = {}): SelectionSpec => ({
  strategy,
  lambda: DEFAULT_LAMBDA,
  degree: DEFAULT_DEGREE,
  repeat: false,
  n: 50,
  pool: strategy === 'sift' ? ROUNDS : PAPER,
  cut: 'overlapping',
  copies: 1,
  stripes: 1,
  siblings: true,
  forms: false,
  exact: false,
  ...other,
});

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

export interface Asked {
  readonly id: string;
  readonly vector: Float32Array;
  readonly corpus: Corpus;
  /** What of the corpus it may see. */
  readonly mask: Uint8Array;
}

interface Gathered {
  /** Example number of every row. */
  readonly numbers: readonly number[];
  readonly rows: Int16Array | Float32Array;
  readonly queries: number;
  readonly collapsed: number;
}

const numberOf = (key: string): number => Number.parseInt(key, 10);

const rowsOf = (corpus: Corpus, numbers: readonly number[]): Float32Array => {
  const rows = new Float32Array(numbers.length * corpus.dimensions);
  for (const [at, i] of numbers.entries()) rows.set(corpus.store.row(i), at * corpus.dimensions);
  return rows;
};

const gather = async (kernel: Kernel, asked: Asked, wanted: SelectionSpec): Promise<Gathered> => {
  const { corpus } = asked;
  const view: View = { mask: asked.mask, copies: wanted.copies, stripes: wanted.stripes };
  if (wanted.pool.rounds === 0) {
    const numbers = Array.from(asked.mask.keys()).filter((i) => asked.mask[i] === 1);
    return { numbers, rows: rowsOf(corpus, numbers), queries: 0, collapsed: 0 };
  }
  const { strategy, lambda, degree, repeat, n, pool } = wanted;
  const gathered = await gatherPool(indicesOf(corpus, view), [asked.vector], kernel.select, {
    rounds: strategy === 'sift' ? pool.rounds : 1, // as in the product: only SIFT has a residual to ask again with
    topK: pool.topK,
    residualSign: pool.sign,
    opposite: false,
    picks: n,
    lambda,
    degree,
    repeat,
    ...(pool.prefix === undefined ? {} : { residualPicks: pool.prefix }),
  });
  const numbers = gathered.collected.map(({ candidate }) => numberOf(candidate.key));
  const rows = wanted.exact ? rowsOf(corpus, numbers) : gathered.rows;
  return { numbers, rows, queries: gathered.queries, collapsed: gathered.collapsed };
};

const floats = (rows: Int16Array | Float32Array): Float32Array => (rows instanceof Float32Array ? rows : fromQ15(rows));

/** The same draw for the same prompt, whatever else is run. */
const shuffled = (count: number, n: number, seed: string): number[] => {
  const random = seededRandom(createHash('sha256').update(seed).digest().readInt32LE());
  const left = Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: Math.min(n, count) }, () => left.splice(Math.floor(random() * left.length), 1)[0] ?? 0);
};

/** Rows of the pool in the order of the steps, for what the product does not have. */
const compared = (strategy: Strategy, rows: Float32Array, asked: Asked, d: number, wanted: SelectionSpec): number[] => {
  switch (strategy) {
    case 'nn-f':
      return Array.from({ length: wanted.n }, () => 0); // the pool's first is the nearest
    case 'uncertainty':
      return uncertainPicks(rows, d, wanted.n, wanted.lambda);
    case 'hullft':
      return hullPicks(rows, asked.vector, d, wanted.n);
    case 'random':
    case 'random-pool':
      return shuffled(rows.length / d, wanted.n, `${asked.id} ${strategy}`);
    default:
      throw new Error(`${strategy} is the product's own`);
  }
};

export const select = async (kernel: Kernel, asked: Asked, wanted: SelectionSpec): Promise<Chosen> => {
  const { corpus } = asked;
  const { dimensions: d } = corpus;
  const started = performance.now();
  if (wanted.strategy === 'nn') {
    const [index] = indicesOf(corpus, { mask: asked.mask, copies: wanted.copies, stripes: 1 });
    const found = (await index?.query(asked.vector, wanted.n)) ?? [];
    const done = performance.now();
    const picks = found.map(({ key }) => numberOf(key));
    const rows = found.map(({ row }) => fromQ15(row));
    const figures = posterior(rows, [asked.vector], wanted.lambda, wanted.degree);
    return { picks, ...figures, pool: picks.length, queries: 1, collapsed: 0, ms: { pool: done - started, select: 0 } };
  }
  const { numbers, rows, queries, collapsed } = await gather(kernel, asked, wanted);
  const pooled = performance.now();
  const answer = (
    picks: readonly number[],
    figures: Omit<Chosen, 'picks' | 'pool' | 'queries' | 'collapsed' | 'ms'>,
  ) => ({
    picks: picks.map((at) => numbers[at] ?? -1),
    variances: figures.variances,
    covariances: figures.covariances,
    initialVariance: figures.initialVariance,
    pool: numbers.length,
    queries,
    collapsed,
    ms: { pool: pooled - started, select: performance.now() - pooled },
  });
  if (wanted.strategy === 'sift' || wanted.strategy === 'nn-distinct' || wanted.strategy === 'mmr') {
    const strategy = wanted.strategy === 'nn-distinct' ? 'nn' : wanted.strategy;
    const { n, degree, repeat, minSimilarity } = wanted;
    const options = { n, degree, repeat, strategy, mmr_lambda: 0.5, min_similarity: minSimilarity } as const;
    const choice = { rows, queries: [asked.vector], dimensions: d, noise: wanted.lambda };
    const chosen = unwrap(choose(choice, options, kernel.select));
    return answer(chosen.picks, chosen);
  }
  const candidates = floats(rows);
  const picks = compared(wanted.strategy, candidates, asked, d, wanted);
  const inOrder = picks.map((at) => candidates.subarray(at * d, (at + 1) * d));
  return answer(picks, posterior(inOrder, [asked.vector], wanted.lambda, wanted.degree));
};
