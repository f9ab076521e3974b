// The `sift` object of completions and scores: where to select from, how to select, what the picks are for, how to tune and
// how to write them into the context. One parse gives these apart; nothing downstream looks at the flat object again.
import { z } from 'zod';
import { type AskedUse, askedUse, type Layout, layout } from '../context.ts';
import { type Tuning, tuning } from '../tune.ts';
import { type SelectionOptions, selectionFields, selectionOf } from './select.ts';

export interface Sift {
  /** Absent: the server's default corpus. */
  readonly corpus?: string | undefined;
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

export const splitSift = (fields: z.output<typeof siftFields>): Sift => {
  const { corpus, use: wanted, template, system_template, example_template, separator, ...others } = fields;
  const { method, rank, learning_rate, beta1, beta2, epsilon, weight_decay, ...more } = others;
  const { reuse_gradients, guard, seed, reuse_adapter, ...selection } = more;
  return {
    corpus,
    selection: selectionOf(selection),
    tuning: {
      ...{ method, rank, learning_rate, beta1, beta2, epsilon, weight_decay },
      ...{ reuse_gradients, guard, seed, reuse_adapter },
    },
    use: wanted,
    layout: { template, system_template, example_template, separator },
  };
};

/** Absent or null: every default. */
export const sift = z.preprocess((given) => given ?? {}, siftFields).transform(splitSift);
