// Least squares of a few columns, by the normal equations; a little ridge keeps columns that say the same apart.
import { at } from '../../wire/list.ts';

const RIDGE = 1e-6;

/** Solves a·x = b in place, a symmetric and positive. */
const solve = (a: number[][], b: number[]): number[] => {
  const n = b.length;
  for (let i = 0; i < n; i++) {
    for (let row = i + 1; row < n; row++) {
      const factor = at(at(a, row), i) / at(at(a, i), i);
      for (let column = i; column < n; column++) {
        at(a, row)[column] = at(at(a, row), column) - factor * at(at(a, i), column);
      }
      b[row] = at(b, row) - factor * at(b, i);
    }
  }
  const x: number[] = new Array(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    let sum = at(b, i);
    for (let column = i + 1; column < n; column++) sum -= at(at(a, i), column) * at(x, column);
    x[i] = sum / at(at(a, i), i);
  }
  return x;
};

/** Coefficients; columns are brought to the same size first, so that the ridge is fair to them. */
export const leastSquares = (rows: readonly (readonly number[])[], targets: readonly number[]): number[] => {
  const columns = at(rows, 0).length;
  const sizes = Array.from({ length: columns }, (_, j) => Math.hypot(...rows.map((row) => at(row, j))) || 1);
  const scaled = rows.map((row) => row.map((value, j) => value / at(sizes, j)));
  const gram = sizes.map((_, i) =>
    sizes.map((__, j) => scaled.reduce((sum, row) => sum + at(row, i) * at(row, j), i === j ? RIDGE : 0)),
  );
  const right = sizes.map((_, i) => scaled.reduce((sum, row, k) => sum + at(row, i) * at(targets, k), 0));
  return solve(gram, right).map((value, j) => value / at(sizes, j));
};
