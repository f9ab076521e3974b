// Character classes as Rust's tokenizers 0.22 takes them, and patterns of tokenizer.json as JavaScript expressions.
// JavaScript's own \s holds U+FEFF and lacks U+0085, its \d and \w know ASCII only, and its \p{…} follows the engine's
// Unicode where the library's crates follow versions 8 to 16: each gives other ids than the model was trained with. So the
// classes are tables taken from the library (unicode.json, by training/tokenizer_goldens.py).
import { z } from 'zod';
import { ReplaceNormalizer } from './library.ts';
import tables from './unicode.json' with { type: 'json' };

/** "61-7a aa" as a character class. */
export const inClass = (ranges: string): string => `[${ranges.replace(/[0-9a-f]+/g, '\\u{$&}').replaceAll(' ', '')}]`;
const WORD = inClass(tables.word).slice(1, -1);

export const numeric = /[\p{Nd}\p{Nl}\p{No}]/gu;
export const punctuation = new RegExp(inClass(tables.punctuation), 'gu');
export const marks = new RegExp(inClass(tables.marks), 'gu');
export const nonspacingMarks = new RegExp(inClass(tables.nonspacing_marks), 'gu');
/** What BERT's normalizer removes. */
export const control = new RegExp(inClass(tables.control), 'gu');
/** Runs of characters that the library's normal forms change, reorder or compose. It leaves all others alone. */
export const normalizing = new RegExp(`${inClass(tables.normalizing)}+`, 'gu');
export const whiteSpace = /\p{White_Space}/gu;
/** A run of word characters, or of what is neither a word character nor white space. */
export const words = new RegExp(`[${WORD}]+|[^${WORD}\\p{White_Space}]+`, 'gu');
const wordCharacter = new RegExp(`[${WORD}]`, 'u');
const space = /\p{White_Space}/u;

// By hand, a character at a time from the border: an expression with $ looks from every place of a long text.
/** Whether a word character ends at `at`, or begins there. */
export const wordBefore = (text: string, at: number): boolean =>
  wordCharacter.test(Array.from(text.slice(Math.max(0, at - 2), at)).at(-1) ?? '');
export const wordAfter = (text: string, at: number): boolean =>
  wordCharacter.test(Array.from(text.slice(at, at + 2))[0] ?? '');
/** Where the white space that ends at `at` begins, and where that which begins there ends. All of it is one unit long. */
export const spaceBefore = (text: string, at: number): number => {
  let from = at;
  while (from > 0 && space.test(text.charAt(from - 1))) from -= 1;
  return from;
};
export const spaceAfter = (text: string, at: number): number => {
  let to = at;
  while (to < text.length && space.test(text.charAt(to))) to += 1;
  return to;
};

export const pattern = z.union([z.strictObject({ String: z.string() }), z.strictObject({ Regex: z.string() })]);

/** The letters beside ASCII that a case-insensitive s and k match in Oniguruma: ſ and the Kelvin sign. */
const FOLDED: Readonly<Record<string, string>> = { s: 'ſ', S: 'ſ', k: '\u212a', K: '\u212a' };

/** `(?i:'s|'t)` with the letters that the library's translation, which folds ASCII only, would leave out. */
const foldedGroups = (source: string): string =>
  source.replace(/\(\?i([:)])([^()]*)/g, (group, end: string, body: string) => {
    if (end === ')' || /[\\^&]|\[[^\]]*-/.test(body))
      throw new Error(`the pattern's part ${group.slice(0, 4)} is not implemented here`);
    let inClass = false;
    const folded = body.replace(/[[\]sSkK]/g, (character) => {
      const other = FOLDED[character];
      if (other === undefined) inClass = character === '[';
      if (other === undefined) return character;
      return inClass ? character + other : `[${character}${other}]`;
    });
    return `(?i:${folded}`;
  });

/** The expression of a pattern; the library translates Oniguruma's syntax, and throws at what it cannot. */
export const expression = (of: z.output<typeof pattern>): RegExp => {
  const source = 'Regex' in of ? { Regex: foldedGroups(of.Regex) } : of;
  const { pattern: compiled } = new ReplaceNormalizer({ type: 'Replace', pattern: source, content: '' });
  if (compiled === null) throw new Error(`the pattern ${JSON.stringify(of)} is not understood`);
  return compiled;
};
