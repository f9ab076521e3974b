// Examples one by one and all of a corpus: what is changed, deleted by a filter, exported.
import * as z from 'zod';
import { MAX_SOURCE } from '../limits.ts';
import { exampleOnWire, flag, metadataValue, nameProblem, text } from './corpora.ts';
import { filter } from './filter.ts';

/** GET /v1/corpora/NAME/examples as NDJSON: the whole corpus, unless there is a limit. */
export const exportQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).optional(),
  cursor: z.string().optional(),
  /** Texts are always in it. */
  text: z.literal('1').optional(),
  vectors: flag.default('0'),
});

const kept = (field: string) =>
  z
    .undefined({ error: `${field} cannot be changed: upload the example again under the same id` })
    .optional()
    .meta({ not: {} });

/** PATCH /v1/corpora/NAME/examples/ID: a JSON merge patch; null takes away. */
export const examplePatch = z
  .strictObject({
    source: text.max(MAX_SOURCE).nullable().optional(),
    metadata: z
      .record(z.string(), metadataValue.nullable())
      .superRefine((value, context) => {
        for (const name of Object.keys(value)) {
          const message = nameProblem(name);
          if (message !== undefined) context.addIssue({ code: 'custom', message });
        }
      })
      .nullable()
      .optional(),
    text: kept('the text'),
    vector: kept('the vector'),
    id: kept('the id'),
  })
  .refine(({ source, metadata }) => source !== undefined || metadata !== undefined, {
    error: "changes nothing: give 'source' or 'metadata'",
  });

/** POST /v1/corpora/NAME/delete */
export const deleteRequest = z.strictObject({
  filter,
  /** `next_cursor` of the answer before, to go on from. */
  cursor: z.string().nullish(),
});

/** Its answer. */
export const deleteResponse = z.object({
  object: z.literal('deletion'),
  corpus: z.string(),
  deleted: z.int(),
  /** Examples looked at, and those of them that the index does not show yet, which were left. */
  examined: z.int(),
  late: z.int(),
  /** null at the end of the corpus. */
  next_cursor: z.string().nullable(),
});

/** PATCH /v1/corpora/NAME/examples/ID */
export const examplePatched = exampleOnWire.omit({ indexed: true });
