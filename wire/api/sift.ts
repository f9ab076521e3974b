// The `sift` object of completions, chat and scores: where to select from, what for, how to select, what the picks are for,
// how to tune and how to write them into the context. One parse gives these apart; nothing downstream looks at the flat
// object again.
import * as z from 'zod';
import { type AskedUse, askedUse, type Layout, layout } from '../context.ts';
import { MAX_PROMPT_BYTES, MAX_QUERIES } from '../limits.ts';
import { filledTextUpTo } from '../text.ts';
import { type Tuning, tuning } from '../tune/requests.ts';
import { type SelectionOptions, selectionFields, selectionOf } from './select.ts';
import { type VectorInput, vectorInput } from './vector.ts';

export interface Sift {
  /** Absent: the server's default corpus. */
  readonly corpus?: string | undefined;
  /** What to select for; absent: the request's own prompt. */
  readonly prompt?: { readonly input: string | readonly string[] } | { readonly vector: VectorInput } | undefined;
  readonly selection: SelectionOptions;
  readonly tuning: Tuning;
  readonly use: AskedUse;
  readonly layout: Layout;
}

/** Flat, as callers write it. */
export const siftFields = selectionFields
  .extend(tuning.shape)
  .extend(layout.shape)
  .extend({ corpus: z.string().optional(), use: askedUse });

const input = filledTextUpTo(MAX_PROMPT_BYTES);

/** Where something is generated, a selection may be for something else than the prompt. */
const generating = siftFields.extend({
  /** One text or several (the objective is the sum over them). */
  input: z.union([input, z.array(input).min(1, 'is empty').max(MAX_QUERIES)]).optional(),
  vector: vectorInput.optional(),
});
const ONE_PROMPT = {
  path: ['input'],
  error: "give either 'input' or 'vector'",
};
const onePrompt = (given: { readonly input?: unknown; readonly vector?: unknown }): boolean =>
  given.input === undefined || given.vector === undefined;

/** A field at null is as if it were absent. */
const withoutNulls = (given: unknown): unknown =>
  typeof given === 'object' && given !== null && !Array.isArray(given)
    ? Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
    : given;

/** Of a completion: a prompt has no system message to lay out. */
export const completionSift = z.preprocess(
  withoutNulls,
  generating.omit({ system_template: true }).refine(onePrompt, ONE_PROMPT),
);
/** Of a chat: messages have no one text to lay examples before. */
export const chatSift = z.preprocess(withoutNulls, generating.omit({ template: true }).refine(onePrompt, ONE_PROMPT));

/** Of a score, which may select nothing at all. */
export const scoreSift = z.preprocess(
  withoutNulls,
  siftFields
    .omit({ system_template: true })
    .extend({ strategy: z.enum(['sift', 'nn', 'mmr', 'none']).default('sift') }),
);

type Fields = z.output<typeof siftFields>;
type Given = Omit<Fields, 'template' | 'system_template'> &
  Partial<Pick<Fields, 'template' | 'system_template'>> &
  Partial<Pick<z.output<typeof generating>, 'input' | 'vector'>>;

const LAYOUT = layout.parse({});

export const splitSift = (fields: Given): Sift => {
  const { corpus, input: texts, vector, use: wanted, ...asked } = fields;
  const { template, system_template, example_template, separator, ...others } = asked;
  const { method, rank, learning_rate, beta1, beta2, epsilon, weight_decay, ...more } = others;
  const { reuse_gradients, guard, seed, reuse_adapter, ...selection } = more;
  return {
    corpus,
    prompt: texts !== undefined ? { input: texts } : vector !== undefined ? { vector } : undefined,
    selection: selectionOf(selection),
    tuning: {
      ...{ method, rank, learning_rate, beta1, beta2, epsilon, weight_decay },
      ...{ reuse_gradients, guard, seed, reuse_adapter },
    },
    use: wanted,
    layout: {
      template: template ?? LAYOUT.template,
      system_template: system_template ?? LAYOUT.system_template,
      example_template,
      separator,
    },
  };
};
