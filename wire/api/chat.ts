// POST /v1/chat/completions, OpenAI's route: a conversation to answer. Texts alone are read: images, sounds, files and tools
// are refused by their names and places, and so is whatever else cannot be honoured (generation.ts).
import * as z from 'zod';
import { MAX_LOGPROBS, MAX_MESSAGES, MAX_PROMPT_BYTES } from '../limits.ts';
import { textUpTo } from '../text.ts';
import { bytesOf, type Message } from '../tune/requests.ts';
import { shown } from '../words.ts';
import {
  choiceExtras,
  finishReason,
  generationFields,
  generationOf,
  isTuned,
  newTokens,
  onlyEmptyList,
  onlyNull,
  siftEvent,
  siftFitsModel,
  siftOnWire,
  unsupported,
  usageOnWire,
} from './generation.ts';
import { chatSift, splitSift } from './sift.ts';

const text = textUpTo(MAX_PROMPT_BYTES);
const kindIs = (issue: { readonly input?: unknown }, only: string): string =>
  issue.input === undefined ? 'is missing' : `is ${shown(issue.input)}, only ${only} is read here`;

const part = z.strictObject({
  type: z.literal('text', { error: (issue) => kindIs(issue, '"text"') }),
  text,
  /** Of a cache that there is none of here: it changes nothing. */
  prompt_cache_breakpoint: z.looseObject({}).nullish(),
});

const ROLES = ['system', 'developer', 'user', 'assistant'] as const;

const message = z.strictObject({
  role: z.enum(ROLES, { error: (issue) => kindIs(issue, ROLES.join(' or ')) }),
  /** Several parts are one text, a line each. */
  content: z.union([text, z.array(part).min(1, 'is empty')], {
    error: ({ input }) =>
      input === undefined || typeof input === 'string' || Array.isArray(input)
        ? undefined
        : `is ${shown(input)}, it must be a text or a list of parts of text`,
  }),
  name: onlyNull,
  refusal: onlyNull,
  audio: onlyNull,
  function_call: onlyNull,
  tool_calls: onlyEmptyList,
});
type GivenMessage = z.output<typeof message>;

const messageOf = ({ role, content }: GivenMessage): Message => ({
  role: role === 'developer' ? 'system' : role,
  content: typeof content === 'string' ? content : content.map((one) => one.text).join('\n'),
});

const TOOL_CHOICES = unsupported(z.enum(['none', 'auto']), 'null, "none" or "auto"');
const textFormat = unsupported(z.strictObject({ type: z.literal('text') }), 'null or {"type":"text"}');

export const chatRequest = generationFields
  .extend({
    messages: z
      .array(message)
      .min(1, 'is empty')
      .max(MAX_MESSAGES)
      .refine((list) => bytesOf(list.map(messageOf)) <= MAX_PROMPT_BYTES, {
        error: ({ input }) =>
          `are ${bytesOf((input as GivenMessage[]).map(messageOf))} bytes together, the limit is ${MAX_PROMPT_BYTES} bytes`,
      }),
    /** Both absent: as many as the context leaves. */
    max_completion_tokens: newTokens.nullish(),
    /** Its older name. */
    max_tokens: newTokens.nullish(),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.int().min(0).max(MAX_LOGPROBS).nullish(),
    sift: chatSift.nullish(),
    // these ask for what a plain text model does in any case
    reasoning_effort: z.string().nullish(),
    verbosity: z.string().nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    prompt_cache_options: z.looseObject({}).nullish(),
    prompt_cache_retention: z.string().nullish(),
    modalities: unsupported(z.array(z.literal('text')), 'null or ["text"]'),
    response_format: textFormat,
    tools: onlyEmptyList,
    tool_choice: TOOL_CHOICES,
    functions: onlyEmptyList,
    function_call: TOOL_CHOICES,
    audio: onlyNull,
    prediction: onlyNull,
    web_search_options: onlyNull,
    moderation: onlyNull,
  })
  .refine(({ max_tokens, max_completion_tokens: most }) => max_tokens == null || most == null || max_tokens === most, {
    path: ['max_tokens'],
    error: 'is not max_completion_tokens: give one of them',
  })
  .refine(({ logprobs, top_logprobs }) => logprobs === true || (top_logprobs ?? 0) === 0, {
    path: ['top_logprobs'],
    error: 'needs logprobs: true',
  })
  .refine(siftFitsModel.test, siftFitsModel.issue)
  .transform(({ messages, max_completion_tokens, max_tokens, logprobs, top_logprobs, sift, ...fields }) => ({
    ...generationOf(fields),
    messages: messages.map(messageOf),
    max_tokens: max_completion_tokens ?? max_tokens ?? null,
    logprobs: logprobs === true ? (top_logprobs ?? 0) : null,
    sift: isTuned(fields.model) ? splitSift(sift ?? chatSift.parse({})) : undefined,
  }));
export type ChatRequest = z.output<typeof chatRequest>;

const token = { token: z.string(), logprob: z.number(), bytes: z.array(z.int()) };
const logprobs = z.object({
  content: z.array(z.object({ ...token, top_logprobs: z.array(z.object(token)) })),
  refusal: z.null(),
});
export type ChatLogprobs = z.output<typeof logprobs>;

const envelope = { id: z.string(), created: z.int(), model: z.string() };

const choice = z.object({
  index: z.int(),
  message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
  logprobs: logprobs.nullable(),
  finish_reason: finishReason,
  ...choiceExtras,
});
export type ChatChoice = z.output<typeof choice>;

/** 200 without streaming. */
export const chatResponse = z.object({
  ...envelope,
  object: z.literal('chat.completion'),
  choices: z.array(choice),
  usage: usageOnWire.optional(),
  sift: siftOnWire.optional(),
});

const delta = z.object({
  index: z.int(),
  /** The role first, then pieces of the content, then nothing with the reason. */
  delta: z.object({ role: z.literal('assistant').optional(), content: z.string().optional() }),
  logprobs: logprobs.nullable(),
  finish_reason: finishReason.nullable(),
});
export type ChatDelta = z.output<typeof delta>;

/** One `data:` line of a stream; the last with `include_usage`, and those with `sift`, have no choices. */
export const chatChunk = z.object({
  ...envelope,
  object: z.literal('chat.completion.chunk'),
  choices: z.array(delta),
  usage: usageOnWire.nullable().optional(),
  sift: siftEvent.optional(),
});
