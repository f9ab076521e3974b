// HullFT (Khamis & Maalouf, arXiv 2605.30337), as far as its abstract fixes it, to compare with: the prompt's embedding
// as a convex combination of few candidates (Frank–Wolfe, no projection), its weights rounded to an integer multiset.
// The rounding is greedy in the same geometry: each further unit goes where the mean of the multiset comes closest to q.
// The steps are taken by falling count, repeats in a row, so that gradient reuse applies.
import { dot } from '../../functions/vectors/algebra.ts';

export interface Hull {
  /** Weight of every candidate: none negative, their sum is one. */
  readonly weights: Float64Array;
  /** ‖q − Σ wᵢxᵢ‖². */
  readonly distance: number;
}

const rowOf = (rows: Float32Array, d: number, i: number): Float32Array => rows.subarray(i * d, (i + 1) * d);

/**
 * min ‖q − Xᵀw‖² over the simplex, from the vertex nearest to q. Each turn moves towards the vertex of the steepest
 * descent, or away from the worst one that has weight (which makes it converge linearly), by the exact line search.
 */
export const frankWolfe = (rows: Float32Array, query: Float32Array, d: number, turns: number): Hull => {
  const K = rows.length / d;
  const asked = Float64Array.from({ length: K }, (_, i) => dot(rowOf(rows, d, i), query));
  const weights = new Float64Array(K);
  let start = 0;
  for (let i = 1; i < K; i++) if ((asked[i] ?? 0) > (asked[start] ?? 0)) start = i;
  weights[start] = 1;
  const point = Float64Array.from(rowOf(rows, d, start));
  for (let turn = 0; turn < turns; turn++) {
    // gradient of ½‖q − p‖² at vertex i: xᵢ·(p − q)
    const gradient = Float64Array.from({ length: K }, (_, i) => dot(rowOf(rows, d, i), point) - (asked[i] ?? 0));
    let towards = 0;
    let away = -1;
    let here = 0;
    for (let i = 0; i < K; i++) {
      const g = gradient[i] ?? 0;
      if (g < (gradient[towards] ?? 0)) towards = i;
      if ((weights[i] ?? 0) > 0 && (away < 0 || g > (gradient[away] ?? 0))) away = i;
      here += (weights[i] ?? 0) * g;
    }
    const gap = here - (gradient[towards] ?? 0);
    if (gap < 1e-9) break;
    const isForward = gap >= (gradient[away] ?? 0) - here;
    const vertex = rowOf(rows, d, isForward ? towards : away);
    const direction = Float64Array.from(point, (value, j) => (isForward ? 1 : -1) * ((vertex[j] ?? 0) - value));
    const slope = isForward ? gap : (gradient[away] ?? 0) - here;
    const heaviest = weights[away] ?? 0;
    const limit = isForward ? 1 : heaviest / (1 - heaviest);
    const step = Math.min(limit, slope / Math.max(dot(direction, direction), 1e-30));
    for (let i = 0; i < K; i++) weights[i] = (weights[i] ?? 0) * (isForward ? 1 - step : 1 + step);
    if (isForward) weights[towards] = (weights[towards] ?? 0) + step;
    else weights[away] = Math.max(0, (weights[away] ?? 0) - step);
    if (!isForward && step === limit) weights[away] = 0; // dropped exactly
    for (let j = 0; j < d; j++) point[j] = (point[j] ?? 0) + step * (direction[j] ?? 0);
  }
  const rest = Float64Array.from(point, (value, j) => (query[j] ?? 0) - value);
  return { weights, distance: dot(rest, rest) };
};

/** Whole numbers with sum N: ⌊N·w⌋, then one unit after another where the multiset's mean comes closest to q. */
export const integerise = (
  rows: Float32Array,
  query: Float32Array,
  d: number,
  weights: Float64Array,
  N: number,
): number[] => {
  const counts = Array.from(weights, (w) => Math.floor(N * w + 1e-9));
  const sum = new Float64Array(d);
  const support = counts.flatMap((_, i) => ((weights[i] ?? 0) > 0 ? [i] : []));
  const add = (i: number): void => {
    const row = rowOf(rows, d, i);
    for (let j = 0; j < d; j++) sum[j] = (sum[j] ?? 0) + (row[j] ?? 0);
  };
  for (const i of support) for (let c = 0; c < (counts[i] ?? 0); c++) add(i);
  for (let left = N - counts.reduce((total, c) => total + c, 0); left > 0; left--) {
    let best = support[0] ?? 0;
    let least = Number.POSITIVE_INFINITY;
    for (const i of support) {
      const row = rowOf(rows, d, i);
      let distance = 0;
      for (let j = 0; j < d; j++) distance += ((query[j] ?? 0) - ((sum[j] ?? 0) + (row[j] ?? 0)) / N) ** 2;
      if (distance < least) {
        least = distance;
        best = i;
      }
    }
    counts[best] = (counts[best] ?? 0) + 1;
    add(best);
  }
  return counts;
};

/** Turns of Frank–Wolfe: the gap is below 1e-3 long before on pools of 200. */
const TURNS = 400;

/** N candidates in the order of their steps. */
export const hullPicks = (rows: Float32Array, query: Float32Array, d: number, N: number): number[] => {
  const { weights } = frankWolfe(rows, query, d, TURNS);
  const counts = integerise(rows, query, d, weights, N);
  return counts
    .flatMap((count, i) => (count > 0 ? [{ i, count }] : []))
    .sort((a, b) => b.count - a.count || (weights[b.i] ?? 0) - (weights[a.i] ?? 0) || a.i - b.i)
    .flatMap(({ i, count }) => Array.from({ length: count }, () => i));
};
