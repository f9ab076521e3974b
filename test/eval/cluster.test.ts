// Bisecting k-means on made data: groups that are apart are found, sizes are bounded, and no input gives an empty cluster.
import { describe, expect, it } from 'vitest';
import { cluster } from '../../eval/choose/cluster.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';

const DIMENSIONS = 16;

const unit = (vector: Float32Array): Float32Array => {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
};

/** Points around axes of their own, so far apart that there is no doubt. */
const groups = (sizes: readonly number[], spread = 0.1): { rows: Float32Array; groupOf: number[] } => {
  const random = seededRandom(3);
  const groupOf = sizes.flatMap((size, group) => Array.from({ length: size }, () => group));
  // in an order that has nothing to do with the groups
  groupOf.sort(() => random() - 0.5);
  const rows = new Float32Array(groupOf.length * DIMENSIONS);
  for (const [i, group] of groupOf.entries()) {
    const point = Float32Array.from(
      { length: DIMENSIONS },
      (_, d) => (d === group ? 1 : 0) + spread * (random() - 0.5),
    );
    rows.set(unit(point), i * DIMENSIONS);
  }
  return { rows, groupOf };
};

const numbers = (count: number): number[] => [...new Array(count).keys()];
const all = (members: readonly (readonly number[])[]): number[] => members.flat().toSorted((a, b) => a - b);

describe('bisecting k-means', () => {
  it.each([
    [[30, 30, 30, 30]],
    [[40, 30, 25, 20]], // the largest group is smaller than any two
    [[24, 22, 20, 18, 16, 16, 14, 14]],
  ])('finds groups that are apart, of sizes %j', (sizes) => {
    const { rows, groupOf } = groups(sizes);
    const { members, centroids } = cluster(rows, DIMENSIONS, numbers(groupOf.length), { k: sizes.length, seed: 1 });
    expect(members.map(({ length }) => length).toSorted((a, b) => b - a)).toEqual(sizes);
    for (const [c, of] of members.entries()) {
      const group = at(groupOf, at(of, 0));
      expect(new Set(of.map((i) => at(groupOf, i)))).toEqual(new Set([group]));
      expect(at(at(centroids, c), group)).toBeGreaterThan(0.95);
      expect(Math.hypot(...at(centroids, c))).toBeCloseTo(1, 5);
    }
  });

  it('puts every point into one cluster, and none is more than ten times as large as another', () => {
    const random = seededRandom(9);
    const count = 700;
    const rows = new Float32Array(count * DIMENSIONS);
    // most points in one place, a few far away: splits that are as uneven as they can be
    for (let i = 0; i < count; i++) {
      const spread = i % 50 === 0 ? 5 : 0.01;
      rows.set(
        unit(Float32Array.from({ length: DIMENSIONS }, (_, d) => (d === 0 ? 1 : 0) + spread * (random() - 0.5))),
        i * DIMENSIONS,
      );
    }
    for (const k of [2, 7, 40]) {
      const { members } = cluster(rows, DIMENSIONS, numbers(count), { k, seed: 2 });
      expect(members).toHaveLength(k);
      expect(all(members)).toEqual(numbers(count));
      const sizes = members.map(({ length }) => length);
      // a split gives each side a tenth, rounded up, of a cluster that was the largest
      expect(Math.max(...sizes)).toBeLessThanOrEqual(10 * Math.min(...sizes));
    }
  });

  it('gives the same clusters for the same seed, whatever order the numbers come in', () => {
    const { rows, groupOf } = groups([50, 40, 30], 1.5);
    const of = (seed: number, order: number[]) => cluster(rows, DIMENSIONS, order, { k: 9, seed }).members;
    const ordered = numbers(groupOf.length);
    expect(of(4, ordered)).toEqual(of(4, ordered.toReversed()));
    expect(of(4, ordered)).not.toEqual(of(5, ordered));
  });

  it('clusters only the points that it is given', () => {
    const { rows } = groups([20, 20]);
    const given = numbers(40).filter((i) => i % 3 !== 0);
    expect(all(cluster(rows, DIMENSIONS, given, { k: 4, seed: 1 }).members)).toEqual(given);
  });

  it('gives as many clusters as points where more are asked for', () => {
    const { rows } = groups([3, 2]);
    expect(cluster(rows, DIMENSIONS, numbers(5), { k: 12, seed: 1 }).members).toEqual([[0], [1], [2], [3], [4]]);
  });

  it('splits identical points, and points that cancel out, into clusters that are not empty', () => {
    const same = new Float32Array(30 * DIMENSIONS);
    for (let i = 0; i < 30; i++) same[i * DIMENSIONS] = 1;
    const of = cluster(same, DIMENSIONS, numbers(30), { k: 8, seed: 1 });
    expect(of.members.map(({ length }) => length).every((length) => length > 0)).toBe(true);
    expect(all(of.members)).toEqual(numbers(30));
    const opposite = Float32Array.from([1, 0, -1, 0]);
    const one = cluster(opposite, 2, [0, 1], { k: 1, seed: 1 });
    expect([...at(one.centroids, 0)]).toEqual([1, 0]);
  });

  it('refuses to cluster nothing, or into no clusters', () => {
    expect(() => cluster(new Float32Array(0), DIMENSIONS, [], { k: 2, seed: 1 })).toThrow('there is no point');
    for (const k of [0, -1, 1.5, Number.NaN]) {
      expect(() => cluster(Float32Array.from([1]), 1, [0], { k, seed: 1 })).toThrow(`k is ${k}`);
    }
  });
});
