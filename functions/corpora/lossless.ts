// What parsing a line of JSON would lose without a word: a key that stands twice, an integer that float64 rounds. The text has been parsed already, so it is JSON and not deep.
// Every character is looked at once.
import { MAX_SHOWN_CHARACTERS } from '../../wire/limits.ts';
import { shortened } from '../../wire/words.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Digits that every float64 keeps. */
const SAFE_DIGITS = 15;
/** Digits beyond which no float64 is finite; a longer literal is not turned into a BigInt. */
const MOST_DIGITS = 310;

/** The place after the string that begins at `from`. */
const afterString = (text: string, from: number): number => {
  let at = from + 1;
  for (let code = text.charCodeAt(at); code !== QUOTE && at < text.length; code = text.charCodeAt(at)) {
    at += code === BACKSLASH ? 2 : 1;
  }
  return at + 1;
};

const isDigit = (code: number): boolean => code >= ZERO && code <= NINE;

/** The characters of a number that begins at `from`. */
const numberAt = (text: string, from: number): string => {
  let to = from + 1;
  for (let code = text.charCodeAt(to); to < text.length; code = text.charCodeAt(++to)) {
    // digits, '.', 'e', 'E', '+', '-'
    if (!isDigit(code) && !'.eE+-'.includes(text.charAt(to))) break;
  }
  return text.slice(from, to);
};

const numberLoss = (number: string): string | undefined => {
  if (!Number.isFinite(Number(number))) return `the number ${shortened(number, MAX_SHOWN_CHARACTERS)} is too large`;
  const digits = number.startsWith('-') ? number.length - 1 : number.length;
  if (digits <= SAFE_DIGITS || digits > MOST_DIGITS || /[.eE]/.test(number)) return undefined;
  if (BigInt(number) === BigInt(Number(number))) return undefined;
  return `the integer ${shortened(number, MAX_SHOWN_CHARACTERS)} cannot be kept exactly, send it as a string`;
};

/** What would be lost, as a sentence; undefined when nothing is. Numbers under the top key `rounded` become float32 anyway. */
export const lossOf = (text: string, rounded: string): string | undefined => {
  /** Keys of the open objects; null for an open list. */
  const open: (Set<string> | null)[] = [];
  let isKey = false;
  let topKey = '';
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = afterString(text, at);
      const keys = open.at(-1);
      if (isKey && keys) {
        const key = JSON.parse(text.slice(at, end)) as string;
        if (keys.has(key)) return `'${shortened(key, MAX_SHOWN_CHARACTERS)}' stands twice`;
        keys.add(key);
        if (open.length === 1) topKey = key;
        isKey = false;
      }
      at = end;
    } else if (code === MINUS || isDigit(code)) {
      const number = numberAt(text, at);
      const loss = topKey === rounded ? undefined : numberLoss(number);
      if (loss !== undefined) return loss;
      at += number.length;
    } else {
      if (code === OPEN_OBJECT) open.push(new Set());
      else if (code === OPEN_LIST) open.push(null);
      else if (code === CLOSE_OBJECT || code === CLOSE_LIST) open.pop();
      if (code === OPEN_OBJECT || code === COMMA) isKey = open.at(-1) !== null;
      else if (code === OPEN_LIST) isKey = false;
      at += 1;
    }
  }
  return undefined;
};
