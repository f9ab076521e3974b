// POST /v1/completions: OpenAI's route. `NAME` generates; `NAME:sift` selects for the prompt, tunes on the picks or puts
// them into the context, then generates.
// Once tuning has begun an answer carries x-should-retry: false, since trying again would pay for all of it again.
import type { Context } from 'hono';
import type { RequestIdVariables } from 'hono/request-id';
import { type CompletionRequest, completionRequest } from '../../wire/api/completions.ts';
import { MAX_BODY_BYTES } from '../../wire/limits.ts';
import { type TuneRequest, tunedOn } from '../../wire/tune.ts';
import type { Authenticated } from '../auth/keys.ts';
import { readJson } from '../http/body.ts';
import { logFailure } from '../http/errors.ts';
import { failedBeforeTuning, RETRY_HEADER } from '../http/retry.ts';
import { sseBody } from '../http/sse.ts';
import { Stages, serverTiming } from '../http/stages.ts';
import { chosenOnWire } from '../select/answer.ts';
import type { Selection } from '../select/selection.ts';
import { gatewayTune } from '../upstream/client.ts';
import { completionObject, completionStream, type Envelope } from './events.ts';
import { examplesOf, parseModel, selectExamples } from './prepare.ts';

const tuneRequestOf = (
  tenant: string,
  request: CompletionRequest,
  base: string,
  selection: Selection | undefined,
): TuneRequest => ({
  tenant,
  model: base,
  prompt: request.prompt,
  picks: selection === undefined ? [] : examplesOf(selection),
  tuning: request.sift.tuning,
  // a model's own name generates, whatever stands in `sift`
  use: selection === undefined ? 'tune' : request.sift.use,
  layout: request.sift.layout,
  ...(selection?.space === undefined ? {} : { origin: selection.space }),
  sampling: {
    max_tokens: request.max_tokens,
    temperature: request.temperature,
    top_p: request.top_p,
    top_k: request.top_k,
    stop: request.stop,
    seed: request.seed ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
  },
  // streamed in any case: steps and tokens then reset the idle timeouts of the connection
  stream: true,
});

const summary = ({ picks, pool, initialVariance, finalVariance, explained }: Selection): string =>
  `selected ${picks.length} of ${pool.size}, sigma2 ${initialVariance.toFixed(4)} to ${finalVariance.toFixed(4)}, explained ${explained?.toFixed(3) ?? 'nothing'}`;

export const completionsRoute = async (c: Context<Authenticated & { Variables: RequestIdVariables }>) => {
  const stages = new Stages();
  const request = await readJson(c.req.raw, completionRequest, MAX_BODY_BYTES);
  const { base, sift } = parseModel(request.model);
  const selection = sift
    ? await selectExamples(c.env, c.var.principal, { text: request.prompt, param: 'prompt' }, request.sift, stages)
    : undefined;
  const tuneRequest = tuneRequestOf(c.var.principal.tenant, request, base, selection);
  const tunes = tunedOn(tuneRequest).length > 0;
  const gone = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, gone.signal]);
  const envelope: Envelope = {
    id: `cmpl-${crypto.randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: request.model,
  };
  if (tunes) c.header(RETRY_HEADER, 'false');
  try {
    const events = await gatewayTune(c.env, tuneRequest, signal);
    if (!request.stream) {
      const { completion, context, adapter } = await completionObject(envelope, events);
      c.header('server-timing', serverTiming(stages.timings));
      if (selection === undefined) return c.json(completion);
      return c.json({ ...completion, sift: chosenOnWire(selection, request.sift.use, context, adapter) });
    }
    const pieces = completionStream(envelope, events, {
      includeUsage: request.stream_options?.include_usage === true,
      preface: selection === undefined ? [] : [summary(selection)],
      onFailure: (error) => logFailure(c.get('requestId'), error),
    });
    return c.body(sseBody(pieces, gone), 200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'server-timing': serverTiming(stages.timings),
    });
  } catch (error) {
    if (failedBeforeTuning(error)) c.header(RETRY_HEADER, undefined);
    throw error;
  }
};
