// POST /v1/completions, OpenAI's route: texts to go on from. What cannot be honoured is refused by its name
// (generation.ts), token ids and `echo` among it.
import * as z from 'zod';
import { MAX_COMPLETION_LOGPROBS, MAX_PROMPT_BYTES, MAX_PROMPTS } from '../limits.ts';
import { textUpTo } from '../text.ts';
import {
  choiceExtras,
  finishReason,
  generationFields,
  generationOf,
  isTuned,
  newTokens,
  siftEvent,
  siftFitsModel,
  siftOnWire,
  unsupported,
  usageOnWire,
} from './generation.ts';
import { completionSift, splitSift } from './sift.ts';

/** As OpenAI's. */
const DEFAULT_NEW_TOKENS = 16;

const prompt = textUpTo(MAX_PROMPT_BYTES);
const holdsTokens = (input: unknown): boolean => Array.isArray(input) && input.some((one) => typeof one !== 'string');

export const completionRequest = generationFields
  .extend({
    /** May be empty: the model then begins a text. A list has one selection, one tuning and n choices for each. */
    prompt: z
      .union([prompt, z.array(prompt).min(1, 'is empty').max(MAX_PROMPTS)], {
        // what does not fit by itself says why itself
        error: (issue) =>
          holdsTokens(issue.input) ? 'must be a text or a list of texts (token ids are not supported)' : undefined,
      })
      .nullish(),
    max_tokens: newTokens.nullish(),
    /** Alternatives told beside each token; 0: the token's own log-probability. */
    logprobs: z.int().min(0).max(MAX_COMPLETION_LOGPROBS).nullish(),
    best_of: z.int().min(1).nullish(),
    echo: unsupported(z.literal(false), 'null or false'),
    suffix: unsupported(z.literal(''), 'null or ""'),
    sift: completionSift.nullish(),
  })
  .refine(({ n, best_of }) => best_of == null || best_of === (n ?? 1), {
    path: ['best_of'],
    error: ({ input }) => {
      const { n, best_of } = input as { n?: number | null; best_of?: number | null };
      return `is ${best_of}, it must be n (${n ?? 1}): no sample is thrown away here`;
    },
  })
  .refine(siftFitsModel.test, siftFitsModel.issue)
  .transform(({ prompt: given, max_tokens, logprobs, sift, ...fields }) => ({
    ...generationOf(fields),
    prompts: Array.isArray(given) ? given : [given ?? ''],
    max_tokens: max_tokens ?? DEFAULT_NEW_TOKENS,
    logprobs: logprobs ?? null,
    sift: isTuned(fields.model) ? splitSift(sift ?? completionSift.parse({})) : undefined,
  }));
export type CompletionRequest = z.output<typeof completionRequest>;

/** OpenAI's older form; offsets count UTF-16 units of the choice's text. */
const logprobs = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number()),
  top_logprobs: z.array(z.record(z.string(), z.number())),
  text_offset: z.array(z.int()),
});
export type CompletionLogprobs = z.output<typeof logprobs>;

const choice = z.object({
  text: z.string(),
  /** Samples of the first prompt, then of the second, … */
  index: z.int(),
  logprobs: logprobs.nullable(),
  finish_reason: finishReason.nullable(),
});
export type CompletionChoice = z.output<typeof choice>;

const envelope = z.object({
  id: z.string(),
  object: z.literal('text_completion'),
  /** Unix seconds. */
  created: z.int(),
  model: z.string(),
});

/** 200 without streaming. */
export const completionResponse = envelope.extend({
  choices: z.array(choice.extend({ finish_reason: finishReason, ...choiceExtras })),
  usage: usageOnWire.optional(),
  sift: siftOnWire.optional(),
});

/** One `data:` line of a stream; the last with `include_usage`, and those with `sift`, have no choices. */
export const completionChunk = envelope.extend({
  choices: z.array(choice),
  usage: usageOnWire.nullable().optional(),
  sift: siftEvent.optional(),
});
