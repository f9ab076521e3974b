// Seeded vectors, and an index over them that answers exactly: what the pure tests of pools are made of.
import { toQ15 } from '../../functions/kernel/q15.ts';
import type { Index } from '../../functions/pool/candidate.ts';
import { dot, normalise } from '../../functions/vectors/algebra.ts';

export const unit = (values: readonly number[]): Float32Array => normalise(Float32Array.from(values));

export const randomUnit = (dimensions: number, next: () => number): Float32Array =>
  normalise(
    Float32Array.from(
      { length: dimensions },
      () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    ),
  );

/** Exact nearest neighbours among the rows; ids are positions, from `first` on. */
export const indexOf = (rows: readonly Float32Array[], first = 0): Index => {
  const candidates = rows.map((row, i) => ({
    id: String(first + i),
    key: String(first + i),
    row: toQ15(row),
    text: `text ${first + i}`,
    bytes: 0,
  }));
  return {
    async query(vector, k) {
      const scores = rows.map((row, i) => [dot(row, vector), i] as const);
      scores.sort((a, b) => b[0] - a[0] || a[1] - b[1]);
      return scores.slice(0, k).flatMap(([, i]) => candidates[i] ?? []);
    },
  };
};
