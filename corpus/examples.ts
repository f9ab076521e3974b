// Documents become examples: overlapping chunks with an id that stays the same from run to run, so that indexing again
// changes nothing.

import { overlapping, STRIDE } from './chunk.ts';
import { chunkId } from './chunk-id.ts';
import type { Document } from './documents.ts';

export interface Example {
  readonly id: string;
  readonly text: string;
  readonly source: string;
}

export const examplesOf = (documents: readonly Document[]): Example[] =>
  documents.flatMap(({ path, text }) =>
    overlapping(text, STRIDE)
      .filter((part) => part.text.trim() !== '')
      .map((part, index) => ({ id: chunkId(path, index), text: part.text, source: path })),
  );
