// The gateway's errors in the terms of who asked the edge: a field by the name that it has in the caller's request, and
// which of several prompts it is about.
import { UpstreamError } from '../http/errors.ts';

export interface Terms {
  /** The caller's name for the number of alternatives beside a token. */
  readonly logprobs: string;
}

const fieldOf = (param: string, { logprobs }: Terms): string => {
  if (param === 'sampling.logprobs') return logprobs;
  return param.replace(/^sampling\./, '').replace(/^(tuning|layout)\./, 'sift.');
};

/** `begun`: whether work of earlier prompts would be paid for again. */
export const inCallersTerms = (
  error: unknown,
  terms: Terms,
  { prompt, prompts, begun }: { readonly prompt: number; readonly prompts: number; readonly begun: boolean },
): unknown => {
  if (!(error instanceof UpstreamError)) return error;
  const { status, headers, body } = error.wire;
  const { param } = body.error;
  const field = param === null ? null : fieldOf(param, terms);
  const named =
    param !== null && body.error.message.startsWith(`${param}: `)
      ? `${field}${body.error.message.slice(param.length)}`
      : body.error.message;
  const several = prompts > 1;
  const told = {
    ...body.error,
    param: several && field === 'prompt' ? `prompt.${prompt}` : field,
    message: several ? `prompt ${prompt + 1} of ${prompts}: ${named}` : named,
  };
  return new UpstreamError({ status, headers, body: { error: told } }, begun || error.begun, error.cause);
};
