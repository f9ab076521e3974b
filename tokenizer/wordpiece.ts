// WordPiece and WordLevel: a word is cut into the longest tokens that the vocabulary holds, from its beginning; a word that
// cannot be cut so, or has too many characters, is the unknown token as a whole.
import { z } from 'zod';
import { modelProblem, type Vocabulary, wordIds } from './vocabulary.ts';

const pieces = z.object({
  vocab: wordIds,
  unk_token: z.string().default('[UNK]'),
  continuing_subword_prefix: z.string().default('##'),
  max_input_chars_per_word: z.int().min(0).default(100),
});
const words = z.object({ vocab: wordIds, unk_token: z.string().default('<unk>') });

const unknownOf = (ids: ReadonlyMap<string, number>, token: string): number => {
  const id = ids.get(token);
  if (id === undefined) throw new Error(`its unknown token '${token}' is not in its vocabulary`);
  return id;
};

/** Characters in code points, as far as `most` and one more: a word may be as long as a text. */
const charactersUpTo = (text: string, most: number): number => {
  if (text.length <= most) return text.length;
  let count = 0;
  for (const _ of text) if (++count > most) break;
  return count;
};

/** Throws a sentence that names what is wrong. */
export const wordPieces = (config: unknown): Vocabulary => {
  const parsed = pieces.safeParse(config);
  if (!parsed.success) throw modelProblem(parsed.error);
  const { vocab: ids, unk_token, continuing_subword_prefix: prefix, max_input_chars_per_word: most } = parsed.data;
  const unknown = unknownOf(ids, unk_token);
  let longest = 0;
  for (const token of ids.keys()) longest = Math.max(longest, token.length);
  return {
    ids,
    encode(word) {
      if (charactersUpTo(word, most) > most) return [unknown];
      const out: number[] = [];
      for (let start = 0; start < word.length; ) {
        let end = Math.min(word.length, start + longest);
        let id: number | undefined;
        for (; end > start; end -= 1) {
          id = ids.get(start === 0 ? word.slice(0, end) : prefix + word.slice(start, end));
          if (id !== undefined) break;
        }
        if (id === undefined) return [unknown];
        out.push(id);
        start = end;
      }
      return out;
    },
    producible: () => ids,
  };
};

/** Throws a sentence that names what is wrong. */
export const wholeWords = (config: unknown): Vocabulary => {
  const parsed = words.safeParse(config);
  if (!parsed.success) throw modelProblem(parsed.error);
  const { vocab: ids, unk_token } = parsed.data;
  const unknown = unknownOf(ids, unk_token);
  return { ids, encode: (word) => [ids.get(word) ?? unknown], producible: () => ids };
};
