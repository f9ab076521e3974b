// Near copies of a document: the same page in another format or language of modules (`.d.ts` and `.d.mts`, a README
// copied into a subfolder). A document that is kept out of a corpus is not kept out while its twin is in.
import type { Document } from './corpus.ts';

/** Words of one shingle: long enough that sharing it is no accident of the language. */
const SHINGLE = 8;
/** Share of the shorter document's shingles above which two documents are twins. */
const TWIN = 0.5;

const shingles = (text: string): Set<string> => {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const found = new Set<string>();
  for (let i = 0; i + SHINGLE <= words.length; i++) found.add(words.slice(i, i + SHINGLE).join(' '));
  return found;
};

/** Share of the shorter text's 8-word shingles that the other has too; 0 for a text shorter than one. */
export const overlap = (a: ReadonlySet<string>, b: ReadonlySet<string>): number => {
  const [few, many] = a.size <= b.size ? [a, b] : [b, a];
  if (few.size === 0) return 0;
  let shared = 0;
  for (const shingle of few) if (many.has(shingle)) shared += 1;
  return shared / few.size;
};

/** The documents without `path` and without its near copies. */
export const withoutTwins = (documents: readonly Document[], path: string): Document[] => {
  const own = documents.find((document) => document.path === path);
  if (own === undefined) return [...documents];
  const marks = shingles(own.text);
  return documents.filter((document) => document.path !== path && overlap(marks, shingles(document.text)) < TWIN);
};
