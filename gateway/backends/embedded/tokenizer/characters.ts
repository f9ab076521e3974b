// Character classes as Rust's tokenizers 0.22 takes them, and patterns of tokenizer.json as JavaScript expressions.
// JavaScript's own \s holds U+FEFF and lacks U+0085, its \d and \w know ASCII only: each gives other ids than the model
// was trained with, so none of them is used in this room.
import { z } from 'zod';
import { ReplaceNormalizer } from './library.ts';

const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';
const PUNCTUATION = '\\p{P}!-\\/:-@\\[-`{-~';

export const numeric = /[\p{Nd}\p{Nl}\p{No}]/gu;
export const punctuation = new RegExp(`[${PUNCTUATION}]`, 'gu');
export const whiteSpace = /\p{White_Space}/gu;
/** A run of word characters, or of what is neither a word character nor white space. */
export const words = new RegExp(`[${WORD}]+|[^${WORD}\\p{White_Space}]+`, 'gu');
export const startsWithWord = new RegExp(`^[${WORD}]`, 'u');
export const endsWithWord = new RegExp(`[${WORD}]$`, 'u');
export const leadingSpace = /^\p{White_Space}+/u;
export const trailingSpace = /\p{White_Space}+$/u;

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
