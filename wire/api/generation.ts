// What completions and chat have in common, of requests and of answers. Every field of OpenAI's may be absent, null, or at
// the value that means nothing; what cannot be honoured is refused by its name, and nothing is passed over. Defaults are
// filled in by each route's outermost transform, so that a description of the request can be made of its schema.
import * as z from 'zod';
import { contextReport, use } from '../context.ts';
import { MAX_NEW_TOKENS, MAX_SAMPLES } from '../limits.ts';
import { truncation } from '../tune/responses.ts';
import { adapterReport, guardReport, restart, step, tuned } from '../tune/steps.ts';
import { modelName, SIFT_SUFFIX } from './model.ts';
import { selectionOnWire } from './select.ts';

/** A field that is not supported, at the values that ask for nothing; any other is refused by the field's name. */
export const unsupported = (neutral: z.ZodType, words: string) =>
  z.union([neutral, z.null()], { error: `is not supported: only ${words} is accepted` }).optional();
export const onlyNull = z.null({ error: 'is not supported: only null is accepted' }).optional();
export const onlyEmptyObject = unsupported(z.record(z.string(), z.never()), 'null or {}');
export const onlyEmptyList = unsupported(z.array(z.never()), 'null or []');

const LARGEST_SEED = 2 ** 63;

const seed = z.number().refine((value) => Number.isInteger(value) && Math.abs(value) <= LARGEST_SEED, {
  error: (issue) => `is ${String(issue.input)}, it must be a whole number of 64 bits`,
});

/** Any 64-bit integer, folded to the 32 bits that the sampler takes; a 32-bit one stays as it is. */
const foldSeed = (given: number): number => {
  const bits = BigInt.asUintN(64, BigInt(given));
  return Number((bits & 0xffff_ffffn) ^ (bits >> 32n));
};

const penalty = z.number().min(-2).max(2);
const stopText = z.string().min(1);
export const newTokens = z.int().min(0).max(MAX_NEW_TOKENS);

/** Fields of both routes, as callers write them. */
export const generationFields = z.strictObject({
  model: modelName,
  temperature: z.number().min(0).max(2).nullish(),
  /** 0 leaves the likeliest token alone. */
  top_p: z.number().min(0).max(1).nullish(),
  /** Not OpenAI's: 0 is no limit. */
  top_k: z.int().min(0).max(100_000).nullish(),
  seed: seed.nullish(),
  /** Samples of one selection and one tuning. */
  n: z.int().min(1).max(MAX_SAMPLES).nullish(),
  presence_penalty: penalty.nullish(),
  frequency_penalty: penalty.nullish(),
  stop: z.union([stopText, z.array(stopText).max(4)]).nullish(),
  stream: z.boolean().nullish(),
  /** Further members of SDKs change nothing here. */
  stream_options: z
    .looseObject({ include_usage: z.boolean().nullish(), include_sift: z.boolean().nullish() })
    .nullish(),
  /** Not OpenAI's: what happens to a prompt that does not fit by itself. */
  truncate: z.enum(['refuse', 'start']).nullish(),
  // these say who asks and how a bill is made: they change nothing here
  user: z.string().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  store: z.boolean().nullish(),
  service_tier: z.string().nullish(),
  safety_identifier: z.string().nullish(),
  prompt_cache_key: z.string().nullish(),
  logit_bias: onlyEmptyObject,
});
type Fields = z.output<typeof generationFields>;

/** The fields of both routes at their values or defaults. */
export const generationOf = (fields: Fields) => {
  const { model, temperature, top_p, top_k, n, presence_penalty, frequency_penalty, truncate } = fields;
  const stop = fields.stop ?? [];
  return {
    model,
    temperature: temperature ?? 1,
    top_p: top_p ?? 1,
    top_k: top_k ?? 0,
    seed: fields.seed == null ? undefined : foldSeed(fields.seed),
    n: n ?? 1,
    presence_penalty: presence_penalty ?? 0,
    frequency_penalty: frequency_penalty ?? 0,
    stop: typeof stop === 'string' ? [stop] : stop,
    truncate: truncate ?? ('refuse' as const),
    stream: fields.stream ?? false,
    includeUsage: fields.stream_options?.include_usage ?? false,
    includeSift: fields.stream_options?.include_sift ?? false,
  };
};

export const isTuned = (model: string): boolean => model.endsWith(SIFT_SUFFIX);

/** A `sift` object asks for what only a tuned model does. */
export const siftFitsModel = {
  test: ({ model, sift }: { readonly model: string; readonly sift?: unknown }) => sift == null || isTuned(model),
  issue: {
    path: ['sift'],
    error: (issue: { readonly input?: unknown }) => {
      const { model } = issue.input as { readonly model: string };
      return `is for models whose name ends in '${SIFT_SUFFIX}': '${model}' generates without a selection`;
    },
  },
};

export const finishReason = z.enum(['stop', 'length']);

/** Members of a choice that are not OpenAI's. */
export const choiceExtras = {
  /** Where the start of its prompt was cut off. */
  truncated: truncation.optional(),
};

export const usageOnWire = z.object({
  /** Of every prompt and of all samples. */
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  /** The steps' tokens are no part of the total that SDKs know. */
  prompt_tokens_details: z.object({
    tuning_tokens: z.int(),
    tuning_steps: z.int(),
    /** How the steps were made; null where there were none, and for several prompts, each of which says it in `sift`. */
    tuning: tuned.nullable(),
  }),
});
export type UsageOnWire = z.output<typeof usageOnWire>;

/** What was selected, as beside an answer. */
export const chosenShort = selectionOnWire
  .pick({ corpus: true, sigma2: true, explained: true, pool: true, stop: true, warnings: true })
  .extend({
    picks: z.array(selectionOnWire.shape.picks.element.pick({ id: true, score: true, similarity: true, sigma2: true })),
  });
export type ChosenShort = z.output<typeof chosenShort>;

/** What was learnt from, beside OpenAI's fields. */
export const chosenOnWire = chosenShort.extend({
  /** What the picks were for, and what became of them in the context. */
  use,
  context: contextReport.optional(),
  /** What earlier steps on the same picks made, or what is kept of these; null where neither. */
  adapter: adapterReport.nullable(),
  /** How the steps were made; null where there were none. */
  tuning: tuned.nullable(),
});
export type ChosenOnWire = z.output<typeof chosenOnWire>;

/** Of an answer: for one prompt an object, for several a list in their order. */
export const siftOnWire = z.union([chosenOnWire, z.array(chosenOnWire)]);

/** The `sift` member of a stream's chunk without choices: one of these, and the prompt that it is about. */
export const siftEvent = z.object({
  /** Its place in the request's list; absent for a single one. */
  prompt: z.int().optional(),
  selection: chosenShort.optional(),
  queued: z.object({ position: z.int() }).optional(),
  step: step.optional(),
  restart: restart.optional(),
  adapter: z.object({ id: z.string(), reused: z.boolean(), steps: z.int() }).optional(),
  truncated: truncation.optional(),
  context: contextReport.optional(),
  guard: guardReport.optional(),
});
export type SiftEvent = z.output<typeof siftEvent>;
