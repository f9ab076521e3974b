// What the edge asks of the gateway, and the events it gets back: one schema for both sides.
import * as z from 'zod';
import { wireError } from './api/error.ts';
import { askedUse, contextReport, layout } from './context.ts';
import {
  MAX_BETA,
  MAX_FORGOTTEN,
  MAX_LOGPROBS,
  MAX_MESSAGES,
  MAX_NEW_TOKENS,
  MAX_ORIGIN_CHARACTERS,
  MAX_PROMPT_BYTES,
  MAX_RANK,
  MAX_SAMPLES,
  MAX_SOURCE,
  MAX_STEPS,
  MAX_TENANT_CHARACTERS,
  MAX_TEXT_BYTES,
  MIN_EPSILON,
  MIN_LEARNING_RATE,
} from './limits.ts';
import { byteLength, textUpTo, wellFormed } from './text.ts';

/** An example to learn from, in pick order. Tuning makes one gradient step on each; a repeated id is a second step. */
export const pick = z.strictObject({
  id: z.string().min(1),
  text: textUpTo(MAX_TEXT_BYTES).min(1, 'is empty'),
  /** For a template that names it. */
  source: wellFormed.max(MAX_SOURCE).optional(),
});

/** As the edge sends it: the more similar, the nearer to the prompt in the context; without it, later is nearer. */
const rankedPick = pick.extend({ similarity: z.number().optional() });
export type RankedPick = z.output<typeof rankedPick>;

/** What examples are for, and how they are written into the context. */
const used = {
  picks: z.array(rankedPick).max(MAX_STEPS).default([]),
  use: askedUse,
  layout: layout.prefault({}),
};

export const tuning = z.strictObject({
  /** auto: what suits the model (gateway/tuning.ts), like an absent rank and a learning_rate of auto. */
  method: z.enum(['auto', 'full', 'lora']).default('auto'),
  rank: z.int().min(1).max(MAX_RANK).optional(),
  learning_rate: z.union([z.literal('auto'), z.number().min(MIN_LEARNING_RATE).max(1)]).default('auto'),
  beta1: z.number().min(0).max(MAX_BETA).default(0.9),
  beta2: z.number().min(0).max(MAX_BETA).default(0.999),
  epsilon: z.number().min(MIN_EPSILON).max(1).default(1e-8),
  weight_decay: z.number().min(0).max(1).default(0),
  reuse_gradients: z.boolean().default(false),
  /** Whether steps that do harm are undone (docs/design/guard.md). */
  guard: z.boolean().default(true),
  /** Of LoRA's first factors; the same for all requests by default, so that the same selection makes the same adapter. */
  seed: z.int().min(0).max(0xffff_ffff).default(0),
  /** Whether what an earlier request made of the same picks is taken in place of steps, and what this one makes is kept. */
  reuse_adapter: z.boolean().default(true),
});
export type Tuning = z.output<typeof tuning>;

const penalty = z.number().min(-2).max(2).default(0);

export const sampling = z.strictObject({
  /** Null: as many as the context leaves after the prompt, up to the limit. */
  max_tokens: z.int().min(0).max(MAX_NEW_TOKENS).nullable().default(64),
  /** Samples of one tuning, each with a seed of its own: seed, seed + 1, … */
  n: z.int().min(1).max(MAX_SAMPLES).default(1),
  temperature: z.number().min(0).max(2).default(1),
  top_p: z.number().min(0).max(1).default(1),
  top_k: z.int().min(0).max(100_000).default(0),
  /** OpenAI's: off the logit of every token that was generated before, once, or as often as it was. */
  presence_penalty: penalty,
  frequency_penalty: penalty,
  /** Alternatives told beside each token; 0: the token's own log-probability alone; null: none. */
  logprobs: z.int().min(0).max(MAX_LOGPROBS).nullable().default(null),
  stop: z.array(z.string().min(1)).max(4).default([]),
  seed: z.int().min(0).max(0xffff_ffff).default(0),
  /** What happens to a prompt that leaves no room in the context: it is refused, or its start is cut off. */
  truncate: z.enum(['refuse', 'start']).default('refuse'),
});
export type SamplingOptions = z.output<typeof sampling>;

/** Of a conversation, as every chat template knows it. */
export const message = z.strictObject({
  role: z.enum(['system', 'user', 'assistant']),
  content: wellFormed,
});
export type Message = z.output<typeof message>;

/** UTF-8 bytes of what all messages say. */
export const bytesOf = (messages: readonly { readonly content: string }[]): number =>
  messages.reduce((sum, { content }) => sum + byteLength(content), 0);

const messages = z
  .array(message)
  .min(1, 'is empty')
  .max(MAX_MESSAGES)
  .refine((list) => bytesOf(list) <= MAX_PROMPT_BYTES, {
    error: ({ input }) => `are ${bytesOf(input as Message[])} bytes together, the limit is ${MAX_PROMPT_BYTES} bytes`,
  });

