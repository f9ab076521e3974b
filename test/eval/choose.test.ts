// The strategies that only the study has: HullFT on a triangle in the plane, and uncertainty sampling.
import { describe, expect, it } from 'vitest';
import { frankWolfe, hullPicks, integerise } from '../../eval/choose/hullft.ts';
import { uncertainPicks } from '../../eval/choose/uncertainty.ts';

/** (0,0), (1,0), (0,1). */
const TRIANGLE = Float32Array.from([0, 0, 1, 0, 0, 1]);

describe('HullFT', () => {
  it('writes a point inside the hull as its barycentric coordinates', () => {
    const { weights, distance } = frankWolfe(TRIANGLE, Float32Array.from([0.5, 0.25]), 2, 400);
    expect(distance).toBeLessThan(1e-6);
    expect([...weights].map((w) => Number(w.toFixed(3)))).toEqual([0.25, 0.5, 0.25]);
  });

  it('projects a point outside onto the nearest edge, and leaves the far vertex without weight', () => {
    const { weights, distance } = frankWolfe(TRIANGLE, Float32Array.from([1, 0.5]), 2, 400);
    // the foot on x + y = 1 is (0.75, 0.25), at squared distance 1/8
    expect(distance).toBeCloseTo(0.125, 6);
    expect([...weights].map((w) => Number(w.toFixed(3)))).toEqual([0, 0.75, 0.25]);
  });

  it('has weights that are a convex combination', () => {
    const { weights } = frankWolfe(TRIANGLE, Float32Array.from([-3, 9]), 2, 50);
    expect(weights.reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 9);
    expect(Math.min(...weights)).toBeGreaterThanOrEqual(0);
  });

  it('rounds weights to whole numbers whose sum is N, with each unit where the mean comes closest to the prompt', () => {
    const query = Float32Array.from([0.6, 0.3]);
    const weights = Float64Array.from([0.1, 0.6, 0.3]);
    expect(integerise(TRIANGLE, query, 2, weights, 10)).toEqual([1, 6, 3]);
    expect(integerise(TRIANGLE, query, 2, weights, 4).reduce((sum, count) => sum + count, 0)).toBe(4);
    // of (0,0) (1/4·1, …): two, one and one give (0.5, 0.25); none, three and one (0.75, 0.25): the first is closer
    expect(integerise(TRIANGLE, query, 2, weights, 4)).toEqual([1, 2, 1]);
  });

  it('takes repeats in a row, the most frequent first', () => {
    expect(hullPicks(TRIANGLE, Float32Array.from([0.6, 0.3]), 2, 10)).toEqual([1, 1, 1, 1, 1, 1, 2, 2, 2, 0]);
  });
});

describe('uncertainty sampling', () => {
  it('picks the nearest first, then the example of largest posterior variance', () => {
    // the second row repeats the first; the third is orthogonal to both
    const rows = Float32Array.from([1, 0, 1, 0, 0, 1]);
    expect(uncertainPicks(rows, 2, 2, 0.1)).toEqual([0, 2]);
  });
});
