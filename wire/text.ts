// Text as it is counted on the wire: in UTF-8 bytes.
import * as z from 'zod';

const utf8 = new TextEncoder();

export const byteLength = (text: string): number => utf8.encode(text).byteLength;

/** Where half of a surrogate pair stands, which no UTF-8 can carry; −1 if the text is well formed. */
export const loneSurrogateAt = (text: string): number => {
  if (text.isWellFormed()) return -1;
  for (let at = 0; at < text.length; at++) {
    const code = text.codePointAt(at) ?? 0;
    if (code >= 0xd800 && code <= 0xdfff) return at;
    if (code > 0xffff) at += 1;
  }
  return -1;
};

/** Text that UTF-8 can carry. */
export const wellFormed = z.string().refine((text) => text.isWellFormed(), {
  error: (issue) => `holds half of a surrogate pair at character ${loneSurrogateAt(String(issue.input)) + 1}`,
});

/** Text of at most so many UTF-8 bytes; it may be empty. */
export const textUpTo = (limit: number) =>
  wellFormed.refine((text) => text.length <= limit && byteLength(text) <= limit, {
    error: (issue) => `is ${byteLength(String(issue.input))} bytes, the limit is ${limit} bytes`,
  });

/** The same, and not blank. */
export const filledTextUpTo = (limit: number) => textUpTo(limit).refine((text) => text.trim() !== '', 'is empty');

/** Order of the UTF-8 bytes: as UTF-16 units, except that a surrogate (a character above U+FFFF) is above every other unit. */
export const compareBytes = (a: string, b: string): number => {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const xSurrogate = x >= 0xd800 && x < 0xe000;
    const ySurrogate = y >= 0xd800 && y < 0xe000;
    return xSurrogate === ySurrogate ? x - y : xSurrogate ? 1 : -1;
  }
  return a.length - b.length;
};
