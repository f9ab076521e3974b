// How much of what the pool can say of a prompt the picks have said: 0 to 1, whatever the kernel's degree is. At degree 6 σ²
// stays near its beginning, since no example is nearly the prompt itself, and reads as a failure; this does not.
//   explained_n = (σ²_0 − σ²_n) / (σ²_0 − σ²_pool),   σ²_pool: after every candidate of the pool, once each
// The kernel's greedy choice, run until no candidate is left or none lowers σ² any more, ends at σ²_pool, whatever the order.
// Differences of σ² are taken as sums of gains, which keep their digits where σ² differs from its first value in the last.
// Trade-off: of a pool that would take too long it takes the best so many, which leave next to nothing; and repeated picks
// may go beyond what each candidate says once, which counts as all.
import { unwrap } from '../../wire/faults.ts';
import { MAX_EXPLAINED_PICKS, MAX_EXPLAINED_PRODUCTS } from '../../wire/limits.ts';
import type { Select } from '../pool/pool.ts';
import { type Choice, problemOf } from './strategies.ts';

/** By how much the candidates together lower the prompts' variance: σ²_0 − σ²_pool. */
export interface Removable {
  readonly variance: number;
  /** How many candidates were taken for it: all, or the best of a large pool. */
  readonly candidates: number;
}

export const NOTHING: Removable = { variance: 0, candidates: 0 };

export const removableBy = (
  choice: Choice,
  { n, degree }: { n: number; degree: number },
  select: Select,
): Removable => {
  const all = choice.rows.length / choice.dimensions;
  // never fewer than are asked for
  const affordable = Math.max(n, Math.floor(MAX_EXPLAINED_PRODUCTS / choice.rows.length));
  const candidates = Math.min(all, MAX_EXPLAINED_PICKS, affordable);
  const { gains } = unwrap(select({ ...problemOf(choice), picks: candidates, degree, repeat: false }));
  return { variance: gains.reduce((sum, gain) => sum + gain, 0), candidates };
};

/** The share that is removed with each pick; null where nothing can be. */
export const explainedBy = (gains: readonly number[], removable: number): (number | null)[] => {
  let removed = 0;
  return gains.map((gain) => {
    removed += gain;
    return removable > 0 ? Math.min(1, removed / removable) : null;
  });
};
