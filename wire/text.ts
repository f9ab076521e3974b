// Text as it is counted on the wire: in UTF-8 bytes.
import { z } from 'zod';

const utf8 = new TextEncoder();

export const byteLength = (text: string): number => utf8.encode(text).byteLength;

/** Text of at most so many UTF-8 bytes; it may be empty. */
export const textUpTo = (limit: number) =>
  z.string().refine((text) => text.length <= limit && byteLength(text) <= limit, {
    error: (issue) => `is ${byteLength(String(issue.input))} bytes, the limit is ${limit} bytes`,
  });

/** The same, and not blank. */
export const filledTextUpTo = (limit: number) => textUpTo(limit).refine((text) => text.trim() !== '', 'is empty');