/** On whose behalf the edge asks: the gateway's turns are shared among tenants. Signed with the body. */
const tenant = z.string().min(1).max(MAX_TENANT_CHARACTERS).default('default');

/** Which corpus the picks come from, as the edge names it: what was made of them is forgotten by this name. */
const origin = z.string().min(1).max(MAX_ORIGIN_CHARACTERS);

/** POST /v1/tune: exactly one of `prompt`, a text to go on from, and `messages`, a conversation to answer. */
export const tuneRequest = z
  .strictObject({
    tenant,
    model: z.string().min(1),
    prompt: textUpTo(MAX_PROMPT_BYTES).optional(),
    messages: messages.optional(),
    ...used,
    origin: origin.optional(),
    tuning: tuning.prefault({}),
    sampling: sampling.prefault({}),
    stream: z.boolean().default(false),
  })
  .refine((request) => (request.prompt === undefined) !== (request.messages === undefined), {
    error: 'exactly one of prompt and messages must be there',
    path: ['prompt'],
  });
export type TuneRequest = z.output<typeof tuneRequest>;
export type TuneRequestInput = z.input<typeof tuneRequest>;

/** POST /v1/score: bits per byte of `text` given `context`, before and after learning from `picks`. */
export const scoreRequest = z.strictObject({
  tenant,
  model: z.string().min(1),
  context: textUpTo(MAX_PROMPT_BYTES).default(''),
  text: textUpTo(MAX_TEXT_BYTES).min(1, 'is empty'),
  ...used,
  origin: origin.optional(),
  tuning: tuning.prefault({}),
});
export type ScoreRequest = z.output<typeof scoreRequest>;

/** POST /v1/forget: examples were deleted, or, without `examples`, all of their corpus. */
export const forgetRequest = z.strictObject({
  tenant,
  origin,
  examples: z.array(z.string().min(1)).max(MAX_FORGOTTEN).optional(),
});
export type ForgetRequest = z.output<typeof forgetRequest>;

/** How many adapters went with them. */
export const forgetResponse = z.object({ adapters: z.int() });

const score = z.object({
  bits: z.number(),
  bytes: z.number(),
  tokens: z.number(),
  bits_per_byte: z.number(),
});
export const step = z.object({
  index: z.int(),
  of: z.int(),
  id: z.string(),
  loss: z.number(),
  tokens: z.int(),
  /** The example was longer than a step takes; its beginning was used. */
  truncated: z.boolean().default(false),
  ms: z.number(),
  reused: z.boolean(),
});
export type StepReport = z.output<typeof step>;

/** What the guard saw and did. */
export const guardReport = z.object({
  /**
   * Mean difference of the picks that were new to the model from their loss under the base weights, in nats per token:
   * below zero the steps helped. Null where nothing was judged.
   */
  prequential: z.number().nullable(),
  /** Steps that the answer comes from. */
  kept_steps: z.int(),
  /** Steps that were made and undone. */
  undone_steps: z.int(),
  /** The learning rate of the steps that were kept, or, where none were, of those undone last. */
  rate: z.number(),
  /** Times that steps were made again. */
  restarts: z.int(),
  /** All steps kept as asked for, all at a lower rate, the first of them only, or none: the base model's answer. */
  outcome: z.enum(['kept', 'lowered', 'cut', 'base']),
  /** Why it is not as asked for, or not judged, in one sentence. */
  reason: z.string().nullable(),
});
export type GuardReport = z.output<typeof guardReport>;

/** What earlier steps on the same picks made, or what is kept of these. */
export const adapterReport = z.object({
  id: z.string(),
  /** It was found, and no step was made; otherwise it was made now, and is there for the next request. */
  reused: z.boolean(),
});
export type AdapterReport = z.output<typeof adapterReport>;

/** How the steps were asked for, `auto` filled in, and what the guard made of them. */
export const tuned = z.object({
  method: z.enum(['full', 'lora']),
  rank: z.int().nullable(),
  learning_rate: z.number(),
  /** Null without steps, or where the request turned it off. */
  guard: guardReport.nullable().default(null),
  /** Null where nothing was found or kept. */
  adapter: adapterReport.nullable().default(null),
});
export type Tuned = z.output<typeof tuned>;

/** Steps were undone; those that follow, if any, are counted from the first again. */
export const restart = z.object({
  /** Steps undone. */
  undone: z.int(),
  /** Steps that follow; 0: the answer is the base model's. */
  of: z.int(),
  learning_rate: z.number(),
  /** One sentence. */
  reason: z.string(),
});
export type Restart = z.output<typeof restart>;

/** The picks that a gradient step is made on. */
export const tunedOn = ({ picks, use: wanted }: Pick<TuneRequest, 'picks' | 'use'>): readonly RankedPick[] =>
  wanted === 'context' ? [] : picks;

