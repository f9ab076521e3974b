// The `sift` object of completions and scores: where to select from, how to select, how to tune. One parse gives the
// three apart; nothing downstream looks at the flat object again.
import { z } from 'zod';
import { type Tuning, tuning } from '../tune.ts';
import { type SelectionOptions, selectionFields, selectionOf } from './select.ts';

export interface Sift {
  /** Absent: the server's default corpus. */
  readonly corpus?: string | undefined;
  readonly selection: SelectionOptions;
  readonly tuning: Tuning;
}

/** Flat, as callers write it. */
export const siftFields = selectionFields.extend(tuning.shape).extend({ corpus: z.string().optional() });

export const splitSift = (fields: z.output<typeof siftFields>): Sift => {
  const { corpus, method, rank, learning_rate, beta1, beta2, epsilon, weight_decay, reuse_gradients, ...selection } =
    fields;
  return {
    corpus,
    selection: selectionOf(selection),
    tuning: { method, rank, learning_rate, beta1, beta2, epsilon, weight_decay, reuse_gradients },
  };
};

/** Absent or null: every default. */
export const sift = z.preprocess((given) => given ?? {}, siftFields).transform(splitSift);
