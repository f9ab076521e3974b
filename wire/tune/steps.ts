// What is told of the steps of a request: each of them, what the guard made of them, and the adapter that they left.
import * as z from 'zod';

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
