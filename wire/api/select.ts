// POST /v1/select: what may be asked with every limit, and what is answered. The options are shared with completions and
// scores.
import * as z from 'zod';
import {
  DEFAULT_DEGREE,
  DEFAULT_LAMBDA,
  DEFAULT_PICKS,
  DEFAULT_RESIDUAL_PICKS,
  DEFAULT_ROUNDS,
  MAX_CANDIDATES,
  MAX_DEGREE,
  MAX_LAMBDA,
  MAX_PICKS,
  MAX_PROMPT_BYTES,
  MAX_QUERIES,
  MAX_ROUNDS,
  MAX_SELECT_CORPORA,
  MAX_SELECT_INPUTS,
  MAX_SELECT_TEXT_BYTES,
  MAX_STRIPES,
  MAX_TEXT_BYTES,
  MIN_LAMBDA,
  VECTORIZE_TOP_K_FULL,
} from '../limits.ts';
import { filledTextUpTo } from '../text.ts';
import { metadataValue } from './corpora.ts';
import { wireError } from './error.ts';
import { filter } from './filter.ts';
import { vectorInput } from './vector.ts';

const residualSign = z.enum(['plus', 'both']);
const residualPicks = z.int().min(1).max(MAX_PICKS);

/** How to select, as callers write it, wherever a selection is part of a request. */
export const selectionFields = z.strictObject({
  n: z.int().min(1).max(MAX_PICKS).default(DEFAULT_PICKS),
  lambda: z.number().min(MIN_LAMBDA).max(MAX_LAMBDA).default(DEFAULT_LAMBDA),
  /** p of the kernel k(x,y) = (φ(x)·φ(y))^p; 1 is the paper's. */
  degree: z.int().min(1).max(MAX_DEGREE).default(DEFAULT_DEGREE),
  alpha: z.number().positive().max(1e9).optional(),
  /**
   * Candidates less like the prompt than this are not learnt from. A number is of `similarity`, on the embedder's own scale;
   * `auto` is 0.32 of the cosine that the kernel sees.
   */
  min_similarity: z.union([z.number(), z.literal('auto')], { error: 'must be a number or "auto"' }).optional(),
  /** Subtract the mean of the corpus' vectors; absent: where it is long. */
  centre: z.boolean().optional(),
  repeat: z.boolean().default(false),
  strategy: z.enum(['sift', 'nn', 'mmr']).default('sift'),
  /** mmr only: 1 is relevance alone, 0 is diversity alone. */
  mmr_lambda: z.number().min(0).max(1).default(0.5),
  rounds: z.int().min(1).max(MAX_ROUNDS).default(DEFAULT_ROUNDS),
  top_k: z.int().min(1).max(VECTORIZE_TOP_K_FULL).default(VECTORIZE_TOP_K_FULL),
  /** Further rounds ask with the residual, or with its opposite too. */
  residual_sign: residualSign.optional(),
  /** Round i asks with the residual of the first residual_picks·i picks. */
  residual_picks: residualPicks.optional(),
  /** The older names of the last two; they go in the next version. */
  sign: residualSign.optional(),
  prefix: residualPicks.optional(),
  opposite: z.boolean().default(false),
  /** How many of the corpus' stripes are asked; absent: all. */
  stripes: z.int().min(1).max(MAX_STRIPES).optional(),
  filter: filter.optional(),
});
type Fields = z.output<typeof selectionFields>;

/** How to select: every field at its value or its default. */
export type SelectionOptions = Omit<Fields, 'sign' | 'prefix' | 'residual_sign' | 'residual_picks'> & {
  readonly residual_sign: z.output<typeof residualSign>;
  readonly residual_picks: number;
};

export const selectionOf = <T extends Fields>({ sign, prefix, residual_sign, residual_picks, ...rest }: T) => ({
  ...rest,
  residual_sign: residual_sign ?? sign ?? 'plus',
  residual_picks: residual_picks ?? prefix ?? DEFAULT_RESIDUAL_PICKS,
});

/** The options by themselves, for callers inside the program. */
export const selectionOptions = selectionFields.transform(selectionOf);

const candidate = z
  .strictObject({
    id: z.string().min(1, 'is empty').max(512),
    vector: vectorInput.optional(),
    text: filledTextUpTo(MAX_TEXT_BYTES).optional(),
  })
  .refine((one) => one.vector !== undefined || one.text !== undefined, 'needs a vector or a text');

const input = filledTextUpTo(MAX_PROMPT_BYTES);

const exactlyOne = (values: readonly unknown[]): boolean => values.filter((value) => value !== undefined).length === 1;

const pick = z.object({
  id: z.string(),
  /** null where the caller sent a candidate without text. */
  text: z.string().nullable(),
  /** Drop of the prompt's variance by this pick. */
  score: z.number(),
  /** Inner product with the prompt, averaged over several. */
  similarity: z.number(),
  /** Cosine with the prompt less the corpus' mean, averaged over several; absent where it is not subtracted. */
  centred_similarity: z.number().optional(),
  /** Posterior covariance with the prompt just before the pick: negative ones inform by contrast. */
  covariance: z.number(),
  /** The prompt's remaining variance after the pick. */
  sigma2: z.number(),
  /** Share of what the pool can remove of the variance that is removed with this pick, 0 to 1; null: nothing can be. */
  explained: z.number().nullable(),
  /** Near copies it stands for. */
  copies: z.int(),
  source: z.string().nullable(),
  metadata: z.record(z.string(), metadataValue),
  /** Position in the candidates that the caller sent. */
  index: z.int().optional(),
  /** Which corpus it is from, of several. */
  corpus: z.string().optional(),
});

