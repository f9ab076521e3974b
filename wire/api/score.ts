// POST /v1/score: bits per byte of a text given its context, before and after learning from what a strategy selects for the
// context, or from the caller's own picks: by tuning, in the context, or both.
import * as z from 'zod';
import { use } from '../context.ts';
import { MAX_PROMPT_BYTES, MAX_STEPS, MAX_TEXT_BYTES } from '../limits.ts';
import { textUpTo } from '../text.ts';
import { pick } from '../tune/requests.ts';
import { scoreResponse as scored } from '../tune/responses.ts';
import { modelName } from './model.ts';
import { selectionOnWire } from './select.ts';
import { scoreSift, splitSift } from './sift.ts';

/** `selects` is false with strategy 'none'. */
const splitScoreSift = ({ strategy: chosen, ...fields }: z.output<typeof scoreSift>) => ({
  selects: chosen !== 'none',
  ...splitSift({ ...fields, strategy: chosen === 'none' ? 'sift' : chosen }),
});

export const scoreRequest = z
  .strictObject({
    model: modelName,
    context: textUpTo(MAX_PROMPT_BYTES).nullable().optional(),
    text: textUpTo(MAX_TEXT_BYTES).min(1, 'is empty'),
    /** Examples of the caller's own choice, in order, the last one nearest in the context; nothing is selected then. */
    picks: z.array(pick).max(MAX_STEPS).nullable().optional(),
    sift: scoreSift.nullish(),
  })
  .refine((body) => body.picks != null || body.sift?.strategy === 'none' || (body.context ?? '').trim() !== '', {
    path: ['context'],
    error: 'is missing or blank: examples are selected for it',
  })
  .transform(({ sift, ...body }) => ({ ...body, sift: splitScoreSift(sift ?? scoreSift.parse({})) }));
export type ScoreRequest = z.output<typeof scoreRequest>;

/** 200 of POST /v1/score. */
export const scoreResponse = scored.extend({
  object: z.literal('score'),
  /** What the picks were for. */
  use,
  selection: selectionOnWire.nullable(),
});
export type ScoreResponse = z.output<typeof scoreResponse>;
