// Whether more work fits into a request's time: its estimated cost (cost.ts), at the speed of this request's own work so far.
// pace.ts knows how fast a model is over many requests; a first request has no such figures, and this one's work is nearest.
// What came first may have waited for graphs to be compiled, so that it counts only while nothing else was measured; not so
// where a backend is asked for all at once, whose first result takes the time of those that come with it.
import { GUARD_TIME_FACTOR } from '../wire/limits.ts';

/** What a request may take, by one clock. */
export interface Time {
  now(): number;
  /** When it must be over. */
  readonly until: number;
  /** The backend is asked for all work at once: the first piece then waits for those beside it, and warms nothing up. */
  readonly pipelined: boolean;
  /** Estimated cost of what comes after the steps, in the units of cost.ts. */
  readonly rest: number;
}

export interface TimeLeft {
  measured(ms: number, cost: number): void;
  /** False where the time is not known to be enough. */
  fits(cost: number): boolean;
}

export const createTimeLeft = ({ now, until, pipelined }: Time): TimeLeft => {
  let count = 0;
  let sum = { ms: 0, cost: 0 };
  return {
    measured(ms, cost) {
      count += 1;
      sum = count === 1 || (count === 2 && !pipelined) ? { ms, cost } : { ms: sum.ms + ms, cost: sum.cost + cost };
    },
    fits: (cost) => now() + GUARD_TIME_FACTOR * (sum.ms / sum.cost) * cost <= until,
  };
};
