// What reading the inputs gives, one after the other: a text (a document, a page, a row), or a place of an input that gives
// none, with why. Nothing is left out without one of these, so that the counts of an ingest add up.
import type { CallerMetadata } from './fields.ts';

export interface Place {
  /** The input's name, which is also the examples' `source`. */
  readonly source: string;
  readonly line?: number;
  readonly page?: number;
}

export interface FoundText {
  readonly type: 'text';
  readonly place: Place;
  readonly text: string;
  /** A row's own. */
  readonly id?: string;
  readonly source?: string;
  readonly metadata?: CallerMetadata;
  /** As the row brings it; a text with a vector is not cut. */
  readonly vector?: unknown;
  /** A row is an example as it is, unless the command line says how to cut; a document is cut in any case. */
  readonly isRow: boolean;
}

/** Something that should have become an example. */
export interface Refused {
  readonly type: 'refused';
  readonly place: Place;
  readonly id?: string;
  readonly reason: string;
}

/** A file that holds nothing for a corpus: an image, a program, an empty file. */
export interface PassedOver {
  readonly type: 'passed';
  readonly place: Place;
  readonly reason: string;
}

export type Found = FoundText | Refused | PassedOver;

export const refused = (place: Place, reason: string, id?: string): Refused => ({
  type: 'refused',
  place,
  reason,
  ...(id === undefined ? {} : { id }),
});

/** `data.csv line 7`. */
export const named = ({ source, line, page }: Place): string =>
  `${source}${line === undefined ? '' : ` line ${line}`}${page === undefined ? '' : ` page ${page}`}`;
