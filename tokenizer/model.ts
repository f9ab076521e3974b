// The model that a tokenizer.json names; what is not computed here as tokenizers 0.22 does is refused by name.
import { z } from 'zod';
import { bytePairs } from './bpe.ts';
import { unigram } from './unigram.ts';
import type { Vocabulary } from './vocabulary.ts';
import { wholeWords, wordPieces } from './wordpiece.ts';

/** Files of before 2021 name no type: those with merges are byte pairs. */
const typeOf = (config: unknown): string => z.looseObject({ type: z.string() }).safeParse(config).data?.type ?? 'BPE';

export const vocabulary = (config: unknown): Vocabulary => {
  const type = typeOf(config);
  switch (type) {
    case 'BPE':
      return bytePairs(config);
    case 'WordPiece':
      return wordPieces(config);
    case 'WordLevel':
      return wholeWords(config);
    case 'Unigram':
      return unigram(config);
    default:
      throw new Error(`the model ${type} is not implemented here, only BPE, Unigram, WordPiece and WordLevel`);
  }
};
