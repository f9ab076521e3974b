// Corpora and examples: one schema per route for what is asked and what is answered. `null` in an optional field is as if it
// were absent.
import * as z from 'zod';
import {
  DEFAULT_PAGE,
  MAX_CHUNK,
  MAX_CORPUS_NAME,
  MAX_PAGE,
  MAX_SHOWN_CHARACTERS,
  MAX_SOURCE,
  MAX_STRIPES,
  MIN_CHUNK,
  MIN_STRIDE_SHARE,
  VECTORIZE_MAX_KEY_CHARACTERS,
  VECTORIZE_MAX_METADATA_INDEXES,
} from '../limits.ts';
import { shortened } from '../words.ts';
import { wireError } from './error.ts';
import { vectorInput } from './vector.ts';

export const corpusName = z
  .string()
  .regex(
    new RegExp(`^[a-z0-9][a-z0-9._-]{0,${MAX_CORPUS_NAME - 1}}$`),
    `must be 1 to ${MAX_CORPUS_NAME} of a-z, 0-9, '.', '_', '-', beginning with a letter or digit`,
  );

/** Half of a surrogate pair is no character: UTF-8 has no bytes for it, and the index refuses it. */
export const text = z
  .string()
  .refine((value) => value.isWellFormed(), 'holds half of a surrogate pair (\\ud800 to \\udfff)');

export const metadataValue = z.union([text, z.number(), z.boolean(), z.array(text)], {
  error: (issue) =>
    typeof issue.input === 'string' || Array.isArray(issue.input)
      ? 'must be well-formed text, or a list of such texts'
      : 'must be a string, number, boolean or list of strings',
});

/** Why Vectorize would refuse a name, or undefined. */
export const nameProblem = (name: string): string | undefined => {
  if (name === '') return 'a name is empty';
  if (name.length > VECTORIZE_MAX_KEY_CHARACTERS) {
    return `a name is ${name.length} characters, the limit is ${VECTORIZE_MAX_KEY_CHARACTERS}`;
  }
  if (!name.isWellFormed()) return 'a name holds half of a surrogate pair';
  const ofItsOwn = name.startsWith('$') || name.includes('.') || name.includes('"');
  return ofItsOwn
    ? `the name '${shortened(name, MAX_SHOWN_CHARACTERS)}' begins with '$', or holds '.' or '"'`
    : undefined;
};

const metadata = z.record(z.string(), metadataValue).superRefine((value, context) => {
  for (const name of Object.keys(value)) {
    const message = nameProblem(name);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  }
});

/** An id is a segment of a URL: '.' and '..' would be taken for directories, whatever their escapes. */
const exampleId = text
  .min(1, 'is empty')
  .refine((id) => id !== '.' && id !== '..', "may not be '.' or '..', which no URL can name");

/** One line of an upload. */
export const exampleLine = z.strictObject({
  id: exampleId.nullish(),
  text: text.nullish(),
  vector: vectorInput.nullish(),
  source: text.max(MAX_SOURCE).nullish(),
  metadata: metadata.nullish(),
});
export type ExampleLine = z.output<typeof exampleLine>;

/** The largest overlap that chunks of this size may have. */
const mostOverlap = (size: number): number => Math.floor(size * (1 - MIN_STRIDE_SHARE));

/** Why chunks may not overlap so far, or undefined. */
export const overlapProblem = (size: number, overlap: number | undefined): string | undefined =>
  overlap === undefined || overlap <= mostOverlap(size)
    ? undefined
    : `is ${overlap}, chunks of ${size} characters may overlap by ${mostOverlap(size)}`;

export const flag = z.enum(['0', '1']);

/** Characters of a chunk; 0 cuts nothing, whatever the corpus' default is. */
const chunkSize = z.coerce
  .number()
  .int()
  .min(0)
  .max(MAX_CHUNK)
  .refine((size) => size === 0 || size >= MIN_CHUNK, `must be 0 (off) or ${MIN_CHUNK} to ${MAX_CHUNK} characters`);

export const uploadQuery = z.strictObject({
  stripes: z.coerce.number().int().min(1).max(MAX_STRIPES).optional(),
  /** 0 leaves the last line out. */
  summary: flag.default('1'),
  chunk: chunkSize.optional(),
  /** Characters that a chunk shares with the one before. */
  overlap: z.coerce.number().int().min(0).max(MAX_CHUNK).optional(),
});

/** How long texts of a corpus are cut, in characters. */
export const chunking = z
  .strictObject({
    size: z.int().min(MIN_CHUNK).max(MAX_CHUNK),
    overlap: z.int().min(0).max(MAX_CHUNK).optional(),
  })
  .superRefine(({ size, overlap }, context) => {
    const message = overlapProblem(size, overlap);
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['overlap'], message });
  });
export type Chunking = z.output<typeof chunking>;

