// How an embedder spreads a corpus: the mean of its unit vectors, and the cosines of random pairs and of nearest neighbours,
// over a sample of the corpus (sample.ts). The mean tells whether cosines say anything as they are: where it is long, they
// are all high, and a kernel takes everything for redundant (functions/select/centre.ts subtracts it).
// Trade-off: nearest means nearest in the sample. Of a corpus larger than that they are less alike than the true neighbours,
// so nothing is derived from these quantiles: over the starter corpus and over a tenth of it, both from the same embedder,
// the median is 0.48 and 0.81.
import { CENTRE_FROM, GEOMETRY_LEAST } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { dot, less } from '../vectors/algebra.ts';

export interface Cosines {
  readonly random: { readonly p05: number; readonly p50: number; readonly p95: number };
  readonly nearest: { readonly p50: number; readonly p95: number };
}

export interface Geometry extends Cosines {
  /** Vectors measured. */
  readonly sample: number;
  /** Length of the corpus' mean: 0 where directions are evenly spread, 1 where all are the same. */
  readonly meanLength: number;
  /** The sample's mean. */
  readonly mean: Float32Array;
  /** The same cosines less the mean; absent where it is short, and so left in. */
  readonly centred?: Cosines;
}

const quantile = (sorted: Float64Array, share: number): number => {
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (place - Math.floor(place)) * (above - below);
};

/** Cosines of all pairs, and each row's largest. */
const cosinesOf = (rows: readonly Float32Array[]): { cosines: Cosines; average: number } => {
  const pairs = new Float64Array((rows.length * (rows.length - 1)) / 2);
  const largest = new Float64Array(rows.length).fill(-1);
  let sum = 0;
  let next = 0;
  for (let i = 0; i < rows.length; i++) {
    for (let j = 0; j < i; j++) {
      const cosine = dot(at(rows, i), at(rows, j));
      pairs[next++] = cosine;
      sum += cosine;
      largest[i] = Math.max(largest[i] ?? -1, cosine);
      largest[j] = Math.max(largest[j] ?? -1, cosine);
    }
  }
  pairs.sort();
  largest.sort();
  const random = { p05: quantile(pairs, 0.05), p50: quantile(pairs, 0.5), p95: quantile(pairs, 0.95) };
  const nearest = { p50: quantile(largest, 0.5), p95: quantile(largest, 0.95) };
  return { cosines: { random, nearest }, average: sum / pairs.length };
};

/** Of unit vectors; undefined where there are too few to say. */
export const geometryOf = (rows: readonly Float32Array[]): Geometry | undefined => {
  if (rows.length < GEOMETRY_LEAST) return undefined;
  const mean = new Float32Array(at(rows, 0).length);
  for (const row of rows) for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] ?? 0) + (row[i] ?? 0) / rows.length;
  const { cosines, average } = cosinesOf(rows);
  // the sample's own mean is longer than the corpus': each vector is in it. Pairs of different ones are not misled
  const squared = Math.max(0, average);
  const found = { sample: rows.length, meanLength: Math.sqrt(squared), mean, ...cosines };
  if (squared < CENTRE_FROM) return found;
  return { ...found, centred: cosinesOf(rows.map((row) => less(row, mean))).cosines };
};
