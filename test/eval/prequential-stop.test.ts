// Whether one more step is worth its cost, from the differences of the picks so far.
import { describe, expect, it } from 'vitest';
import { expectedGain, stopping } from '../../eval/figures/prequential-stop.ts';
import type { Difference } from '../../gateway/prequential.ts';
import { seededRandom } from '../../wire/random.ts';

/** Picks whose loss falls by `slope` for each factor e of steps, with noise of this size around it. */
const falling = (picks: number, slope: number, noise = 0, seed = 1): Difference[] => {
  const random = seededRandom(seed);
  return Array.from({ length: picks }, (_, i) => ({
    step: i + 1,
    nats: i === 0 ? 0 : -slope * Math.log(i + 1) + noise * (2 * random() - 1),
  }));
};
/** Steps made when it stops, at most 200. */
const stopsAt = (cost: number, slope: number, noise = 0, seed = 1): number => {
  const all = falling(200, slope, noise, seed);
  const place = all.findIndex((_, i) => stopping(all.slice(0, i + 1), cost));
  return place < 0 ? 200 : place + 1;
};

describe('the expected gain of a step', () => {
  it('is how far the fitted curve falls from these steps to the next', () => {
    const { gain, noise } = expectedGain(falling(10, 0.2), 10) ?? {};
    expect(gain).toBeCloseTo(0.2 * Math.log(12 / 11), 10);
    expect(noise).toBeCloseTo(0, 10);
  });

  it('is not told by too few picks', () => {
    expect(expectedGain(falling(3, 0.2), 3)).toBeUndefined();
    expect(expectedGain(falling(4, 0.2), 4)).toBeDefined();
    expect(expectedGain([], 0)).toBeUndefined();
  });

  it('is below zero where the steps do harm', () => {
    expect(expectedGain(falling(6, -0.1), 6)?.gain).toBeLessThan(0);
  });

  it('has a noise that covers the truth most of the time', () => {
    const truth = 0.1 * Math.log(12 / 11);
    const within = Array.from({ length: 200 }, (_, seed) => expectedGain(falling(10, 0.1, 0.1, seed), 10)).filter(
      (told) => told !== undefined && Math.abs(told.gain - truth) <= 2 * told.noise,
    );
    expect(within.length).toBeGreaterThan(170);
    expect(expectedGain(falling(10, 0.1, 0.2), 10)?.noise).toBeGreaterThan(
      expectedGain(falling(10, 0.1, 0.1), 10)?.noise ?? Number.NaN,
    );
  });
});

describe('stopping', () => {
  it('comes when the curve is flat enough for the cost, and later where a step costs less or gains more', () => {
    // 0.1·ln((n + 2)/(n + 1)) falls below 0.005 at n = 19
    expect(stopsAt(0.005, 0.1)).toBe(19);
    expect(stopsAt(0.002, 0.1)).toBeGreaterThan(40);
    expect(stopsAt(0.005, 0.2)).toBeGreaterThan(30);
    expect(stopsAt(0, 0.1)).toBe(200);
  });

  it('waits longer where the picks are noisy', () => {
    const mean = (noise: number): number =>
      Array.from({ length: 50 }, (_, seed) => stopsAt(0.005, 0.1, noise, seed)).reduce((a, b) => a + b, 0) / 50;
    expect(mean(0.3)).toBeGreaterThan(stopsAt(0.005, 0.1));
  });

  it('comes as soon as it can be told where steps do harm or nothing', () => {
    expect(stopsAt(0.001, -0.1)).toBe(4);
    expect(stopsAt(0.001, 0)).toBe(4);
  });

  it('never comes before there are picks to tell by', () => {
    expect(stopping([], 1)).toBe(false);
    expect(stopping(falling(3, -1), 1)).toBe(false);
  });
});
