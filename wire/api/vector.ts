// A vector on the wire: an array of numbers, or base64 of little-endian float32.
import * as z from 'zod';

export type VectorInput = string | readonly unknown[];

/** Numbers or base64. Only its kind is looked at here: parseVector checks the values, faster and with their index. */
export const vectorInput = z
  .custom<VectorInput>((value) => typeof value === 'string' || Array.isArray(value), {
    error: 'is neither an array of numbers nor base64',
  })
  .meta({
    anyOf: [
      { type: 'array', items: { type: 'number' } },
      { type: 'string', contentEncoding: 'base64' },
    ],
  });