export const scoreResponse = z.object({
  model: z.string(),
  before: score,
  after: score,
  /** Those that `after` comes from. */
  steps: z.array(step),
  tuning: tuned,
  /** Absent where nothing was to go into the context. */
  context: contextReport.optional(),
  ms: z.object({ queue: z.number(), open: z.number(), tune: z.number(), score: z.number() }),
});
export type ScoreResponse = z.output<typeof scoreResponse>;

const usage = z.object({
  prompt_tokens: z.int(),
  /** Of all samples. */
  completion_tokens: z.int(),
  /** Of all steps that were made, those that the guard undid included. */
  tuning_tokens: z.int(),
  steps: z.int(),
  tuning: tuned,
  ms: z.object({ queue: z.number(), open: z.number(), tune: z.number(), generate: z.number() }),
});
export type Usage = z.output<typeof usage>;

/** A generated token by itself; `bytes` are its UTF-8, of which one character may lie in several tokens. */
const tokenAlone = {
  token: z.string(),
  bytes: z.array(z.int().min(0).max(255)),
  /** Natural logarithm, of the distribution that docs/chat.md describes; -9999 where it is no number that JSON holds. */
  logprob: z.number(),
};
export const tokenLogprob = z.object({
  ...tokenAlone,
  /** The likeliest, as many as were asked for, from the likeliest down; the token itself may be among them. */
  top: z.array(z.object(tokenAlone)),
});
export type TokenLogprob = z.output<typeof tokenLogprob>;

const finishReason = z.enum(['stop', 'length']);

/** Tokens of the prompt's start (in chat: of its oldest messages) that were left out, and those that were read. */
export const truncation = z.object({ dropped_tokens: z.int(), kept_tokens: z.int() });
export type Truncation = z.output<typeof truncation>;

/** Of a sample; one request may have several. */
const index = z.int().min(0).default(0);

/**
 * The server-sent events of /v1/tune, by event name, in order: queued* steps truncated? context? (token | finish)* usage
 * done, or error in place of any; steps: (step* restart)* step*, of which those since the last restart are what the answer
 * comes from, or one adapter, with the steps that it stands for. Each sample has token* and one finish; those of different
 * samples may alternate.
 */
export const tuneEvent = z.discriminatedUnion('event', [
  z.object({ event: z.literal('queued'), position: z.int() }),
  z.object({ event: z.literal('step'), step }),
  z.object({ event: z.literal('restart'), restart }),
  z.object({ event: z.literal('adapter'), adapter: adapterReport.extend({ steps: z.array(step) }) }),
  truncation.extend({ event: z.literal('truncated') }),
  contextReport.extend({ event: z.literal('context') }),
  z.object({
    event: z.literal('token'),
    index,
    text: z.string(),
    /** Of this sample so far. */
    tokens: z.int(),
    /** Of the tokens since the event before, where asked for. */
    logprobs: z.array(tokenLogprob).optional(),
  }),
  z.object({ event: z.literal('finish'), index, finish_reason: finishReason }),
  z.object({ event: z.literal('usage'), usage }),
  /** The finish_reason of sample 0. */
  z.object({ event: z.literal('done'), finish_reason: finishReason }),
  z.object({
    event: z.literal('error'),
    error: wireError,
  }),
]);
export type TuneEvent = z.output<typeof tuneEvent>;

/** /v1/tune without streaming. */
export const tuneResponse = z.object({
  model: z.string(),
  /** One a sample, by index. */
  choices: z.array(
    z.object({
      index: z.int(),
      text: z.string(),
      finish_reason: finishReason,
      logprobs: z.array(tokenLogprob).optional(),
    }),
  ),
  /** Those that the text comes from. */
  steps: z.array(step),
  /** Absent where the prompt was read whole. */
  truncated: truncation.optional(),
  context: contextReport.optional(),
  usage,
});
export type TuneResponse = z.output<typeof tuneResponse>;

/** GET /v1/models of the gateway. */
export const modelsResponse = z.object({
  models: z.array(
    z.object({
      id: z.string(),
      context_tokens: z.int(),
      parameters: z.int(),
      // what follows as optional is absent from gateways that are older
      /** How conversations are written: by the checkpoint's own template, or plainly (docs/chat.md). */
      chat: z.enum(['own', 'plain']).optional(),
      /** Alternatives that can be told beside a token, where capabilities.logprobs says that it can be told at all. */
      max_logprobs: z.int().optional(),
      defaults: z.object({
        method: z.enum(['full', 'lora']),
        rank: z.int(),
        learning_rate: z.object({ full: z.number(), lora: z.number() }),
        from: z.enum(['given', 'measured', 'size']),
      }),
      capabilities: z.object({
        methods: z.array(z.enum(['full', 'lora'])),
        max_rank: z.int(),
        logprobs: z.boolean(),
        streaming: z.boolean().optional(),
        /** Whether presence_penalty and frequency_penalty are there. */
        penalties: z.boolean().optional(),
      }),
    }),
  ),
});
