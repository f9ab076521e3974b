// The statistics of the study: means over domains, paired bootstrap intervals, win rates, rank correlation. Pure and seeded.
// The bootstrap resamples prompts within their domains, since the prompts are a sample and the domains were chosen.
import { at } from '../wire/list.ts';
import { seededRandom } from '../wire/random.ts';

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Linear between the order statistics, as R's type 7; NaN of no values. */
export const quantile = (values: readonly number[], q: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const place = q * (sorted.length - 1);
  const low = at(sorted, Math.floor(place));
  const high = at(sorted, Math.ceil(place));
  return low + (place - Math.floor(place)) * (high - low);
};

/** One value for a prompt of a domain. */
export interface Observation {
  readonly domain: string;
  readonly value: number;
}

const byDomain = (observations: readonly Observation[]): number[][] =>
  [...Map.groupBy(observations, ({ domain }) => domain).values()].map((group) => group.map(({ value }) => value));

/** The mean over domains of the means over their prompts. */
export const macroMean = (observations: readonly Observation[]): number => mean(byDomain(observations).map(mean));

export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** A figure as results keep it: no more digits than it is good for. */
export const short = (value: number, digits = 4): number => Number(value.toFixed(digits));
export const shortInterval = ({ mean: middle, low, high }: Interval): Interval => ({
  mean: short(middle),
  low: short(low),
  high: short(high),
});

export const DRAWS = 2_000;

/** 95 % percentile interval of the mean over domains. For a paired comparison, pass the differences. */
export const bootstrap = (observations: readonly Observation[], seed = 1, draws = DRAWS): Interval => {
  const groups = byDomain(observations);
  const random = seededRandom(seed);
  const means = Array.from({ length: draws }, () =>
    mean(
      groups.map((group) => {
        let sum = 0;
        for (let i = 0; i < group.length; i++) sum += group[Math.floor(random() * group.length)] ?? 0;
        return sum / group.length;
      }),
    ),
  );
  return { mean: mean(groups.map(mean)), low: quantile(means, 0.025), high: quantile(means, 0.975) };
};

/** Share of the differences below zero; a tie counts half. */
export const winRate = (differences: readonly number[]): number =>
  mean(differences.map((value) => (value < 0 ? 1 : value === 0 ? 0.5 : 0)));

/** Ranks from 1; equal values share the mean of theirs. */
export const ranks = (values: readonly number[]): number[] => {
  const order = [...values.keys()].sort((a, b) => at(values, a) - at(values, b));
  const sorted = order.map((i) => at(values, i));
  const out: number[] = new Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to + 1 < order.length && sorted[to + 1] === sorted[from]) to += 1;
    for (let i = from; i <= to; i++) out[at(order, i)] = (from + to) / 2 + 1;
    from = to + 1;
  }
  return out;
};

/** Pearson's r; NaN when one side does not vary. */
export const pearson = (a: readonly number[], b: readonly number[]): number => {
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (const [i, value] of a.entries()) {
    const [da, db] = [value - ma, at(b, i) - mb];
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  return aa === 0 || bb === 0 ? Number.NaN : ab / Math.sqrt(aa * bb);
};

export const spearman = (a: readonly number[], b: readonly number[]): number => pearson(ranks(a), ranks(b));
