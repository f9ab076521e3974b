// POST /v1/score: the measure of everything here; the demonstration and the quality study use it.
import type { Context } from 'hono';
import { type ScoreResponse, scoreRequest } from '../../wire/api/score.ts';
import { MAX_BODY_BYTES } from '../../wire/limits.ts';
import { type ScoreRequest, tunedOn } from '../../wire/tune/requests.ts';
import type { Authenticated } from '../auth/principal.ts';
import { readJson } from '../http/body.ts';
import { failedBeforeTuning, RETRY_HEADER } from '../http/retry.ts';
import { addScore } from '../limits/spending.ts';
import { examplesOf, selectExamples } from '../openai/prepare.ts';
import { selectionOnWire, settledUse } from '../select/answer.ts';
import { gatewayScore } from '../upstream/client.ts';
import { gatewayOf } from '../upstream/of.ts';
import { lookAhead } from '../upstream/several.ts';

export const scoreRoute = async (c: Context<Authenticated>) => {
  const { record } = c.var;
  const { stages } = record;
  const { model, context: given, text, picks: own, sift } = await readJson(c.req.raw, scoreRequest, MAX_BODY_BYTES);
  const context = given ?? '';
  const gateway = gatewayOf(c);
  const selects = sift.selects && own == null;
  if (selects) lookAhead(gateway, c.req.raw.signal);
  if (selects) record.selectsFrom([sift.corpus ?? c.env.DEFAULT_CORPUS ?? '']);
  const selection = selects
    ? await selectExamples(c.env, c.var.principal, { text: context, param: 'context' }, sift, stages)
    : undefined;
  const picks = selection === undefined ? (own ?? []) : examplesOf(selection);
  const { tuning, use, layout } = sift;
  const { tenant } = c.var.principal;
  const origin = selection?.space === undefined ? {} : { origin: selection.space };
  const request: ScoreRequest = { tenant, model, context, text, picks, ...origin, tuning, use, layout };
  if (tunedOn(request).length > 0) c.header(RETRY_HEADER, 'false');
  record.watch();
  try {
    const scored = await gatewayScore(gateway, request, c.req.raw.signal);
    record.model = model;
    record.gatewayTook(scored.ms);
    addScore(c.var.spending, scored);
    for (const [name, value] of Object.entries(record.timingHeaders)) c.header(name, value);
    return c.json({
      object: 'score',
      ...scored,
      use: settledUse(use, scored.context),
      selection: selection === undefined ? null : selectionOnWire(selection),
    } satisfies ScoreResponse);
  } catch (error) {
    if (failedBeforeTuning(error)) c.header(RETRY_HEADER, undefined);
    throw error;
  }
};
