// The mean of a few paired differences with its 95 % t interval: what five documents say of all, and how little.
import { at } from '../wire/list.ts';

export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly of: number;
}

/** 97.5 % points of Student's t for 1, 2, … degrees of freedom; the expansion in 1/df is right to 0.003 beyond. */
const T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

const tPoint = (df: number): number => (df > T.length ? 1.96 + 2.372 / df + 2.823 / df ** 2 : at(T, df - 1));

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Undefined for fewer than two values, of which no interval can be made. */
export const tInterval = (differences: readonly number[]): Interval | undefined => {
  const of = differences.length;
  if (of < 2) return undefined;
  const middle = mean(differences);
  const variance = differences.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (of - 1);
  const reach = tPoint(of - 1) * Math.sqrt(variance / of);
  return { mean: middle, low: middle - reach, high: middle + reach, of };
};
