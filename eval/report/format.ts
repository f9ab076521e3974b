// What a table is, and how figures are written in it.
import type { Interval } from '../statistics.ts';

export interface Table {
  readonly id: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly note?: string;
}

export const digits = (value: number, places = 3): string => (Number.isFinite(value) ? value.toFixed(places) : '–');

export const signed = (value: number, places = 4): string =>
  `${value > 0 ? '+' : value < 0 ? '−' : ''}${digits(Math.abs(value), places)}`;

export const interval = ({ mean: middle, low, high }: Interval, places = 4): string =>
  `${signed(middle, places)} [${signed(low, places)}, ${signed(high, places)}]`;

/** A rounded zero has no sign. */
export const percent = (value: number): string => {
  const rounded = Math.round(100 * value);
  return Number.isFinite(value) ? `${rounded < 0 ? '−' : ''}${Math.abs(rounded)} %` : '–';
};

/** Of a difference tuned − base, the gain. */
export const gainOf = ({ mean, low, high }: Interval): Interval => ({ mean: -mean, low: -high, high: -low });
