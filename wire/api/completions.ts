// OpenAI's completions, as far as they make sense here: what cannot be honoured is refused rather than ignored.
import { z } from 'zod';
import { MAX_NEW_TOKENS, MAX_PROMPT_BYTES } from '../limits.ts';
import { filledTextUpTo } from '../text.ts';
import { tuning } from '../tune.ts';
import { selectionOptions } from './select.ts';

/** A field that SDKs send at its neutral value: accepted there, refused elsewhere. */
const only = (...values: readonly unknown[]) =>
  z
    .custom<unknown>((value) => values.includes(value), {
      error: `only ${values.map((one) => JSON.stringify(one)).join(' or ')} is supported`,
    })
    .optional();

/** What `NAME:sift` selects and how it tunes. */
export const siftOptions = selectionOptions.extend(tuning.shape).extend({ corpus: z.string().optional() });
export type SiftOptions = z.output<typeof siftOptions>;

const stop = z
  .union([z.string().min(1), z.array(z.string().min(1)).max(4), z.null()])
  .default([])
  .transform((value) => (value === null ? [] : typeof value === 'string' ? [value] : value));

const orDefault = <T>(schema: z.ZodType<T>, value: T) =>
  schema
    .nullable()
    .optional()
    .transform((given) => given ?? value);

export const completionRequest = z.strictObject({
  model: z.string().min(1, 'is empty'),
  prompt: z.union(
    [
      filledTextUpTo(MAX_PROMPT_BYTES),
      z
        .array(filledTextUpTo(MAX_PROMPT_BYTES))
        .length(1)
        .transform((all) => all[0] ?? ''),
    ],
    {
      error: 'must be one text (token ids and several prompts are not supported)',
    },
  ),
  max_tokens: orDefault(z.int().min(0).max(MAX_NEW_TOKENS), 16),
  temperature: orDefault(z.number().min(0).max(2), 1),
  top_p: orDefault(z.number().gt(0).max(1), 1),
  top_k: z.int().min(0).max(100_000).default(0),
  seed: z.int().min(0).max(0xffff_ffff).nullable().optional(),
  stop,
  stream: orDefault(z.boolean(), false),
  stream_options: z.strictObject({ include_usage: z.boolean().optional() }).nullable().optional(),
  user: z.string().optional(),
  n: only(1, null),
  best_of: only(1, null),
  echo: only(false, null),
  logprobs: only(null),
  suffix: only(null, ''),
  presence_penalty: only(0, null),
  frequency_penalty: only(0, null),
  sift: siftOptions.optional(),
});
export type CompletionRequest = z.output<typeof completionRequest>;
