// Bisecting k-means over unit vectors: the largest cluster is split in two until there are as many as asked for. Similarity is
// the cosine. Each side of a split has at least a tenth of it, so that no cluster is empty and none more than ten times as
// large as another; a group that is smaller than that keeps some neighbours, which is the price. The same input and seed
// give the same clusters.
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';

export interface Clusters {
  /** Numbers of the points of each cluster, ascending; the clusters by their first point. */
  readonly members: readonly (readonly number[])[];
  /** The mean direction of each, a unit vector. */
  readonly centroids: readonly Float32Array[];
}

export interface ClusterOptions {
  /** Clusters wanted; there are fewer where there are fewer points. */
  readonly k: number;
  readonly seed: number;
}

/** Of the points of a split, what either side has at least. */
export const LEAST_SHARE = 0.1;
/** Beginnings that are tried for each split; the most coherent one is kept. */
const TRIALS = 3;
/** Rounds of k-means of a split; most end earlier. */
const ROUNDS = 20;

interface Points {
  /** Row-major. */
  readonly rows: Float32Array;
  readonly dimensions: number;
}

const sumOf = ({ rows, dimensions }: Points, members: readonly number[]): Float64Array => {
  const sum = new Float64Array(dimensions);
  for (const i of members) {
    for (let d = 0, from = i * dimensions; d < dimensions; d++)
      sum[d] = (sum[d] as number) + (rows[from + d] as number);
  }
  return sum;
};

const lengthOf = (vector: ArrayLike<number>): number => Math.hypot(...Array.from(vector));

/** The mean direction; where the points cancel out, the first of them. */
const centroidOf = (points: Points, members: readonly number[]): Float32Array => {
  const sum = sumOf(points, members);
  const length = lengthOf(sum);
  if (length > 1e-9 * members.length) return Float32Array.from(sum, (value) => value / length);
  const from = at(members, 0) * points.dimensions;
  return points.rows.slice(from, from + points.dimensions);
};

/** Cosines of the members with a direction. */
const along = ({ rows, dimensions }: Points, members: readonly number[], direction: Float32Array): Float64Array => {
  const out = new Float64Array(members.length);
  for (let m = 0; m < members.length; m++) {
    const from = (members[m] as number) * dimensions;
    let sum = 0;
    for (let d = 0; d < dimensions; d++) sum += (rows[from + d] as number) * (direction[d] as number);
    out[m] = sum;
  }
  return out;
};

type Sides = readonly [readonly number[], readonly number[]];

/** Each member to the nearer centroid, and then those of least difference across, until both sides have their share. */
const assign = (points: Points, members: readonly number[], a: Float32Array, b: Float32Array): Sides => {
  const nearer = along(
    points,
    members,
    a.map((value, d) => value - at(b, d)),
  );
  const order = [...members.keys()].sort((i, j) => at(nearer, j) - at(nearer, i) || i - j);
  const least = Math.max(1, Math.ceil(LEAST_SHARE * members.length));
  const nearA = nearer.reduce((count, value) => count + (value > 0 ? 1 : 0), 0);
  const cut = Math.min(Math.max(nearA, least), members.length - least);
  const side = (places: number[]): number[] => places.sort((i, j) => i - j).map((place) => at(members, place));
  return [side(order.slice(0, cut)), side(order.slice(cut))];
};

const splitOnce = (points: Points, members: readonly number[], random: () => number): Sides => {
  const row = (i: number): Float32Array => points.rows.subarray(i * points.dimensions, (i + 1) * points.dimensions);
  const first = row(at(members, Math.floor(random() * members.length)));
  const cosines = along(points, members, first);
  // the other one far away, but not always the farthest, which may be an outlier
  const far = cosines.map((cosine) => Math.max(0, 1 - cosine) ** 2);
  const whole = far.reduce((sum, value) => sum + value, 0);
  const mark = random() * whole;
  let passed = 0;
  const place = far.findIndex((value) => {
    passed += value;
    return passed > mark;
  });
  let sides = assign(points, members, first, row(at(members, Math.max(0, place))));
  for (let round = 0; round < ROUNDS; round++) {
    const [a, b] = sides;
    const next = assign(points, members, centroidOf(points, a), centroidOf(points, b));
    const same = next[0].length === a.length && next[0].every((i, place) => i === a[place]);
    sides = next;
    if (same) break;
  }
  return sides;
};

/** How well two sides hold together: the sum of the cosines of all points with their own side's mean direction. */
const coherence = (points: Points, sides: Sides): number =>
  sides.reduce((sum, side) => sum + lengthOf(sumOf(points, side)), 0);

const split = (points: Points, members: readonly number[], random: () => number): Sides => {
  let best = splitOnce(points, members, random);
  let bestCoherence = coherence(points, best);
  for (let trial = 1; trial < TRIALS; trial++) {
    const other = splitOnce(points, members, random);
    const otherCoherence = coherence(points, other);
    if (otherCoherence > bestCoherence) [best, bestCoherence] = [other, otherCoherence];
  }
  return best;
};

/** Clusters of the points of these numbers. Throws a RangeError where there is no point, or k is no positive integer. */
export const cluster = (
  rows: Float32Array,
  dimensions: number,
  numbers: readonly number[],
  { k, seed }: ClusterOptions,
): Clusters => {
  if (numbers.length === 0) throw new RangeError('there is no point to cluster');
  if (!Number.isInteger(k) || k < 1) throw new RangeError(`k is ${k}, it must be a positive integer`);
  const points = { rows, dimensions };
  const random = seededRandom(seed);
  const found: (readonly number[])[] = [numbers.toSorted((a, b) => a - b)];
  const wanted = Math.min(k, numbers.length);
  while (found.length < wanted) {
    const largest = found.reduce((best, { length }, i) => (length > at(found, best).length ? i : best), 0);
    found.splice(largest, 1, ...split(points, at(found, largest), random));
  }
  const members = found.toSorted((a, b) => at(a, 0) - at(b, 0));
  return { members, centroids: members.map((of) => centroidOf(points, of)) };
};
