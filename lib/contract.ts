// The library's types, as its declarations publish them: they name nothing of the edge's own.

/** Float32Array, Float64Array, or an array of numbers. */
export type Vector = ArrayLike<number>;

export type Strategy = 'sift' | 'nn' | 'mmr';

export interface SelectOptions {
  /** How many to pick. */
  readonly n: number;
  /** Observation noise λ: small trusts each example more. 1e-6 to 1000, default 0.3. */
  readonly lambda?: number | undefined;
  /** p of the kernel (x·y)^p: high ones count only near copies as redundant. 1 is the paper's. 1 to 16, default 6. */
  readonly degree?: number | undefined;
  /** `sift`, or nearest neighbours or maximal marginal relevance to compare with. Default `sift`. */
  readonly strategy?: Strategy | undefined;
  /** Stops before the first n with σ > 1/(alpha·n). */
  readonly alpha?: number | undefined;
  /** May a candidate be picked again. Default false. */
  readonly repeat?: boolean | undefined;
  /** Candidates less like the prompt than this are left out. */
  readonly minSimilarity?: number | 'auto' | undefined;
  /** mmr only: 1 is relevance alone, 0 diversity alone. Default 0.5. */
  readonly mmrLambda?: number | undefined;
}

export interface PoolOptions extends SelectOptions {
  /** Rounds of queries: the first asks with the prompt, the others with what the picks leave unexplained. 1 to 8, default 3. */
  readonly rounds?: number | undefined;
  /** Matches of one query. Default 50. */
  readonly topK?: number | undefined;
}

export interface SelectRequest extends SelectOptions {
  /** The prompt's embedding, or several: then the picks are for all of them together. */
  readonly prompt: Vector | readonly Vector[];
  /** Embeddings of one length, of any norm. */
  readonly candidates: readonly Vector[];
}

export interface Pick {
  /** Place among the candidates. */
  readonly index: number;
  /** By how much this pick lowers the prompt's variance. */
  readonly gain: number;
  /** The prompt's remaining (posterior) variance after it. */
  readonly variance: number;
  /** Share of what all candidates together could remove of the variance that is removed by now, 0 to 1; null: nothing can be. */
  readonly explained: number | null;
  /** Inner product with the prompt. */
  readonly similarity: number;
  /** Posterior covariance with the prompt just before the pick; a negative one informs by contrast. */
  readonly covariance: number;
}

/** In the order of their gains; fewer than n where no further candidate adds anything. Rejects with a KernelError. */
export type Select = (request: SelectRequest) => Promise<Pick[]>;

/** An example as an index answers it; whatever else it carries comes back with the pick. */
export interface Match {
  readonly id: string;
  readonly vector: Vector;
}

/** Any vector index: the nearest examples of a unit vector, best first, at most topK. Only reads; asked several at a time. */
export interface VectorIndex<M extends Match> {
  query(vector: Float32Array, topK: number): Promise<readonly M[]>;
}

export interface SelectFromRequest extends PoolOptions {
  /** The prompt's embedding, or several: then the picks are for all of them together. */
  readonly prompt: Vector | readonly Vector[];
  /** Mean of the index' vectors, subtracted before the kernel: for embedders whose cosines are all high. */
  readonly mean?: Vector | undefined;
}

export interface PoolPick<M extends Match> extends Omit<Pick, 'index'> {
  /** As the index answered it. */
  readonly match: M;
  /** Near copies that it stands for. */
  readonly copies: number;
}

export interface PoolSelection<M extends Match> {
  readonly picks: PoolPick<M>[];
  /** What was looked at: distinct candidates, copies passed over, queries and rounds. */
  readonly pool: { readonly size: number; readonly copies: number; readonly queries: number; readonly rounds: number };
  readonly warnings: readonly string[];
}

/** Rejects with a KernelError, or with whatever the index rejects with. */
export type SelectFrom = <M extends Match>(
  index: VectorIndex<M>,
  request: SelectFromRequest,
) => Promise<PoolSelection<M>>;
