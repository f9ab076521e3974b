// Finds text that occurs twice, which would let the model copy what is scored. A document is a twin of another if more than
// half of its 12-word shingles occur in it; a chunk holds a part of a text if both have a long run of words in common.
import { runsOf as runsOfWords } from '../../corpus/shingles.ts';

/** Words of a shingle. */
export const SHINGLE = 12;
/** Share of a document's shingles from which it is a twin. */
export const TWIN_SHARE = 0.5;
/** A common run of so many words, some 150 characters, makes a chunk a holder of a part of the scored text. */
export const LONG_RUN = 40;

const WORD = /\w+|[^\w\s]/g;

/** Hashes of all runs of so many words. A word is letters and digits, or a single sign, so that layout does not matter. */
export const runsOf = (text: string, length: number): Set<number> => runsOfWords(text.match(WORD) ?? [], length);

/** Drops every document that is a twin of a single document before it. */
export const withoutTwins = <T extends { readonly text: string }>(documents: readonly T[]): T[] => {
  // one shingle in eight, by its hash, so that both sides of a comparison keep the same ones
  const first = new Map<number, number[]>();
  return documents.filter(({ text }, index) => {
    const runs = [...runsOf(text, SHINGLE)].filter((run) => run % 8 === 0);
    const shared = new Map<number, number>();
    for (const run of runs) for (const other of first.get(run) ?? []) shared.set(other, (shared.get(other) ?? 0) + 1);
    const most = Math.max(0, ...shared.values());
    if (runs.length > 0 && most / runs.length > TWIN_SHARE) return false;
    for (const run of runs) {
      const holders = first.get(run);
      if (holders === undefined) first.set(run, [index]);
      else if (holders.length < 16) holders.push(index); // boilerplate: enough to recognise it by
    }
    return true;
  });
};

/** True for a text that holds a long verbatim run of `scored`. */
export const sharesLongRun = (text: string, scored: ReadonlySet<number>): boolean => {
  for (const run of runsOf(text, LONG_RUN)) if (scored.has(run)) return true;
  return false;
};
