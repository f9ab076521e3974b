// Runs of words, hashed: what two texts have in common. The caller decides what a word is: the demonstration splits at
// white space, the study counts punctuation as words too.

import { FNV_START, fnvNext } from '../wire/fnv.ts';
import { at } from '../wire/list.ts';

/** FNV-1a over the words, 32 bits: a false hit among millions of shingles moves no share past a half. */
const hashOf = (words: readonly string[], from: number, to: number): number => {
  let hash = FNV_START;
  for (let i = from; i < to; i++) {
    const word = at(words, i);
    for (let unit = 0; unit < word.length; unit++) hash = fnvNext(hash, word.charCodeAt(unit));
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
