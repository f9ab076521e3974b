// The periods of a budget: calendar days and months of UTC, and a key's whole life.

export const PERIODS = ['day', 'month', 'total'] as const;
export type Period = (typeof PERIODS)[number];

/** The name of the period that now is. */
export const periodAt = (period: Period, now: number): string => {
  const text = new Date(now).toISOString();
  return period === 'day' ? text.slice(0, 10) : period === 'month' ? text.slice(0, 7) : '';
};

/** Seconds until the next one begins; undefined for the whole life. */
export const secondsLeft = (period: Period, now: number): number | undefined => {
  if (period === 'total') return undefined;
  const date = new Date(now);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  const next = period === 'day' ? Date.UTC(year, month, day + 1) : Date.UTC(year, month + 1, 1);
  return Math.max(1, Math.ceil((next - now) / 1000));
};
