// The figures of repeated timings.

/** The value below which a share of the values lies: one of them, never a mean of two. */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
};

/** The middle value, or the mean of the two in the middle. */
export const median = (values: readonly number[]): number => {
  const middle = (values.length - 1) / 2;
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
};
