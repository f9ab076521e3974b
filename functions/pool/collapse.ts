// Copies in a pool: one candidate, the first to come, stands for all whose vectors are (almost) the same. A copy adds
// nothing that picking its stand-in again does not, and a hundred copies would fill the pool.
import { NEAR_COPY } from '../../wire/limits.ts';
import { dot } from '../vectors/algebra.ts';
import type { Candidate } from './candidate.ts';

const ONE = 32767 * 32767;

/** Copies are copies as the index holds them: less the corpus' mean, small differences grow. */
const rowOf = ({ stored, row }: Candidate): Int16Array => stored ?? row;

export interface Collected {
  readonly candidate: Candidate;
  /** Copies it stands for, itself not counted. */
  copies: number;
}

/**
 * Unit vectors whose cosine is at least t lie within √(2−2t) of each other, so their projections on any unit vector do
 * too: only candidates with a similar projection need comparing, which makes the search for copies nearly linear.
 */
export class Collector {
  readonly #anchor: Int16Array;
  readonly #threshold: number;
  readonly #reach: number;
  readonly #keys = new Set<string>();
  readonly #projections: number[] = [];
  readonly collected: Collected[] = [];
  collapsed = 0;

  constructor(anchor: Int16Array, threshold = NEAR_COPY) {
    this.#anchor = anchor;
    this.#threshold = threshold;
    // the last term is Q15's rounding
    this.#reach = Math.sqrt(Math.max(0, 2 - 2 * threshold)) + 1e-3;
  }

  /** Adds what is new; answers how many candidates were, and how many turned out to be copies. */
  add(candidates: readonly Candidate[]): { fresh: number; copies: number } {
    let fresh = 0;
    let copies = 0;
    for (const candidate of candidates) {
      // one example that two queries found is no copy
      if (this.#keys.has(candidate.key)) continue;
      this.#keys.add(candidate.key);
      const row = rowOf(candidate);
      const projection = dot(row, this.#anchor) / ONE;
      const original = this.collected.find(
        ({ candidate: other }, i) =>
          Math.abs((this.#projections[i] ?? 0) - projection) <= this.#reach &&
          dot(row, rowOf(other)) / ONE >= this.#threshold,
      );
      if (original === undefined) {
        this.#projections.push(projection);
        this.collected.push({ candidate, copies: 0 });
        fresh += 1;
      } else {
        original.copies += 1;
        copies += 1;
      }
    }
    this.collapsed += copies;
    return { fresh, copies };
  }

  /** The rows side by side, as the kernel takes them. */
  rows(dimensions: number): Int16Array {
    const rows = new Int16Array(this.collected.length * dimensions);
    for (const [i, { candidate }] of this.collected.entries()) rows.set(candidate.row, i * dimensions);
    return rows;
  }
}
