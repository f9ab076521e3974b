// What callers may say about corpora and examples: one schema per route.
import { z } from 'zod';
import { DEFAULT_PAGE, MAX_CORPUS_NAME, MAX_PAGE, MAX_STRIPES } from '../limits.ts';
import { vectorInput } from './vector.ts';

export const corpusName = z
  .string()
  .regex(
    new RegExp(`^[a-z0-9][a-z0-9._-]{0,${MAX_CORPUS_NAME - 1}}$`),
    `must be 1 to ${MAX_CORPUS_NAME} of a-z, 0-9, '.', '_', '-', beginning with a letter or digit`,
  );

const metadataValue = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())], {
  error: 'must be a string, number, boolean or list of strings',
});

/** Vectorize forbids these names: empty, with a dot or a quote, or beginning with a dollar. */
const metadataName = z.string().regex(/^[^$".][^".]*$/, "a name may not be empty, begin with '$', or hold '.' or '\"'");

/** One line of an upload. */
export const exampleLine = z.strictObject({
  id: z.string().min(1, 'is empty').optional(),
  text: z.string().optional(),
  vector: vectorInput.optional(),
  source: z.string().max(512).optional(),
  metadata: z.record(metadataName, metadataValue).optional(),
});
export type ExampleLine = z.output<typeof exampleLine>;

export const uploadQuery = z.strictObject({
  stripes: z.coerce.number().int().min(1).max(MAX_STRIPES).optional(),
});

export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(DEFAULT_PAGE),
  cursor: z.string().optional(),
});
