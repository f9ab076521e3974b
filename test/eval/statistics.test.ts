// The study's statistics against values worked out elsewhere (R: quantile type 7, cor(method = "spearman"), rank).
import { describe, expect, it } from 'vitest';
import { predict } from '../../eval/figures/predict.ts';
import { leastSquares } from '../../eval/figures/why.ts';
import { bootstrap, macroMean, type Observation, quantile, ranks, spearman, winRate } from '../../eval/statistics.ts';
import { at } from '../../wire/list.ts';

const of = (domain: string, values: readonly number[]): Observation[] => values.map((value) => ({ domain, value }));

describe('statistics', () => {
  it('interpolates quantiles as R does by default', () => {
    expect(quantile([3, 1, 2, 10], 0.25)).toBe(1.75);
    expect(quantile([3, 1, 2, 10], 0.5)).toBe(2.5);
    expect(quantile([7], 0.975)).toBe(7);
  });

  it('shares ranks among equals', () => {
    expect(ranks([10, 20, 20, 5])).toEqual([2, 3.5, 3.5, 1]);
  });

  it('gives the Spearman correlation of a textbook example, and of one with ties', () => {
    const iq = [106, 86, 100, 101, 99, 103, 97, 113, 112, 110];
    const hours = [7, 0, 27, 50, 28, 29, 20, 12, 6, 17];
    expect(spearman(iq, hours)).toBeCloseTo(-0.175757575, 8);
    expect(spearman([1, 2, 2, 4], [1, 3, 2, 4])).toBeCloseTo(0.9486832981, 8);
    expect(spearman([1, 2, 3], [5, 5, 5])).toBeNaN();
  });

  it('gives each domain the same weight, however many prompts it has', () => {
    expect(macroMean([...of('a', [1, 1, 1, 1]), ...of('b', [3])])).toBe(2);
  });

  it('counts ties as half a win', () => {
    expect(winRate([-1, -2, 0, 3])).toBe(0.625);
  });

  it('resamples prompts within their domains: without variation inside a domain the interval is a point', () => {
    const { mean, low, high } = bootstrap([...of('a', [1, 1, 1]), ...of('b', [5, 5])]);
    expect([mean, low, high]).toEqual([3, 3, 3]);
  });

  it('gives an interval of about ±1.96 standard errors, the same for the same seed', () => {
    const values = Array.from({ length: 200 }, (_, i) => ((i * 37) % 200) / 200);
    const first = bootstrap(of('a', values));
    const error = Math.sqrt(1 / 12 / 200);
    expect(first.high - first.mean).toBeGreaterThan(1.7 * error);
    expect(first.high - first.mean).toBeLessThan(2.2 * error);
    expect(first.mean - first.low).toBeGreaterThan(1.7 * error);
    expect(bootstrap(of('a', values))).toEqual(first);
    expect(bootstrap(of('a', values), 2)).not.toEqual(first);
  });
});

describe('least squares', () => {
  it('finds the coefficients of a plane', () => {
    const a = [1, -1, 1, -1];
    const b = [2, 1, -1, -2];
    expect(
      leastSquares(
        a.map((value, i) => 3 * value - 0.5 * at(b, i)),
        a,
        b,
      ),
    ).toEqual({ a: 3, b: -0.5 });
  });
});

describe('the correlation of predicted drop and gain', () => {
  const run = (variances: number[], scores: [number, number][]) => ({
    base: 1,
    row: {
      prompt: 'p',
      domain: 'd',
      scores,
      losses: [],
      ms: [],
      tokens: 0,
      picks: variances.map((_, i) => i),
      initialVariance: 1,
      variances,
      covariances: [],
      pool: 0,
      selectMs: { pool: 0, select: 0 },
    },
  });

  it('counts a run without picks as no drop', () => {
    const runs = [run([], [[5, 1]]), run([0.8], [[5, 0.9]]), run([0.5, 0.4], [[5, 0.7]])];
    const [over] = predict(runs, [5]).overPrompts;
    expect(over).toMatchObject({ n: 5, prompts: 3, absolute: 1, relative: 1 });
  });

  it('is not given for fewer than three prompts', () => {
    expect(predict([run([0.8], [[5, 0.9]]), run([0.5], [[5, 0.7]])], [5]).overPrompts).toEqual([]);
  });
});
