// λ as the kernel takes it: relative to the largest k(x,x) where the rows are no unit vectors. And Q15's way back to floats.
import { describe, expect, it } from 'vitest';
import { fromQ15, noise } from '../../functions/kernel/index.ts';

describe('the noise for rows of any length', () => {
  it('is λ itself for unit rows, also when float32 has rounded them', () => {
    const row = Float32Array.of(0.6, 0.8);
    expect(noise(0.3, row, 2, 6)).toMatchObject({ noise: 0.3 });
  });

  it('is λ times the largest squared length to the power of the degree', () => {
    const rows = Float32Array.of(3, 4, 1, 0, 0, 2);
    expect(noise(0.1, rows, 2, 1)).toEqual({ noise: 2.5, maxSquaredNorm: 25 });
    expect(noise(0.1, rows, 2, 2).noise).toBeCloseTo(62.5, 9);
    // shorter than unit counts as well
    expect(noise(0.1, Float32Array.of(0.5, 0), 2, 3).noise).toBeCloseTo(0.1 * 0.25 ** 3, 12);
  });

  it('is λ itself where all rows are zero', () => {
    expect(noise(0.1, new Float32Array(4), 2, 1)).toEqual({ noise: 0.1, maxSquaredNorm: 0 });
  });

  it.each([
    [0.9995, true],
    [0.998, false],
    [1.0005, true],
    [1.002, false],
  ])('takes a squared length of %d as unit: %s', (squared, isUnit) => {
    const found = noise(0.5, Float32Array.of(Math.sqrt(squared)), 1, 1).noise;
    if (isUnit) expect(found).toBe(0.5);
    else expect(found).toBeCloseTo(0.5 * squared, 6);
  });
});

it('32767 in Q15 is one', () => {
  expect([...fromQ15(Int16Array.of(32767, -32767, 0))]).toEqual([1, -1, 0]);
});
