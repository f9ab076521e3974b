// A way of choosing examples, as data: the strategy, its λ and degree, the pool it chooses from, and what the corpus looks
// like. select.ts carries it out.
import { DEFAULT_DEGREE, DEFAULT_LAMBDA, DEFAULT_RESIDUAL_PICKS, DEFAULT_ROUNDS } from '../../wire/limits.ts';
import type { Cut } from '../material/corpus.ts';

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
  /** Query again with the residual of the first so many picks; absent: of all. */
  readonly prefix?: number;
}

export interface SelectionSpec {
  readonly strategy: Strategy;
  /** SIFT's λ and degree; for the others, of the σ² that is reported. */
  readonly lambda: number;
  readonly degree: number;
  readonly repeat: boolean;
  /** Candidates below this similarity with the prompt are left out. */
  readonly minSimilarity?: number;
  /** Picks to choose; a run may take fewer steps. */
  readonly n: number;
  readonly pool: PoolSpec;
  /** How documents are cut into examples. */
  readonly cut: Cut;
  /** How many times the corpus holds every example. */
  readonly copies: number;
  readonly stripes: number;
  /** Whether examples of the prompt's own package may be picked. */
  readonly siblings: boolean;
  /** Whether the corpus holds other forms of its files (CommonJS beside ESM), which are near copies of their text. */
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