const pickFields = Object.keys(pick.shape) as [keyof typeof pick.shape, ...(keyof typeof pick.shape)[]];

/** POST /v1/select */
export const selectRequest = selectionFields
  .extend({
    corpus: z.string().optional(),
    /** Several of one embedder, selected from together. */
    corpora: z
      .array(z.string())
      .min(1, 'is empty')
      .max(MAX_SELECT_CORPORA)
      .refine((names) => new Set(names).size === names.length, 'names a corpus twice')
      .optional(),
    candidates: z.array(candidate).min(1, 'is empty').max(MAX_CANDIDATES).optional(),
    input: z.union([input, z.array(input).min(1, 'is empty').max(MAX_QUERIES)]).optional(),
    /** One selection for each of these prompts. */
    inputs: z.array(input).min(1, 'is empty').max(MAX_SELECT_INPUTS).optional(),
    vector: vectorInput.optional(),
    vectors: z.array(vectorInput).min(1, 'is empty').max(MAX_QUERIES).optional(),
    /** What picks are answered with; absent: everything. */
    fields: z.array(z.enum(pickFields)).min(1, 'is empty').max(pickFields.length).optional(),
    /** Bytes of all texts answered; picks from the end are left out to stay below. */
    max_bytes: z.int().min(1).max(MAX_SELECT_TEXT_BYTES).optional(),
    /** Keep the selection, so that it can be fetched by its id. */
    store: z.boolean().default(true),
  })
  .refine((body) => exactlyOne([body.corpus, body.corpora, body.candidates]), {
    path: ['corpus'],
    error: "give one of 'corpus', 'corpora' and 'candidates'",
  })
  .refine((body) => exactlyOne([body.input, body.inputs, body.vector, body.vectors]), {
    path: ['input'],
    error: "give one of 'input', 'inputs', 'vector' and 'vectors'",
  })
  .refine((body) => body.candidates === undefined || body.filter === undefined, {
    path: ['filter'],
    error: "needs a 'corpus'",
  })
  .refine((body) => body.candidates === undefined || body.centre !== true, {
    path: ['centre'],
    error: "needs a 'corpus'",
  })
  .transform(selectionOf);
export type SelectRequest = z.output<typeof selectRequest>;
export type PickField = (typeof pickFields)[number];

/** A selection, wherever it is answered. */
export const selectionOnWire = z.object({
  object: z.literal('selection'),
  /** null for candidates that the caller sent, and for several corpora. */
  corpus: z.string().nullable(),
  /** Several corpora, in the order that the request names them. */
  corpora: z.array(z.string()).optional(),
  strategy: z.enum(['sift', 'nn', 'mmr']),
  n: z.int(),
  /** λ as it was used: for candidates of any length, times the largest squared norm. */
  lambda: z.number(),
  degree: z.int(),
  /** Whether the mean of the corpus' vectors was subtracted before the kernel. */
  centred: z.boolean(),
  /** As it was used; null: none. */
  min_similarity: z.number().nullable(),
  picks: z.array(pick),
  pool: z.object({
    size: z.int(),
    collapsed: z.int(),
    queries: z.int(),
    rounds: z.int(),
    /** Of a large pool: the best so many, which `explained` is measured on. */
    measured: z.int().optional(),
  }),
  sigma2: z.object({ initial: z.number(), final: z.number() }),
  /** That of the last pick; 0 without picks. */
  explained: z.number().nullable(),
  stop: z.enum(['count', 'alpha', 'exhausted']),
  warnings: z.array(z.string()),
});
export type SelectionOnWire = z.output<typeof selectionOnWire>;

/** 200 of POST /v1/select, and of GET /v1/selections/ID. */
export const selectResponse = selectionOnWire.extend({
  /** For GET /v1/selections/ID; absent where it is not kept. */
  id: z.string().optional(),
  /** Milliseconds by stage. */
  timings: z.record(z.string(), z.number()),
});
export type SelectResponse = z.output<typeof selectResponse>;

/** The same where `fields` says what picks are answered with. */
export const selectedFields = selectResponse.extend({ picks: z.array(pick.partial()) });
export type SelectedFields = z.output<typeof selectedFields>;

/** 200 of POST /v1/select with `inputs`: in their order, each a selection or why there is none. */
export const selectList = z.object({
  object: z.literal('list'),
  data: z.array(z.union([selectedFields, z.object({ error: wireError })])),
});
export type SelectList = z.output<typeof selectList>;

/** One line of the answer as NDJSON: the picks in their order, then the rest; or why it ends early. */
export const selectLine = z.union([
  z.object({ pick: pick.partial() }),
  z.object({ selection: selectedFields.omit({ picks: true }) }),
  z.object({ error: wireError }),
]);
export type SelectLine = z.output<typeof selectLine>;
