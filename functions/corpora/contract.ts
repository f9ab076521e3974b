// What the two Durable Objects of corpora are asked and answer: types alone, so that env.ts can name the bindings without
// importing what needs an Env itself.

import type { Filterable } from '../../wire/api/corpora.ts';
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
  /** Properties that its filters may name; absent: all of the deployment's. */
  readonly filterable?: Filterable | undefined;
  /** How uploads cut long texts where they do not say it themselves. */
  readonly chunk?: { readonly size: number; readonly overlap: number } | undefined;
  /** Whether it holds chunks of texts that were cut here. */
  readonly chunked?: true;
  /** Absent while there are too few examples to measure it. */
  readonly geometry?: Geometry;
}
export type CorpusWanted = Omit<CorpusInfo, 'space' | 'createdAt' | 'geometry' | 'chunked' | keyof Version>;

/** What may change of a corpus that is there. */
export type CorpusDeclared = Pick<CorpusInfo, 'filterable' | 'chunk'>;

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

/** A text that was cut: the id of its line, and those of its chunks as they are now. */
export interface Pieces {
  readonly of: string;
  readonly ids: readonly string[];
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
  /** The same of several. */
  forgetAll(ids: readonly string[]): void;
  /** Changes what a corpus declares; null where it is not there. */
  declare(declared: CorpusDeclared): CorpusInfo | null;
  /** Notes, before they are written, which examples are chunks of which text. */
  claim(space: string, texts: readonly Pieces[]): void;
  /** For each text the entries of its earlier versions that the present one no longer has. */
  leftOver(space: string, texts: readonly Pieces[]): Entry[][];
  /** Entries of the chunks of one text; empty where none was cut under this id. */
  chunksOf(id: string): Entry[];
  /** Ends a corpus that this upload made and that holds nothing of anybody. Answers whether it did. */
  abandon(space: string, writer: string): Promise<boolean>;
  /** Ends the corpus at once; vectors and texts are swept in the background. Answers how many examples it held. */
  drop(): Promise<number | null>;
}

/** The names of a tenant's corpora. */
export interface CorpusListMethods {
  enter(name: string): void;
  leave(name: string): Promise<void>;
  has(name: string): boolean;
  /** Those of these names that are corpora, in their order. */
  among(names: readonly string[]): string[];
  page(after: string, limit: number): string[];
}
