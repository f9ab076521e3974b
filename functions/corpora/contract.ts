// What the two Durable Objects of corpora are asked and answer: types alone, so that env.ts can name the bindings without
// importing what needs an Env itself.

import type { Geometry } from './geometry.ts';
import type { Sampled } from './sample.ts';
import type { Version } from './version.ts';

export interface CorpusInfo extends Version {
  readonly tenant: string;
  readonly name: string;
  readonly space: string;
  readonly stripes: number;
  readonly dimensions: number;
  /** Which embedder made its vectors. */
  readonly embedder: string;
  readonly createdAt: string;
  /** Absent while there are too few examples to measure it. */
  readonly geometry?: Geometry;
}
export type CorpusWanted = Omit<CorpusInfo, 'space' | 'createdAt' | 'geometry' | keyof Version>;

export interface CorpusCounts {
  readonly examples: number;
  readonly bytes: number;
}

export interface Reservation {
  readonly id: string;
  readonly fingerprint: string;
  readonly vector: string;
}
export type ReservedStatus = 'created' | 'updated' | 'unchanged';

export interface Entry {
  readonly id: string;
  /** Id in the vector index. */
  readonly vector: string;
  /** Fingerprint of the version in the index; empty while it is unsettled. */
  readonly hash: string;
  readonly stripe: number;
  readonly bytes: number;
  /** The text is in R2. */
  readonly long: boolean;
}

/** An example, and the fingerprint of one version of it. */
export interface Standing {
  readonly id: string;
  readonly hash: string;
}

/** One corpus. Whatever only reads answers null where there is no corpus, and writes nothing. */
export interface CatalogueMethods {
  /** The corpus, made now if it is not there; without its geometry. */
  open(wanted: CorpusWanted): { info: CorpusInfo; made: boolean };
  info(): CorpusInfo | null;
  describe(): { info: CorpusInfo; counts: CorpusCounts } | null;
  /** What each example of a batch is; those not unchanged are marked as being written by `writer`. Null: corpus gone. */
  reserve(space: string, writer: string, batch: readonly Reservation[]): ReservedStatus[] | null;
  /**
   * The index has the vectors of these; those offered may enter the sample. False: the corpus was deleted meanwhile, and they
   * go to the trash.
   */
  commit(
    space: string,
    writer: string,
    batch: readonly Entry[],
    under: string,
    offered?: readonly Sampled[],
  ): Promise<boolean>;
  /** Entries after the cursor, by id. */
  page(after: string, limit: number): Entry[] | null;
  find(id: string): { info: CorpusInfo; entry: Entry | null } | null;
  /** Whether all of these are there in these versions. Null: not this corpus any more. */
  standing(space: string, examples: readonly Standing[]): (Version & { stands: boolean }) | null;
  /** Takes the entry away; its vector must have been deleted before. */
  forget(id: string): void;
  /** Ends the corpus at once; vectors and texts are swept in the background. Answers how many examples it held. */
  drop(): Promise<number | null>;
}

/** The names of a tenant's corpora. */
export interface CorpusListMethods {
  enter(name: string): void;
  leave(name: string): Promise<void>;
  has(name: string): boolean;
  page(after: string, limit: number): string[];
}
