// Uncertainty sampling, to compare with: each pick is the candidate whose own posterior variance is largest, whatever
// the prompt. It sees the prompt only through the pool. Ties (all variances are one at first) go to the nearest.
import { dot } from '../../functions/vectors/algebra.ts';

/** v[x] −= l[x]², l[x] = k_S(s,x) / √(v[s]+λ), as in the kernel. */
export const uncertainPicks = (rows: Float32Array, d: number, n: number, noise: number): number[] => {
  const K = rows.length / d;
  const row = (i: number): Float32Array => rows.subarray(i * d, (i + 1) * d);
  const v = Float64Array.from({ length: K }, (_, i) => dot(row(i), row(i)));
  const columns: Float64Array[] = [];
  const picks: number[] = [];
  while (picks.length < n) {
    let s = 0;
    // vectors are unit only to float32's rounding, which must not decide
    for (let i = 1; i < K; i++) if ((v[i] ?? 0) > (v[s] ?? 0) + 1e-6) s = i;
    picks.push(s);
    const scale = Math.sqrt((v[s] ?? 0) + noise);
    const column = Float64Array.from({ length: K }, (_, x) => {
      let k = dot(row(s), row(x));
      for (const l of columns) k -= (l[s] ?? 0) * (l[x] ?? 0);
      return k / scale;
    });
    columns.push(column);
    for (let x = 0; x < K; x++) v[x] = (v[x] ?? 0) - (column[x] ?? 0) ** 2;
  }
  return picks;
};
