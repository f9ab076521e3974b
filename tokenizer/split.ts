// Pre-tokenizers of tokenizer.json: a text becomes the pieces within which the model merges, as tokenizers 0.22 splits
// it. The library's own leave out the five behaviours of Split and know ASCII digits only (SmolLM2 splits all digits),
// so those that decoder models use are written out here. The others are refused by name.
import { z } from 'zod';
import { byteAlphabet } from './bytes.ts';
import { expression, numeric, pattern, punctuation, whiteSpace, words } from './characters.ts';
import { unknownComponent } from './normalize.ts';

export interface Piece {
  readonly text: string;
  /** It begins where the whole text begins. */
  readonly first: boolean;
}
export type Split = (piece: Piece) => Piece[];

const behavior = z.enum(['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous']);
type Behavior = z.output<typeof behavior>;

const configs = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['Whitespace', 'WhitespaceSplit', 'BertPreTokenizer']) }),
  z.object({ type: z.literal('ByteLevel'), add_prefix_space: z.boolean(), use_regex: z.boolean().default(true) }),
  z.object({ type: z.literal('CharDelimiterSplit'), delimiter: z.string() }),
  z.object({ type: z.literal('Digits'), individual_digits: z.boolean().default(false) }),
  z.object({ type: z.literal('FixedLength'), length: z.int().min(1).default(5) }),
  z.object({
    type: z.literal('Metaspace'),
    replacement: z.string().default('▁'),
    prepend_scheme: z.enum(['always', 'first', 'never']).default('always'),
    split: z.boolean().default(true),
    // files of before 2024
    add_prefix_space: z.boolean().nullish(),
  }),
  z.object({ type: z.literal('Punctuation'), behavior: behavior.default('Isolated') }),
  z.object({ type: z.literal('Split'), pattern, behavior, invert: z.boolean().default(false) }),
  z.object({ type: z.literal('Sequence'), pretokenizers: z.array(z.unknown()) }),
]);
type Config = z.output<typeof configs>;

interface Range {
  start: number;
  end: number;
  match: boolean;
}

/** All of a text as ranges, those that match and those between them. */
const ranges = (text: string, found: RegExp, invert: boolean): Range[] => {
  const all: Range[] = [];
  let start = 0;
  for (const { 0: match, index } of text.matchAll(found)) {
    if (index > start) all.push({ start, end: index, match: invert });
    if (match !== '') all.push({ start: index, end: index + match.length, match: !invert });
    start = index + match.length;
  }
  if (start < text.length) all.push({ start, end: text.length, match: invert });
  return all;
};

/** What a behaviour makes of the ranges: a match joins the range before it, or after it, or its like, or none. */
const joined = (all: Range[], how: Behavior): Range[] => {
  if (how === 'Isolated') return all;
  if (how === 'Removed') return all.filter(({ match }) => !match);
  const out: Range[] = [];
  let before = false; // whether the last range was a match
  for (const range of how === 'MergedWithNext' ? all.toReversed() : all) {
    const last = out.at(-1);
    const joins = how === 'Contiguous' ? range.match === before : range.match && !before;
    if (joins && last !== undefined) {
      last.start = Math.min(last.start, range.start);
      last.end = Math.max(last.end, range.end);
    } else {
      out.push({ ...range });
    }
    before = range.match;
  }
  return how === 'MergedWithNext' ? out.reverse() : out;
};

const splitBy =
  (found: RegExp, how: Behavior, invert = false): Split =>
  ({ text, first }) =>
    joined(ranges(text, found, invert), how).map(({ start, end }) => ({
      text: text.slice(start, end),
      first: first && start === 0,
    }));

const inTurn =
  (splits: readonly Split[]): Split =>
  (piece) =>
    splits.reduce<Piece[]>((pieces, split) => pieces.flatMap(split), [piece]);

/** GPT-2's own expression, with Oniguruma's \s. */
const gpt2 = expression({
  Regex: "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
});

const byteLevel = (prefixSpace: boolean, useRegex: boolean): Split => {
  const split: Split = useRegex ? splitBy(gpt2, 'Isolated') : (piece) => [piece];
  return (piece) => {
    const text = prefixSpace && !piece.text.startsWith(' ') ? ` ${piece.text}` : piece.text;
    return split({ ...piece, text }).map((part) => ({ ...part, text: byteAlphabet.encode(part.text) }));
  };
};

const metaspace = (config: Extract<Config, { type: 'Metaspace' }>): Split => {
  const { replacement, split } = config;
  const scheme = config.add_prefix_space === false ? 'never' : config.prepend_scheme;
  const spaces = splitBy(expression({ String: replacement }), 'MergedWithNext');
  return (piece) => {
    const replaced = piece.text.replaceAll(' ', () => replacement);
    const prepends = scheme === 'always' || (scheme === 'first' && piece.first);
    const text = prepends && !replaced.startsWith(replacement) ? replacement + replaced : replaced;
    return split ? spaces({ ...piece, text }) : [{ ...piece, text }];
  };
};

const fixedLength =
  (length: number): Split =>
  ({ text, first }) => {
    const characters = Array.from(text);
    return Array.from({ length: Math.ceil(characters.length / length) }, (_, i) => ({
      text: characters.slice(i * length, (i + 1) * length).join(''),
      first: first && i === 0,
    }));
  };

/** The pre-tokenizer that a tokenizer.json describes; throws a sentence that names what is not known here. */
export const preTokenizer = (config: unknown): Split => {
  if (config === null || config === undefined) return (piece) => [piece];
  const parsed = configs.safeParse(config);
  if (!parsed.success) throw new Error(unknownComponent('pre-tokenizer', config, parsed.error));
  const known = parsed.data;
  switch (known.type) {
    case 'ByteLevel':
      return byteLevel(known.add_prefix_space, known.use_regex);
    case 'Metaspace':
      return metaspace(known);
    case 'Split':
      return splitBy(expression(known.pattern), known.behavior, known.invert);
    case 'Digits':
      return splitBy(numeric, known.individual_digits ? 'Isolated' : 'Contiguous');
    case 'Punctuation':
      return splitBy(punctuation, known.behavior);
    case 'Whitespace':
      return splitBy(words, 'Removed', true);
    case 'WhitespaceSplit':
      return splitBy(whiteSpace, 'Removed');
    case 'BertPreTokenizer':
      return inTurn([splitBy(whiteSpace, 'Removed'), splitBy(punctuation, 'Isolated')]);
    case 'CharDelimiterSplit':
      return splitBy(expression({ String: known.delimiter }), 'Removed');
    case 'FixedLength':
      return fixedLength(known.length);
    case 'Sequence':
      return inTurn(known.pretokenizers.map(preTokenizer));
  }
};
