// Models: the name a caller gives, and what GET /v1/models tells of each.
import * as z from 'zod';
import { MAX_MODEL_NAME } from '../limits.ts';

export const modelName = z.string().min(1, 'is empty').max(MAX_MODEL_NAME);

/** `NAME` is a base model; `NAME:sift` is it after tuning on what is selected for the prompt. */
export const SIFT_SUFFIX = ':sift';

const common = {
  id: z.string(),
  object: z.literal('model'),
  /** Unix seconds; OpenAI's clients want it, and a checkpoint has none. */
  created: z.literal(0),
  owned_by: z.literal('sift'),
};

const generating = z.object({
  ...common,
  /** Of completions and chat. */
  kind: z.literal('generate'),
  /** Tokens of context. */
  context_window: z.int(),
  parameters: z.int(),
  /** Whether this name tunes for each prompt. */
  tuned: z.boolean(),
  /** How conversations are written: by the checkpoint's own template, or plainly; null where the gateway does not say. */
  chat: z.enum(['own', 'plain']).nullable(),
  /** How it can be tuned. */
  methods: z.array(z.enum(['full', 'lora'])),
  /** Alternatives that can be told beside a token; null: log-probabilities are not told. */
  max_logprobs: z.int().nullable(),
  /** Whether presence_penalty and frequency_penalty are there. */
  penalties: z.boolean(),
  /** How it is tuned where a request leaves it to the server. */
  defaults: z.object({
    method: z.enum(['full', 'lora']),
    /** Of LoRA. */
    rank: z.int(),
    learning_rate: z.object({ full: z.number(), lora: z.number() }),
    /** `given` on the server's command line, `measured` for this model, or a rule by `size`. */
    from: z.enum(['given', 'measured', 'size']),
  }),
  /** Names of the gateways that have it, the nearest first, where the server has several. */
  gateways: z.array(z.string()).optional(),
});

const embedding = z.object({
  ...common,
  /** Of embeddings. */
  kind: z.literal('embed'),
  /** Tokens that it reads of a text; null where that is not known. */
  context_window: z.int().nullable(),
  dimensions: z.int(),
});

export const modelOnWire = z.discriminatedUnion('kind', [generating, embedding]);
export type ModelOnWire = z.output<typeof modelOnWire>;

/** GET /v1/models */
export const modelList = z.object({ object: z.literal('list'), data: z.array(modelOnWire) });
