// What a selection is asked and what it answers: the pure types of the kernel. No Request, no clock, no I/O.

/** Candidate rows: float32, or Q15 (`round(32767·x)`, ‖x‖ ≤ 1), row-major, K × dimensions. */
export type Rows = Float32Array | Int16Array;

export interface Problem {
  /** K × dimensions, row-major; the array's type says float32 or Q15. */
  readonly rows: Rows;
  /** m × dimensions, row-major float32: one or several prompt embeddings; the objective is the sum over them. */
  readonly queries: Float32Array;
  readonly dimensions: number;
  /** N, the most picks to make. */
  readonly picks: number;
  /** λ, the observation noise, as the kernel uses it (already scaled by max‖φ‖² where rows are not unit). */
  readonly lambda: number;
  /** May a candidate be picked again (SIFT: true). */
  readonly repeat: boolean;
  /** p of the kernel k(x,y) = (φ(x)·φ(y))^p: whole, at least 1. Absent: 1, the paper's inner product. */
  readonly degree?: number;
  /** Adaptive stop: end before the first n with σ_n > 1/(alpha·n). Absent: never. */
  readonly alpha?: number;
}

/** `count`: N picks made. `alpha`: the adaptive rule. `exhausted`: no candidate lowers σ² any more. */
export type StopReason = 'count' | 'alpha' | 'exhausted';

export interface Selection {
  /** Candidate indices in the order of the gradient steps; repeats are legal. */
  readonly picks: readonly number[];
  /** Drop of σ² by each pick: Σ_q c²/(v+λ). */
  readonly gains: readonly number[];
  /** σ²_n(q) after each pick, summed over the queries; never rises. */
  readonly variances: readonly number[];
  /** Posterior covariance k_S(q,x) of each pick just before it was taken, summed over the queries (its sign tells relevance from contrast). */
  readonly covariances: readonly number[];
  /** σ²_0(q), before any pick. */
  readonly initialVariance: number;
  readonly stop: StopReason;
  /**
   * m × dimensions: r = q − Vᵀ(VVᵀ+λI)⁻¹Vq, so that r·φ(x) = k_S(q,x) for every x, in the pool or not. Empty for a degree
   * above 1, where no vector of the embedding's space has this property.
   */
  readonly residual: Float32Array;
}

/** The k nearest rows by inner product, best first; ties go to the lower index. */
export interface Nearest {
  readonly indices: readonly number[];
  readonly scores: readonly number[];
}
