// SIFT once more, in plain float64 and in the most literal form: the posterior covariance of everything with everything,
// updated after every pick. Slow, independent of the kernel's algebra, and what the kernel is held against.
import { seededRandom } from '../../wire/random.ts';
export interface Reference {
  picks: number[];
  variances: number[];
  gains: number[];
  covariances: number[];
  /** How far the best score was above the best of another index, at each pick. */
  gaps: number[];
  /** Posterior covariance of every row with each query after the last pick, m × K. */
  posterior: number[][];
}

export interface ReferenceProblem {
  rows: ArrayLike<number>;
  queries: ArrayLike<number>;
  dimensions: number;
  picks: number;
  lambda: number;
  repeat?: boolean;
  /** p of k(x,y) = (φ(x)·φ(y))^p. */
  degree?: number;
  alpha?: number;
}

const vectors = (values: ArrayLike<number>, d: number): number[][] =>
  Array.from({ length: values.length / d }, (_, i) => Array.from({ length: d }, (__, k) => values[i * d + k] ?? 0));

export const reference = (problem: ReferenceProblem): Reference => {
  const { dimensions: d, picks: N, lambda, repeat = true, degree = 1, alpha } = problem;
  const X = vectors(problem.rows, d);
  const Q = vectors(problem.queries, d);
  const all = [...X, ...Q];
  // k(x,y) ← k(x,y) − k(x,s)·k(s,y) / (k(s,s) + λ)
  let k = all.map((a) => all.map((b) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0) ** degree));
  const at = (i: number, j: number): number => k[i]?.[j] ?? 0;
  const K = X.length;
  const variance = (): number => Q.reduce((sum, _, t) => sum + at(K + t, K + t), 0);
  const result: Reference = { picks: [], variances: [], gains: [], covariances: [], gaps: [], posterior: [] };
  for (let n = 1; n <= N; n++) {
    const scores = X.map((_, x) =>
      !repeat && result.picks.includes(x)
        ? 0
        : Q.reduce((sum, __, t) => sum + at(K + t, x) ** 2, 0) / (Math.max(at(x, x), 0) + lambda),
    );
    const s = scores.reduce((best, score, x) => (score > (scores[best] ?? 0) ? x : best), 0);
    if (!((scores[s] ?? 0) > 0)) break;
    const others = scores.filter((_, x) => x !== s);
    const covariance = Q.reduce((sum, _, t) => sum + at(K + t, s), 0);
    const before = k;
    const ks = all.map((_, i) => at(i, s));
    const denominator = at(s, s) + lambda;
    k = k.map((row, i) => row.map((value, j) => value - ((ks[i] ?? 0) * (ks[j] ?? 0)) / denominator));
    if (alpha !== undefined && Math.sqrt(Math.max(variance(), 0)) > 1 / (alpha * n)) {
      k = before;
      break;
    }
    result.picks.push(s);
    result.gains.push(scores[s] ?? 0);
    result.covariances.push(covariance);
    result.variances.push(variance());
    result.gaps.push((scores[s] ?? 0) - Math.max(0, ...others));
  }
  result.posterior = Q.map((_, t) => X.map((__, x) => at(K + t, x)));
  return result;
};

/** `count` unit vectors around a few centres, as embeddings of real text lie. */
export const unitRows = (seed: number, count: number, d: number, spread = 0.8): Float32Array => {
  const u = seededRandom(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - u())) * Math.cos(2 * Math.PI * u());
  const centres = Array.from({ length: Math.max(2, Math.ceil(count / 12)) }, () => Array.from({ length: d }, normal));
  const rows = new Float32Array(count * d);
  for (let i = 0; i < count; i++) {
    const centre = centres[Math.floor(u() * centres.length)] ?? [];
    const row = Array.from({ length: d }, (_, k) => (centre[k] ?? 0) + spread * normal());
    const norm = Math.hypot(...row);
    rows.set(
      row.map((value) => value / norm),
      i * d,
    );
  }
  return rows;
};
