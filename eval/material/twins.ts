// What would make the study a memory test: documents that say the same twice. A document is a twin of another if more
// than half of its 12-word shingles stand there; a chunk is a copy of a text if both hold one long run of words verbatim.
import { runsOf as runsOfWords } from '../../corpus/shingles.ts';

/** Words of a shingle. */
export const SHINGLE = 12;
/** Share of a document's shingles from which it is a twin. */
export const TWIN_SHARE = 0.5;
/** Words in one run from which a chunk holds a part of the scored text: some 150 characters. */
export const LONG_RUN = 40;

const WORD = /\w+|[^\w\s]/g;

/** Hashes of all runs of so many words: runs of letters and digits, or single signs, so that layout does not matter. */
export const runsOf = (text: string, length: number): Set<number> => runsOfWords(text.match(WORD) ?? [], length);

/** Of documents in order, those that are no twin of one before: the share is counted against single documents. */
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
