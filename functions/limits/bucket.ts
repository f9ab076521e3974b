// A token bucket: it holds a quota, is refilled evenly over the window, and may be in debt, since what work costs is known
// only when it is done. Pure; times are milliseconds.

export interface Bucket {
  /** Below zero: in debt. */
  readonly level: number;
  readonly at: number;
}

/** How it stands now, full where there was none. A clock that was set back refills nothing. */
export const refilled = (bucket: Bucket | undefined, quota: number, windowMs: number, now: number): Bucket => {
  if (bucket === undefined) return { level: quota, at: now };
  const gained = (Math.max(0, now - bucket.at) * quota) / windowMs;
  return { level: Math.min(quota, bucket.level + gained), at: Math.max(now, bucket.at) };
};

export const taken = ({ level, at }: Bucket, amount: number): Bucket => ({ level: level - amount, at });

/** Sums of floating-point numbers are not exact: so much less than enough is enough. */
const ROUNDING = 1e-9;

export const holds = ({ level }: Bucket, amount: number): boolean => level >= amount - ROUNDING;

/** Seconds until it holds this much, at least 1. */
export const secondsUntil = ({ level }: Bucket, wanted: number, quota: number, windowMs: number): number =>
  Math.max(1, Math.ceil(((wanted - level) * windowMs) / quota / 1000 - ROUNDING));
