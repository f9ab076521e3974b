// Documents become examples: overlapping chunks with an id that stays the same from run to run, so that indexing again
// changes nothing.

import { fnv1a } from '../wire/fnv.ts';
import { VECTORIZE_MAX_ID_BYTES } from '../wire/limits.ts';
import { overlapping, STRIDE } from './chunk.ts';
import type { Document } from './documents.ts';

export interface Example {
  readonly id: string;
  readonly text: string;
  readonly source: string;
}

/** `path#n`; of a long path the end is kept, which tells more than its beginning, after a mark of the whole path. */
const exampleId = (path: string, index: number): string => {
  const id = `${path}#${index}`;
  if (Buffer.byteLength(id) <= VECTORIZE_MAX_ID_BYTES) return id;
  const mark = `${fnv1a(new TextEncoder().encode(path)).toString(36)}…`;
  let tail = id;
  while (Buffer.byteLength(mark + tail) > VECTORIZE_MAX_ID_BYTES) tail = [...tail].slice(1).join('');
  return mark + tail;
};

export const examplesOf = (documents: readonly Document[]): Example[] =>
  documents.flatMap(({ path, text }) =>
    overlapping(text, STRIDE)
      .filter((part) => part.text.trim() !== '')
      .map((part, index) => ({ id: exampleId(path, index), text: part.text, source: path })),
  );
