// POST /v1/completions: OpenAI's route. `NAME` goes on from a text; `NAME:sift` selects for the text, tunes on the picks or
// puts them into the context, then goes on. Several prompts have a selection and a tuning each.
import { completionRequest } from '../../wire/api/completions.ts';
import { MAX_BODY_BYTES } from '../../wire/limits.ts';
import { readJson } from '../http/body.ts';
import { type GenerateContext, generate, type Route } from './generate.ts';
import { textShape } from './text-shape.ts';

const ROUTE: Route = { prefix: 'cmpl', shapeOf: textShape, terms: { logprobs: 'logprobs' } };

export const completionsRoute = async (c: GenerateContext): Promise<Response> => {
  const { prompts, ...request } = await readJson(c.req.raw, completionRequest, MAX_BODY_BYTES);
  const subjects = prompts.map((prompt, i) => ({
    of: { prompt },
    text: prompt,
    param: prompts.length === 1 ? 'prompt' : `prompt.${i}`,
  }));
  return generate(c, request, subjects, ROUTE);
};
