// What picks are for, where a request leaves it to the server: it follows from the model's window. Where a window holds the
// examples beside the prompt, tuning and context together predict best; where it holds two or three, they are no better
// than tuning alone and take the prompt's room (docs/study/context.md).
import type { AskedUse, Use } from '../wire/context.ts';
import { BOTH_FROM_TOKENS } from '../wire/limits.ts';
import type { ScoreRequest, TuneRequest } from '../wire/tune/requests.ts';
import type { Model } from './backends/contract.ts';

/** A request whose use is settled. */
export type Settled<Request extends { readonly use: AskedUse }> = Omit<Request, 'use'> & { readonly use: Use };

export type SettledTune = Settled<TuneRequest>;
export type SettledScore = Settled<ScoreRequest>;

export const settleUse = <Request extends { readonly use: AskedUse }>(
  { contextTokens }: Pick<Model, 'contextTokens'>,
  request: Request,
): Settled<Request> => {
  const { use } = request;
  if (use !== 'auto') return { ...request, use };
  return { ...request, use: contextTokens >= BOTH_FROM_TOKENS ? 'both' : 'tune' };
};
