// POST /v1/embeddings, OpenAI's route: the vectors of texts by the edge's embedder, those that selections work with. Token
// ids are refused, and so are dimensions that the model does not have.
import * as z from 'zod';
import { MAX_EMBEDDINGS, MAX_TEXT_BYTES } from '../limits.ts';
import { textUpTo } from '../text.ts';
import { modelName } from './model.ts';

const text = textUpTo(MAX_TEXT_BYTES);
const holdsTokens = (input: unknown): boolean => Array.isArray(input) && input.some((one) => typeof one !== 'string');

export const embeddingsRequest = z.strictObject({
  model: modelName,
  /** None of them empty; together within a limit of their own (limits.ts). */
  input: z.union([text, z.array(text).min(1, 'is empty').max(MAX_EMBEDDINGS)], {
    error: (issue) =>
      holdsTokens(issue.input) ? 'must be a text or a list of texts (token ids are not supported)' : undefined,
  }),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().nullish(),
  /** It changes nothing here. */
  user: z.string().nullish(),
  /** Not OpenAI's: whether texts are read as examples are (the default, from their beginning) or as prompts (their end). */
  input_type: z.enum(['document', 'query']).nullish(),
});
export type EmbeddingsRequest = z.output<typeof embeddingsRequest>;

export const embeddingsResponse = z.object({
  object: z.literal('list'),
  model: z.string(),
  /** In the order of the texts. */
  data: z.array(
    z.object({
      object: z.literal('embedding'),
      index: z.int(),
      /** Numbers, or base64 of little-endian float32; of length one. */
      embedding: z.union([z.array(z.number()), z.string()]),
      /** The text is longer than the embedder reads; not OpenAI's. */
      truncated: z.literal(true).optional(),
    }),
  ),
  /** Tokens that were read; absent where the embedder does not count them. */
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }).optional(),
});
