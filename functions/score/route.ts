// POST /v1/score: bits per byte of a text given its context, before and after tuning on what a strategy selects for the
// context (or on the caller's own picks). The measure of everything here; the demonstration and the quality study use it.
import type { Context } from 'hono';
import { z } from 'zod';
import { siftOptions } from '../../wire/api/completions.ts';
import { MAX_BODY_BYTES, MAX_PROMPT_BYTES, MAX_STEPS, MAX_TEXT_BYTES, TUNE_DEADLINE_MS } from '../../wire/limits.ts';
import { filledTextUpTo } from '../../wire/text.ts';
import { pick, scoreResponse } from '../../wire/tune.ts';
import type { Authenticated } from '../auth/keys.ts';
import { readJson } from '../http/body.ts';
import { failedBeforeTuning, RETRY_HEADER } from '../http/retry.ts';
import { Stages, serverTiming } from '../http/stages.ts';
import { selectForTuning, splitSift, stepsOf } from '../openai/prepare.ts';
import { gatewayJson } from '../upstream/client.ts';

const scoreBody = z
  .strictObject({
    model: z.string().min(1, 'is empty'),
    context: filledTextUpTo(MAX_PROMPT_BYTES).optional(),
    text: filledTextUpTo(MAX_TEXT_BYTES),
    /** Gradient steps of the caller's own choice, in order. */
    picks: z.array(pick).max(MAX_STEPS).optional(),
    /** Absent with `picks`, or with strategy 'none': the base model only. */
    sift: siftOptions.extend({ strategy: z.enum(['sift', 'nn', 'mmr', 'none']).default('sift') }).optional(),
  })
  .refine((body) => body.picks !== undefined || body.sift?.strategy === 'none' || body.context !== undefined, {
    path: ['context'],
    error: 'is missing: examples are selected for it',
  });

export const scoreRoute = async (c: Context<Authenticated>) => {
  const stages = new Stages();
  const body = await readJson(c.req.raw, scoreBody, MAX_BODY_BYTES);
  const { strategy = 'sift', ...rest } = body.sift ?? siftOptions.parse({});
  const own = body.picks !== undefined || strategy === 'none';
  const sift = { ...rest, strategy: strategy === 'none' ? ('sift' as const) : strategy };
  const selection = own ? undefined : await selectForTuning(c.env, c.var.principal, body.context ?? '', sift, stages);
  const picks = selection === undefined ? (body.picks ?? []) : stepsOf(selection);
  const request = {
    tenant: c.var.principal.tenant,
    model: body.model,
    context: body.context ?? '',
    text: body.text,
    picks,
    tuning: splitSift(sift).tuning,
  };
  if (picks.length > 0) c.header(RETRY_HEADER, 'false');
  try {
    const scored = await stages.time('score', () =>
      gatewayJson(c.env, '/v1/score', request, scoreResponse, TUNE_DEADLINE_MS, c.req.raw.signal),
    );
    c.header('server-timing', serverTiming(stages.timings));
    return c.json({ object: 'score', ...scored, selection: selection ?? null });
  } catch (error) {
    if (failedBeforeTuning(error)) c.header(RETRY_HEADER, undefined);
    throw error;
  }
};
