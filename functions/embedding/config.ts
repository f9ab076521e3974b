// What an embedder is told about its model: config.json of our own layout, or what hub.ts makes of a directory from the hub.
import * as z from 'zod';
import { MAX_EMBEDDER_TOKENS, MIN_EMBEDDER_TOKENS, VECTORIZE_MAX_DIMENSIONS } from '../../wire/limits.ts';

/** How one vector is made of those of a text's tokens; built-in: the model does it. Names are sentence-transformers'. */
export const POOLINGS = [
  'built-in',
  'mean',
  'cls',
  'max',
  'lasttoken',
  'weightedmean',
  'mean_sqrt_len_tokens',
] as const;
export type Pooling = (typeof POOLINGS)[number];

export const promptTexts = z.strictObject({
  /** Before a prompt of a selection. */
  query: z.string().default(''),
  /** Before an example. */
  document: z.string().default(''),
});
export const windowTokens = z.int().min(MIN_EMBEDDER_TOKENS).max(MAX_EMBEDDER_TOKENS);

const embedderConfig = z.strictObject({
  /** Recorded with every corpus that this model fills; another model needs another name. */
  model: z.string().min(1),
  dimensions: z.int().min(1).max(VECTORIZE_MAX_DIMENSIONS),
  /** Tokens that the model reads of a text, special ones and a prefix included. */
  max_tokens: windowTokens,
  /** built-in: the output is batch × dimensions; otherwise it is batch × tokens × dimensions. */
  pooling: z.enum(POOLINGS),
  /** Name of the output; by default the first there is of those that pooling.ts lists. */
  output: z.string().min(1).optional(),
  /** Text that is put before each text. */
  prompts: promptTexts.optional(),
  /** Texts become lower case before the tokenizer sees them. */
  lowercase: z.boolean().optional(),
  /** One text a run: the model's vectors depend on the other texts of a run (8-bit activations). */
  one_at_a_time: z.boolean().optional(),
});
export type EmbedderConfig = z.output<typeof embedderConfig>;

/** Parses config.json; throws an Error that names the field. `where` is named in it. */
export const parseEmbedderConfig = (json: unknown, where: string): EmbedderConfig => {
  const parsed = embedderConfig.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${where}: ${[...(issue?.path ?? []), issue?.message].join(': ')}`);
};
