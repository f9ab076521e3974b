// Near copies of a document: the same page in another format or language of modules (`.d.ts` and `.d.mts`, a README
// copied into a subfolder). A document that is kept out of a corpus is not kept out while its twin is in.
import type { Document } from './documents.ts';
import { runsOf, shareIn } from './shingles.ts';

/** Words of one shingle: long enough that sharing it is no accident of the language. */
const SHINGLE = 8;
/** Share of the shorter document's shingles above which two documents are twins. */
const TWIN = 0.5;

const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/** The documents without `path` and without its near copies. */
export const withoutTwins = (documents: readonly Document[], path: string): Document[] => {
  const own = documents.find((document) => document.path === path);
  if (own === undefined) return [...documents];
  const runs = runsOf(wordsOf(own.text), SHINGLE);
  return documents.filter((document) => {
    if (document.path === path) return false;
    const others = runsOf(wordsOf(document.text), SHINGLE);
    return (others.size < runs.size ? shareIn(others, runs) : shareIn(runs, others)) < TWIN;
  });
};
