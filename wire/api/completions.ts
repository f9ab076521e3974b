// POST /v1/completions, OpenAI's route: what cannot be honoured is refused by its name rather than ignored, and every
// field may be absent, null, or at the value that means nothing.
import { z } from 'zod';
import { contextReport, use } from '../context.ts';
import { MAX_NEW_TOKENS, MAX_PROMPT_BYTES } from '../limits.ts';
import { textUpTo } from '../text.ts';
import { adapterReport, tuned } from '../tune.ts';
import { modelName } from './model.ts';
import { selectionOnWire } from './select.ts';
import { sift } from './sift.ts';

/** A field that is not supported, at the values that ask for nothing; any other is refused. */
const only = (...values: readonly unknown[]) =>
  z
    .custom<unknown>((value) => value === null || values.some((one) => JSON.stringify(one) === JSON.stringify(value)), {
      error: `is not supported: only ${[null, ...values].map((one) => JSON.stringify(one)).join(' or ')} is accepted`,
    })
    .optional();

const orDefault = <T>(schema: z.ZodType<T>, value: T) =>
  schema
    .nullable()
    .optional()
    .transform((given) => given ?? value);

const stop = z
  .union([z.string().min(1), z.array(z.string().min(1)).max(4), z.null()])
  .default([])
  .transform((value) => (value === null ? [] : typeof value === 'string' ? [value] : value));

const prompt = textUpTo(MAX_PROMPT_BYTES);

const LARGEST_SEED = 2 ** 63;

/** Any 64-bit integer, folded to the 32 bits that the sampler takes; a 32-bit one stays as it is. */
const foldSeed = (seed: number): number => {
  const bits = BigInt.asUintN(64, BigInt(seed));
  return Number((bits & 0xffff_ffffn) ^ (bits >> 32n));
};

const seed = z
  .number()
  .refine((value) => Number.isInteger(value) && Math.abs(value) <= LARGEST_SEED, {
    error: (issue) => `is ${String(issue.input)}, it must be a whole number of 64 bits`,
  })
  .transform(foldSeed)
  .nullable()
  .optional();

export const completionRequest = z.strictObject({
  model: modelName,
  /** May be empty: the model then begins a text. */
  prompt: z
    .union([prompt, z.array(prompt).length(1)], {
      // a text that does not fit says why itself
      error: (issue) =>
        typeof issue.input === 'string'
          ? undefined
          : 'must be one text (token ids and several prompts are not supported)',
    })
    .nullable()
    .optional()
    .transform((given) => (typeof given === 'string' ? given : (given?.[0] ?? ''))),
  max_tokens: orDefault(z.int().min(0).max(MAX_NEW_TOKENS), 16),
  temperature: orDefault(z.number().min(0).max(2), 1),
  /** 0 leaves the likeliest token alone. */
  top_p: orDefault(z.number().min(0).max(1), 1),
  top_k: orDefault(z.int().min(0).max(100_000), 0),
  seed,
  stop,
  stream: orDefault(z.boolean(), false),
  /** Further members of SDKs change nothing here. */
  stream_options: z.looseObject({ include_usage: z.boolean().nullable().optional() }).nullable().optional(),
  user: z.string().nullable().optional(),
  metadata: z.record(z.string(), z.unknown()).nullable().optional(),
  store: z.boolean().nullable().optional(),
  service_tier: z.string().nullable().optional(),
  n: only(1),
  best_of: only(1),
  echo: only(false),
  logprobs: only(),
  logit_bias: only({}),
  suffix: only(''),
  presence_penalty: only(0),
  frequency_penalty: only(0),
  sift,
});
export type CompletionRequest = z.output<typeof completionRequest>;

const choice = z.object({
  text: z.string(),
  index: z.int(),
  logprobs: z.null(),
  finish_reason: z.enum(['stop', 'length']).nullable(),
});

const usage = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  /** The steps' tokens are no part of the total that SDKs know. */
  prompt_tokens_details: z.object({
    tuning_tokens: z.int(),
    tuning_steps: z.int(),
    /** How the steps were made; null where there were none. */
    tuning: tuned.nullable(),
  }),
});

/** What was learnt from, beside OpenAI's fields. */
export const chosenOnWire = selectionOnWire
  .pick({ corpus: true, sigma2: true, explained: true, pool: true, stop: true, warnings: true })
  .extend({
    /** What the picks were for, and what became of them in the context. */
    use,
    context: contextReport.optional(),
    /** What earlier steps on the same picks made, or what is kept of these; null where neither. */
    adapter: adapterReport.nullable(),
    picks: z.array(selectionOnWire.shape.picks.element.pick({ id: true, score: true, similarity: true, sigma2: true })),
  });
export type ChosenOnWire = z.output<typeof chosenOnWire>;

const envelope = z.object({
  id: z.string(),
  object: z.literal('text_completion'),
  /** Unix seconds. */
  created: z.int(),
  model: z.string(),
});

/** 200 without streaming. */
export const completionResponse = envelope.extend({
  choices: z.array(choice),
  usage: usage.optional(),
  sift: chosenOnWire.optional(),
});

/** One `data:` line of a stream; the last with `include_usage` has no choices. */
export const completionChunk = envelope.extend({ choices: z.array(choice), usage: usage.nullable().optional() });
