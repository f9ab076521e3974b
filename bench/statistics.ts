// The figures of repeated timings. Without a timing there is none: both throw.
import { at } from '../wire/list.ts';

/** The value below which a share of the values lies: one of them, never a mean of two. */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return at(sorted, Math.min(sorted.length - 1, Math.floor(share * sorted.length)));
};

/** The middle value, or the mean of the two in the middle. */
export const median = (values: readonly number[]): number => {
  const middle = (values.length - 1) / 2;
  const sorted = values.toSorted((a, b) => a - b);
  return (at(sorted, Math.floor(middle)) + at(sorted, Math.ceil(middle))) / 2;
};
