// An error on the wire, as OpenAI's SDKs read it. Every status but 2xx has this body; so has a line of a failed stream.
import * as z from 'zod';

export const wireError = z.object({
  message: z.string(),
  type: z.string(),
  /** What went wrong, for programs: the kinds of wire/faults.ts. */
  code: z.string(),
  /** The field it is about. */
  param: z.string().nullable(),
});

export const errorBody = z.object({ error: wireError });
export type ErrorBody = z.output<typeof errorBody>;
