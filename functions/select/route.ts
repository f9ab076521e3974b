// POST /v1/select: the examples that most reduce the model's uncertainty about a prompt.
import type { Context } from 'hono';
import { type SelectResponse, selectRequest } from '../../wire/api/select.ts';
import { MAX_BODY_BYTES } from '../../wire/limits.ts';
import type { Authenticated } from '../auth/principal.ts';
import { readJson } from '../http/body.ts';
import { Stages, serverTiming } from '../http/stages.ts';
import { selectionOnWire } from './answer.ts';
import { runFromCandidates, runFromCorpus } from './run.ts';

export const selectRoute = async (c: Context<Authenticated>) => {
  const stages = new Stages();
  const selection = await stages.time('total', async () => {
    const request = await readJson(c.req.raw, selectRequest, MAX_BODY_BYTES);
    const { corpus = '', candidates, input, vector, vectors, ...options } = request;
    return candidates === undefined
      ? runFromCorpus(c.env, c.var.principal, corpus, { input, vector, vectors }, options, stages)
      : runFromCandidates(c.env, request, candidates, stages);
  });
  c.header('server-timing', serverTiming(stages.timings));
  return c.json({ ...selectionOnWire(selection), timings: stages.timings } satisfies SelectResponse);
};