/** Properties that filters may name, and the type each is indexed as. */
export const propertyType = z.enum(['string', 'number', 'boolean']);
export const filterable = z
  .record(z.string(), propertyType)
  .superRefine((value, context) => {
    for (const name of Object.keys(value)) {
      const message = nameProblem(name) ?? (name.includes('|') ? `the name '${name}' holds '|'` : undefined);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    }
  })
  .refine((value) => Object.keys(value).length < VECTORIZE_MAX_METADATA_INDEXES, {
    error: `names too many properties: the limit is ${VECTORIZE_MAX_METADATA_INDEXES - 1}, beside 'source'`,
  });
export type Filterable = z.output<typeof filterable>;

/** PUT /v1/corpora/NAME: what the corpus is, made now if it is not there. */
export const corpusRequest = z.strictObject({
  filterable: filterable.nullish(),
  chunk: chunking.nullish(),
  stripes: z.int().min(1).max(MAX_STRIPES).nullish(),
});
export type CorpusRequest = z.output<typeof corpusRequest>;

export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(DEFAULT_PAGE),
  cursor: z.string().optional(),
});

/** One line of an upload's answer: what became of the line with this number. */
export const resultLine = z.object({
  line: z.int(),
  /** As the line named it, shortened if it is far too long; null if it names none that can be read. */
  id: z.string().nullable(),
  status: z.enum(['created', 'updated', 'unchanged', 'error']),
  error: wireError.optional(),
  /** Examples that its text was cut into. */
  chunks: z.int().optional(),
  /** The embedder reads only a beginning of the text: so many tokens of it, where it counts tokens. */
  truncated: z.literal(true).optional(),
  read_tokens: z.int().optional(),
});
export type ResultLine = z.output<typeof resultLine>;

/** The last line of an upload's answer: how many lines came to what. */
export const summaryLine = z.object({
  summary: z.object({ created: z.int(), updated: z.int(), unchanged: z.int(), errors: z.int() }),
});
export type Summary = z.output<typeof summaryLine>['summary'];
export const uploadAnswerLine = z.union([resultLine, summaryLine]);

/** Quantiles of cosines of pairs. */
const cosines = z.object({
  random: z.object({ p05: z.number(), p50: z.number(), p95: z.number() }),
  /** Of each example and the one most like it, in the sample. */
  nearest: z.object({ p50: z.number(), p95: z.number() }),
});

/** How the embedder spreads the corpus, measured on a sample of its vectors. */
const geometry = cosines.extend({
  /** Vectors measured, copies once. */
  sample: z.int(),
  /** Length of the mean of the unit vectors: near 1, all cosines are high. */
  mean_length: z.number(),
  /** The cosines less the mean, as selections see them; null where the mean is short and left in. */
  centred: cosines.nullable(),
});

/** GET /v1/corpora/NAME */
export const corpusOnWire = z.object({
  object: z.literal('corpus'),
  name: z.string(),
  examples: z.int(),
  /** UTF-8 bytes of all texts. */
  bytes: z.int(),
  stripes: z.int(),
  dimensions: z.int(),
  embedder: z.string(),
  /** Properties of the metadata that filters may name, beside `source`. */
  filterable,
  /** How uploads cut long texts where they do not say it themselves. */
  chunk: chunking.nullable(),
  /** ISO 8601. */
  created_at: z.string(),
  /** Opaque; another one after every write. Empty while nothing was written since versions are kept. */
  version: z.string(),
  /** null while there are fewer than 50 examples, or none written since this is measured. */
  geometry: geometry.nullable(),
});
export type CorpusOnWire = z.output<typeof corpusOnWire>;

const page = <Item extends z.ZodType>(item: Item) =>
  z.object({
    object: z.literal('list'),
    data: z.array(item),
    /** For `cursor` of the next request; null at the end. */
    next_cursor: z.string().nullable(),
  });

/** GET /v1/corpora */
export const corpusPage = page(z.object({ object: z.literal('corpus'), name: z.string() }));

/** DELETE /v1/corpora/NAME */
export const corpusDeleted = z.object({
  object: z.literal('corpus'),
  name: z.string(),
  deleted: z.literal(true),
  examples: z.int(),
});

const entry = z.object({
  object: z.literal('example'),
  id: z.string(),
  /** Fingerprint of this version; empty while it is being written. */
  hash: z.string(),
  bytes: z.int(),
  stripe: z.int(),
  /** The text is kept apart from the vector. */
  long: z.boolean(),
});
export type EntryOnWire = z.output<typeof entry>;

/** GET /v1/corpora/NAME/examples */
export const examplePage = page(entry);

/** GET /v1/corpora/NAME/examples/ID */
export const exampleOnWire = entry.extend({
  /** Whether the index shows this version already. */
  indexed: z.boolean(),
  text: z.string().nullable(),
  source: z.string().nullable(),
  metadata: z.record(z.string(), metadataValue),
});

export type ExampleOnWire = z.output<typeof exampleOnWire>;

/** DELETE /v1/corpora/NAME/examples/ID */
export const exampleDeleted = z.object({
  object: z.literal('example'),
  id: z.string(),
  deleted: z.literal(true),
  /** Of a text that was cut: how many examples went. */
  chunks: z.int().optional(),
});
