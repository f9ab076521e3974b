// How much of what the pool can say of a prompt the picks have said: 0 to 1, whatever the kernel's degree is. At degree 6 σ²
// stays near its beginning, since no example is nearly the prompt itself, and reads as a failure; this does not.
//   explained_n = (σ²_0 − σ²_n) / (σ²_0 − σ²_pool),   σ²_pool: after every candidate of the pool, once each
// The kernel's greedy choice, run until no candidate is left or none lowers σ² any more, ends at σ²_pool, whatever the order.
// Differences of σ² are taken as sums of gains, which keep their digits where σ² differs from its first value in the last.
// Trade-off: of a pool larger than MAX_EXPLAINED_PICKS it takes the best so many, which leave next to nothing; and repeated
// picks may go beyond what each candidate says once, which counts as all.
import { unwrap } from '../../wire/faults.ts';
import { MAX_EXPLAINED_PICKS } from '../../wire/limits.ts';
import type { Select } from '../pool/pool.ts';
import { type Choice, problemOf } from './strategies.ts';

/** By how much all candidates together lower the prompts' variance: σ²_0 − σ²_pool. */
export const removableBy = (choice: Choice, degree: number, select: Select): number => {
  const candidates = choice.rows.length / choice.dimensions;
  const picks = Math.min(candidates, MAX_EXPLAINED_PICKS);
  const { gains } = unwrap(select({ ...problemOf(choice), picks, degree, repeat: false }));
  return gains.reduce((sum, gain) => sum + gain, 0);
};

/** The share that is removed with each pick; null where nothing can be. */
export const explainedBy = (gains: readonly number[], removable: number): (number | null)[] => {
  let removed = 0;
  return gains.map((gain) => {
    removed += gain;
    return removable > 0 ? Math.min(1, removed / removable) : null;
  });
};
