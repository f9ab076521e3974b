// What the gateway answers: the events of /v1/tune, and the same in one piece; scores; what was forgotten.
import * as z from 'zod';
import { wireError } from '../api/error.ts';
import { contextReport } from '../context.ts';
import { adapterReport, restart, step, tuned } from './steps.ts';

/** How many adapters went with them. */
export const forgetResponse = z.object({ adapters: z.int() });

const score = z.object({
  bits: z.number(),
  bytes: z.number(),
  tokens: z.number(),
  bits_per_byte: z.number(),
});

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
