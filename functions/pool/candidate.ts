// What a pool is made of, and the index it comes from: all that the pool core knows of the world.
import type { CallerMetadata } from '../corpora/record.ts';

/** An example as it came back from the index. */
export interface Candidate {
  /** The caller's id. */
  readonly id: string;
  /** Id in the index. */
  readonly key: string;
  /** The unit embedding in Q15. */
  readonly row: Int16Array;
  /** The row as the index holds it, where `row` is less the corpus' mean. */
  readonly stored?: Int16Array;
  /** Absent when it lies in R2. */
  readonly text?: string;
  readonly bytes: number;
  readonly source?: string;
  readonly metadata?: CallerMetadata;
  /** Fingerprint of this version of the example. */
  readonly hash?: string;
  /** Which of several corpora it is from. */
  readonly corpus?: string;
}

/** Nearest examples of a vector, best first. */
export interface Index {
  query(vector: Float32Array, k: number): Promise<Candidate[]>;
}
