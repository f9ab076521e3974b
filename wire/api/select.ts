// POST /v1/select as a typed value: what may be asked, and every limit. `options` is shared with completions and scores.
import { z } from 'zod';
import {
  DEFAULT_DEGREE,
  DEFAULT_LAMBDA,
  DEFAULT_PICKS,
  DEFAULT_PREFIX,
  DEFAULT_ROUNDS,
  MAX_CANDIDATES,
  MAX_DEGREE,
  MAX_LAMBDA,
  MAX_PICKS,
  MAX_PROMPT_BYTES,
  MAX_QUERIES,
  MAX_ROUNDS,
  MAX_STRIPES,
  MAX_TEXT_BYTES,
  MIN_LAMBDA,
  VECTORIZE_MAX_FILTER_BYTES,
  VECTORIZE_TOP_K_FULL,
} from '../limits.ts';
import { byteLength, filledTextUpTo } from '../text.ts';
import { vectorInput } from './vector.ts';

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const operators = z.strictObject({
  $eq: scalar.nullable().optional(),
  $ne: scalar.nullable().optional(),
  $in: z.array(scalar).optional(),
  $nin: z.array(scalar).optional(),
  $lt: z.union([z.string(), z.number()]).optional(),
  $lte: z.union([z.string(), z.number()]).optional(),
  $gt: z.union([z.string(), z.number()]).optional(),
  $gte: z.union([z.string(), z.number()]).optional(),
});

/** Vectorize's own filter, on what callers wrote: `source`, and their metadata as `meta.NAME`. */
const filter = z
  .record(
    z.string().regex(/^(source|meta\.[^"]+)$/, "a filter is on 'source' or 'meta.NAME'"),
    z.union([scalar, operators], {
      error: 'is neither a value nor an object of $eq, $ne, $in, $nin, $lt, $lte, $gt, $gte',
    }),
  )
  .refine((value) => byteLength(JSON.stringify(value)) < VECTORIZE_MAX_FILTER_BYTES, {
    error: `must be under ${VECTORIZE_MAX_FILTER_BYTES} bytes as JSON`,
  });
export type Filter = z.output<typeof filter>;

/** How to select, wherever a selection is part of a request. */
export const selectionOptions = z.strictObject({
  n: z.int().min(1).max(MAX_PICKS).default(DEFAULT_PICKS),
  lambda: z.number().min(MIN_LAMBDA).max(MAX_LAMBDA).default(DEFAULT_LAMBDA),
  /** p of the kernel k(x,y) = (φ(x)·φ(y))^p; 1 is the paper's. */
  degree: z.int().min(1).max(MAX_DEGREE).default(DEFAULT_DEGREE),
  alpha: z.number().positive().max(1e9).optional(),
  /** Candidates less like the prompt than this are not learnt from; the scale is the embedder's. */
  min_similarity: z.number().optional(),
  repeat: z.boolean().default(false),
  strategy: z.enum(['sift', 'nn', 'mmr']).default('sift'),
  /** mmr only: 1 is relevance alone, 0 is diversity alone. */
  mmr_lambda: z.number().min(0).max(1).default(0.5),
  rounds: z.int().min(1).max(MAX_ROUNDS).default(DEFAULT_ROUNDS),
  top_k: z.int().min(1).max(VECTORIZE_TOP_K_FULL).default(VECTORIZE_TOP_K_FULL),
  sign: z.enum(['plus', 'both']).default('plus'),
  /** Round i asks with the residual of the first prefix·i picks. */
  prefix: z.int().min(1).max(MAX_PICKS).default(DEFAULT_PREFIX),
  opposite: z.boolean().default(false),
  /** How many of the corpus' stripes are asked; absent: all. */
  stripes: z.int().min(1).max(MAX_STRIPES).optional(),
  filter: filter.optional(),
});
export type SelectionOptions = z.output<typeof selectionOptions>;

const candidate = z
  .strictObject({
    id: z.string().min(1, 'is empty').max(512),
    vector: vectorInput.optional(),
    text: filledTextUpTo(MAX_TEXT_BYTES).optional(),
  })
  .refine((one) => one.vector !== undefined || one.text !== undefined, 'needs a vector or a text');

const input = filledTextUpTo(MAX_PROMPT_BYTES);

const exactlyOne = (values: readonly unknown[]): boolean => values.filter((value) => value !== undefined).length === 1;

/** POST /v1/select */
export const selectRequest = selectionOptions
  .extend({
    corpus: z.string().optional(),
    candidates: z.array(candidate).min(1, 'is empty').max(MAX_CANDIDATES).optional(),
    input: z.union([input, z.array(input).min(1, 'is empty').max(MAX_QUERIES)]).optional(),
    vector: vectorInput.optional(),
    vectors: z.array(vectorInput).min(1, 'is empty').max(MAX_QUERIES).optional(),
  })
  .refine((body) => exactlyOne([body.corpus, body.candidates]), {
    path: ['corpus'],
    error: "give either 'corpus' or 'candidates'",
  })
  .refine((body) => exactlyOne([body.input, body.vector, body.vectors]), {
    path: ['input'],
    error: "give one of 'input', 'vector' and 'vectors'",
  })
  .refine((body) => body.candidates === undefined || body.filter === undefined, {
    path: ['filter'],
    error: "needs a 'corpus'",
  });
export type SelectRequest = z.output<typeof selectRequest>;
