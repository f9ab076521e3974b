// What a given order of picks does to the prompt's uncertainty: the same figures as the kernel's, for orders that were
// chosen otherwise (nearest neighbours, MMR). Float64 over the picked rows only, so N²·d/2 multiply-adds: small.
import { dot } from '../vectors/algebra.ts';

export interface Posterior {
  readonly gains: number[];
  readonly variances: number[];
  readonly covariances: number[];
  readonly initialVariance: number;
}

/**
 * `rows`: N vectors in pick order; `queries`: the prompts; `noise`: λ as the kernel uses it; `degree`: p of
 * k(x,y) = (φ(x)·φ(y))^p. As in the paper:
 * l[x] = k_S(s,x) / √(k_S(s,s)+λ); c[q] −= l[s']·l[q]; σ² −= l[q]².
 */
export const posterior = (
  rows: readonly ArrayLike<number>[],
  queries: readonly ArrayLike<number>[],
  noise: number,
  degree = 1,
): Posterior => {
  const k = (a: ArrayLike<number>, b: ArrayLike<number>): number => dot(a, b) ** degree;
  // column j of L for later picks, and for the queries
  const picked: number[][] = [];
  const asked: number[][] = [];
  const gains: number[] = [];
  const variances: number[] = [];
  const covariances: number[] = [];
  const initialVariance = queries.reduce((sum, query) => sum + k(query, query), 0);
  let variance = initialVariance;
  for (const [n, row] of rows.entries()) {
    const own = picked.map((column) => column[n] ?? 0);
    const v = k(row, row) - own.reduce((sum, l) => sum + l * l, 0);
    const scale = Math.sqrt(Math.max(v, 0) + noise);
    const column = rows.map((other, i) =>
      i <= n ? 0 : (k(row, other) - picked.reduce((sum, l, j) => sum + (own[j] ?? 0) * (l[i] ?? 0), 0)) / scale,
    );
    let gain = 0;
    let covariance = 0;
    const onQueries = queries.map((query, t) => {
      const c = k(row, query) - asked.reduce((sum, l, j) => sum + (own[j] ?? 0) * (l[t] ?? 0), 0);
      covariance += c;
      gain += (c / scale) ** 2;
      return c / scale;
    });
    picked.push(column);
    asked.push(onQueries);
    variance = Math.max(0, variance - gain);
    gains.push(gain);
    variances.push(variance);
    covariances.push(covariance);
  }
  return { gains, variances, covariances, initialVariance };
};
