// The row store and the exact top-k search of the local Vectorize.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildKernel } from '../../assembly/build.ts';
import { type Kernel, toQ15 } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { seededRandom as random } from '../../wire/random.ts';
import { unitRows } from './reference.ts';

let kernel: Kernel;
beforeAll(async () => {
  await buildKernel();
  kernel = await loadKernel();
});

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
};

/** Indices by falling score; of scores closer than the tolerance either order is right. */
const isTopK = (indices: readonly number[], scores: readonly number[], k: number, tolerance: number): void => {
  const sorted = scores.filter((score) => !Number.isNaN(score)).sort((a, b) => b - a);
  expect(indices.length).toBe(Math.min(k, sorted.length));
  expect(new Set(indices).size).toBe(indices.length);
  for (const [rank, index] of indices.entries()) {
    expect(Math.abs((scores[index] ?? Number.NaN) - (sorted[rank] ?? 0))).toBeLessThan(tolerance);
  }
};

describe('nearest', () => {
  it('is the exact top-k, in float32 and Q15, for any shape', () => {
    const shape = fc.record({
      seed: fc.integer({ min: 1, max: 1e9 }),
      K: fc.integer({ min: 1, max: 90 }),
      d: fc.integer({ min: 1, max: 50 }),
      k: fc.integer({ min: 1, max: 100 }),
    });
    fc.assert(
      fc.property(shape, ({ seed, K, d, k }) => {
        const rows = unitRows(seed, K, d);
        const query = unitRows(seed + 1, 1, d);
        const scores = Array.from({ length: K }, (_, x) => dot(rows.subarray(x * d, (x + 1) * d), query));
        const found = kernel.nearest(rows, query, d, k);
        isTopK(found.indices, scores, k, 1e-5);
        for (const [rank, index] of found.indices.entries())
          expect(found.scores[rank]).toBeCloseTo(scores[index] ?? 0, 5);
        isTopK(kernel.nearest(toQ15(rows), toQ15(query), d, k).indices, scores, k, 1e-3);
      }),
      { numRuns: 80 },
    );
  });

  it('returns rows of equal score in the order of their index', () => {
    const rows = new Float32Array(40 * 4).fill(0.5);
    const { indices } = kernel.nearest(rows, rows.slice(0, 4), 4, 10);
    expect(indices).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe('the row store', () => {
  it('finds the same rows as a plain array, through appends, replacements and removals', () => {
    const d = 20;
    const u = random(7);
    const store = kernel.store(d);
    const plain: Float32Array[] = [];
    for (let step = 0; step < 600; step++) {
      const row = unitRows(step + 1, 1, d);
      const index = Math.floor(u() * plain.length);
      const dice = u();
      if (dice < 0.6 || plain.length === 0) {
        expect(store.append(row)).toBe(plain.length);
        plain.push(row);
      } else if (dice < 0.8) {
        store.replace(index, row);
        plain[index] = row;
      } else {
        expect(store.remove(index)).toBe(plain.length - 1);
        const last = plain.pop();
        if (last !== undefined && index < plain.length) plain[index] = last;
      }
      if (step % 20 !== 0) continue;
      const query = unitRows(10_000 + step, 1, d);
      const mask = Uint8Array.from(plain, () => (u() < 0.7 ? 1 : 0));
      const scores = plain.map((other, x) => (mask[x] === 1 ? dot(other, query) : Number.NaN));
      isTopK(store.nearest(query, 9, mask).indices, scores, 9, 1e-5);
    }
    expect(store.size).toBe(plain.length);
    for (const [index, row] of plain.entries()) expect(store.row(index)).toEqual(row);
  });

  it('refuses rows and queries of another length, indices without a row, and k = 0', () => {
    const store = kernel.store(4);
    expect(() => store.append(new Float32Array(5))).toThrow('row has 5 dimensions, the store 4');
    expect(() => store.remove(0)).toThrow('row 0 of 0');
    expect(store.nearest(new Float32Array(4), 3)).toEqual({ indices: [], scores: [] });
    expect(() => store.nearest(new Float32Array(4), 0)).toThrow('k is 0');
  });
});
