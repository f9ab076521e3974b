// How a request is tuned, once what it leaves to the server is filled in from the model: method, rank, learning rate; and
// which of its picks the guard judges by.
// One rate does not fit all: what is best for 5 M parameters does harm at 135 M (docs/models.md).

import { GUARD_MIN_PICKS } from '../wire/limits.ts';
import { type ScoreRequest, type TuneRequest, tunedOn } from '../wire/tune/requests.ts';
import type { AdapterReport, GuardReport, Tuned } from '../wire/tune/steps.ts';
import type { Method, Model } from './backends/contract.ts';

export interface ResolvedTuning {
  readonly method: Method;
  /** Of LoRA; full fine-tuning ignores it. */
  readonly rank: number;
  readonly learningRate: number;
}

export const resolveTuning = (
  { capabilities, defaults }: Pick<Model, 'capabilities' | 'defaults'>,
  request: Pick<TuneRequest | ScoreRequest, 'tuning' | 'picks' | 'use'>,
): ResolvedTuning => {
  const { tuning } = request;
  const asked = tuning.method === 'auto' ? defaults.method : tuning.method;
  // without steps the method says nothing, so that any will do: a model that has LoRA only still generates
  const [any = asked] = capabilities.methods;
  const method = tunedOn(request).length > 0 || capabilities.methods.includes(asked) ? asked : any;
  return {
    method,
    rank: tuning.rank ?? Math.min(defaults.rank, capabilities.maxRank),
    learningRate: tuning.learning_rate === 'auto' ? defaults.learningRate[method] : tuning.learning_rate,
  };
};

/**
 * The texts whose losses under the base weights the guard needs: each that is new to the model when its step comes, but
 * for the first, whose own step tells it. Undefined where the guard does not judge: it is off, or there are too few.
 */
export const judgedTexts = (
  request: Pick<TuneRequest | ScoreRequest, 'tuning' | 'picks' | 'use'>,
): readonly string[] | undefined => {
  const texts = [...new Set(tunedOn(request).map(({ text }) => text))];
  return request.tuning.guard && texts.length >= GUARD_MIN_PICKS ? texts.slice(1) : undefined;
};

export const tunedOnWire = (
  { method, rank, learningRate }: ResolvedTuning,
  guard: GuardReport | null,
  adapter: AdapterReport | null,
): Tuned => ({
  method,
  rank: method === 'lora' ? rank : null,
  learning_rate: learningRate,
  guard,
  adapter,
});
