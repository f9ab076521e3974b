// A linear look at JSON text before it is parsed: how deep it nests and how much it holds. What a schema then walks is
// bounded, whatever the bytes are, so that a small body can neither exhaust the stack nor fill the memory with issues.
// Every character is looked at once; no regular expression, since one over a whole body may backtrack.
import { MAX_JSON_DEPTH, MAX_JSON_KEYS, MAX_JSON_LIST, MAX_JSON_PARTS } from './limits.ts';

export interface JsonLook {
  /** The first bound that the text exceeds, as a sentence's end: `nests deeper than 16 levels`. */
  readonly excess?: string;
  /** The first number that JSON does not have (NaN, Infinity, -Infinity), and its place counted from 1. */
  readonly oddNumber?: { readonly name: string; readonly at: number };
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const N = 0x4e;
const I = 0x49;

/** The place after the string that begins at `from`; the text's end if it never closes. */
const afterString = (text: string, from: number): number => {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return at + 1;
  }
  return text.length;
};

export const lookAtJson = (text: string): JsonLook => {
  // per open list or object: commas or colons seen
  const counts = new Uint32Array(MAX_JSON_DEPTH + 1);
  let depth = 0;
  let parts = 0;
  let oddNumber: JsonLook['oddNumber'];
  const over = (excess: string): JsonLook => ({ excess, ...(oddNumber === undefined ? {} : { oddNumber }) });
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      parts += 1;
      if (parts > MAX_JSON_PARTS) return over(`holds more than ${MAX_JSON_PARTS} strings, lists and objects`);
      at = afterString(text, at);
      continue;
    }
    if (code === OPEN_LIST || code === OPEN_OBJECT) {
      parts += 1;
      depth += 1;
      if (depth > MAX_JSON_DEPTH) return over(`nests deeper than ${MAX_JSON_DEPTH} levels`);
      if (parts > MAX_JSON_PARTS) return over(`holds more than ${MAX_JSON_PARTS} strings, lists and objects`);
      counts[depth] = 0;
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) {
      depth = Math.max(0, depth - 1);
    } else if (code === COMMA) {
      const count = (counts[depth] ?? 0) + 1;
      counts[depth] = count;
      if (count >= MAX_JSON_LIST) return over(`holds a list of more than ${MAX_JSON_LIST} entries`);
    } else if (code === COLON) {
      // a colon outside strings follows a key; with its commas an object counts about twice its keys
      const count = (counts[depth] ?? 0) + 1;
      counts[depth] = count;
      if (count >= 2 * MAX_JSON_KEYS) return over(`holds an object of more than ${MAX_JSON_KEYS} keys`);
    } else if ((code === N || code === I) && oddNumber === undefined) {
      const negative = text.charCodeAt(at - 1) === MINUS;
      const name = ['NaN', 'Infinity'].find((one) => text.startsWith(one, at));
      if (name !== undefined) oddNumber = { name: negative ? `-${name}` : name, at: at + (negative ? 0 : 1) };
    }
    at += 1;
  }
  return oddNumber === undefined ? {} : { oddNumber };
};
