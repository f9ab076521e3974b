// Runs of words, hashed: what two texts have in common. What a word is, the caller says: the demonstration takes what
// stands between white space, the study single signs too.

import { FNV_START, fnvNext } from '../wire/fnv.ts';

/** FNV-1a over the words, 32 bits: a false hit among millions of shingles moves no share past a half. */
const hashOf = (words: readonly string[], from: number, to: number): number => {
  let hash = FNV_START;
  for (let i = from; i < to; i++) {
    const word = words[i] ?? '';
    for (let at = 0; at < word.length; at++) hash = fnvNext(hash, word.charCodeAt(at));
    hash = fnvNext(hash, 0x20);
  }
  return hash;
};

/** Hashes of all runs of `length` words; of fewer words there is one, of them all. */
export const runsOf = (words: readonly string[], length: number): Set<number> => {
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
