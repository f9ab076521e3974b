// Near copies of a document: the same page in another format or language of modules (`.d.ts` and `.d.mts`, a README
// copied into a subfolder). A document is not left out of a selection while its near copy is in it.
import type { Document } from './documents.ts';
import { runsOf, shareIn } from './shingles.ts';

/** Words of one shingle: long enough that sharing it is no accident of the language. */
const SHINGLE = 8;
/** Share of the shorter document's shingles above which two documents are twins. */
const TWIN = 0.5;

const runsOfText = (text: string): Set<number> =>
  runsOf(
    text.split(/\s+/).filter((word) => word !== ''),
    SHINGLE,
  );

const areTwins = (a: ReadonlySet<number>, b: ReadonlySet<number>): boolean =>
  (a.size < b.size ? shareIn(a, b) : shareIn(b, a)) >= TWIN;

/** For each text the paths of the documents that are it, or nearly it. */
export const twinsOf = (texts: readonly string[], documents: readonly Document[]): string[][] => {
  const wanted = texts.map((text) => ({ runs: runsOfText(text), twins: [] as string[] }));
  for (const document of documents) {
    const runs = runsOfText(document.text);
    for (const { runs: own, twins } of wanted) if (areTwins(own, runs)) twins.push(document.path);
  }
  return wanted.map(({ twins }) => twins);
};
