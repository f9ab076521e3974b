// What would make the study a memory test: documents that say the same twice. A document is a twin of another if more
// than half of its 12-word shingles stand there; a chunk is a copy of a text if both hold one long run of words verbatim.
// Words are runs of letters and digits, or single signs, so that layout does not matter.

/** Words of a shingle. */
export const SHINGLE = 12;
/** Share of a document's shingles from which it is a twin. */
export const TWIN_SHARE = 0.5;
/** Words in one run from which a chunk holds a part of the scored text: some 150 characters. */
export const LONG_RUN = 40;

const WORD = /\w+|[^\w\s]/g;

const wordsOf = (text: string): string[] => text.match(WORD) ?? [];

/** FNV-1a over the words, 32 bits: a false hit among millions of shingles moves no share past a half. */
const hashOf = (words: readonly string[], from: number, to: number): number => {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) {
    const word = words[i] ?? '';
    for (let at = 0; at < word.length; at++) hash = Math.imul(hash ^ word.charCodeAt(at), 0x01000193);
    hash = Math.imul(hash ^ 0x20, 0x01000193);
  }
  return hash >>> 0;
};

/** Hashes of all runs of so many words; a shorter text has one, of all its words. */
export const runsOf = (text: string, length: number): Set<number> => {
  const words = wordsOf(text);
  if (words.length <= length) return new Set(words.length === 0 ? [] : [hashOf(words, 0, words.length)]);
  const runs = new Set<number>();
  for (let i = 0; i + length <= words.length; i++) runs.add(hashOf(words, i, i + length));
  return runs;
};

/** Share of `of` that is in `there`. */
export const shareIn = (of: ReadonlySet<number>, there: ReadonlySet<number>): number => {
  if (of.size === 0) return 0;
  let shared = 0;
  for (const run of of) if (there.has(run)) shared += 1;
  return shared / of.size;
};

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
