// The normalizers of BERT and of SentencePiece's NMT, as tokenizers 0.22 has them. Their lists of characters are the
// library's own, odd as they are (Nmt keeps U+0000, BERT takes U+3000 to U+33FF for no Chinese characters).
import { control, inClass, nonspacingMarks, whiteSpace } from './characters.ts';

type Normalize = (text: string) => string;

/** A character at a time: "ΟΔΟΣ" ends in σ, not in the ς that a whole word's lower case has. */
export const lowerCase: Normalize = (text) => text.replace(/\P{ASCII}|[A-Z]/gu, (character) => character.toLowerCase());

const CHINESE = new RegExp(
  inClass('3400-4dbf 4e00-9fff f900-faff 20000-2a6df 2a700-2b81f 2b920-2ceaf 2f800-2fa1f'),
  'gu',
);

export interface BertOptions {
  readonly clean_text: boolean;
  readonly handle_chinese_chars: boolean;
  /** null: as `lowercase`. */
  readonly strip_accents: boolean | null;
  readonly lowercase: boolean;
}

export const bertNormalizer = (options: BertOptions, decompose: Normalize): Normalize => {
  const steps: Normalize[] = [];
  if (options.clean_text) steps.push((text) => text.replace(control, '').replace(whiteSpace, ' '));
  if (options.handle_chinese_chars) steps.push((text) => text.replace(CHINESE, ' $& '));
  if (options.strip_accents ?? options.lowercase) steps.push((text) => decompose(text).replace(nonspacingMarks, ''));
  if (options.lowercase) steps.push(lowerCase);
  return (text) => steps.reduce((changed, step) => step(changed), text);
};

const NMT_REMOVED = new RegExp(inClass('1-8 b e-1f 7f 8f 9f'), 'gu');
const NMT_SPACE = new RegExp(inClass('9-a c-d 1680 200b-200f 2028-2029 2581 feff fffd'), 'gu');

export const nmt: Normalize = (text) => text.replace(NMT_REMOVED, '').replace(NMT_SPACE, ' ');
