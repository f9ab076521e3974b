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
 * Whether two rows lie within √most of each other, given up as soon as they do not: of two that are no copies the first few
 * values say so.
 */
const isNear = (a: Int16Array, b: Int16Array, most: number): boolean => {
  let squared = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    squared += difference * difference;
    if (squared > most) return false;
  }
  return true;
};

/**
 * Unit vectors whose cosine is at least t lie within √(2−2t) of each other, so their projections on any unit vector do
 * too: only candidates with a similar projection need comparing, which makes the search for copies nearly linear.
 */
export class Collector {
  readonly #anchor: Int16Array;
  readonly #threshold: number;
  readonly #reach: number;
  /** Its square, of int16. */
  readonly #most: number;
  readonly #keys = new Set<string>();
  readonly #projections: number[] = [];
  readonly collected: Collected[] = [];
  collapsed = 0;

  constructor(anchor: Int16Array, threshold = NEAR_COPY) {
    this.#anchor = anchor;
    this.#threshold = threshold;
    // the last term is Q15's rounding
    this.#reach = Math.sqrt(Math.max(0, 2 - 2 * threshold)) + 1e-3;
    this.#most = this.#reach ** 2 * ONE;
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
      const original = this.#originalOf(row, projection);
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

  #originalOf(row: Int16Array, projection: number): Collected | undefined {
    for (const [i, known] of this.collected.entries()) {
      if (Math.abs((this.#projections[i] ?? 0) - projection) > this.#reach) continue;
      const other = rowOf(known.candidate);
      if (isNear(row, other, this.#most) && dot(row, other) / ONE >= this.#threshold) return known;
    }
    return undefined;
  }

  /** The rows side by side, as the kernel takes them. */
  rows(dimensions: number): Int16Array {
    const rows = new Int16Array(this.collected.length * dimensions);
    for (const [i, { candidate }] of this.collected.entries()) rows.set(candidate.row, i * dimensions);
    return rows;
  }
}
