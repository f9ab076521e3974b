// What the edge asks of the gateway: one schema for both sides. What it answers is responses.ts, as events or whole.
import * as z from 'zod';
import { askedUse, layout } from '../context.ts';
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
} from '../limits.ts';
import { byteLength, textUpTo, wellFormed } from '../text.ts';

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

/** The picks that a gradient step is made on. */
export const tunedOn = ({ picks, use: wanted }: Pick<TuneRequest, 'picks' | 'use'>): readonly RankedPick[] =>
  wanted === 'context' ? [] : picks;
