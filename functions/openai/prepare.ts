// From an OpenAI completion to the gateway's request: which model, which examples, how to tune.

import { type SiftOptions, siftOptions } from '../../wire/api/completions.ts';
import { FaultError } from '../../wire/faults.ts';
import { type TuneRequest, tuning } from '../../wire/tune.ts';
import type { Principal } from '../auth/keys.ts';
import type { Env } from '../env.ts';
import type { Stages } from '../http/stages.ts';
import { runFromCorpus } from '../select/run.ts';
import type { SelectionOnWire } from '../select/select.ts';

const SUFFIX = ':sift';

/** `NAME` is a base model; `NAME:sift` is it after tuning on what SIFT selects. */
export const parseModel = (name: string): { base: string; sift: boolean } =>
  name.endsWith(SUFFIX) ? { base: name.slice(0, -SUFFIX.length), sift: true } : { base: name, sift: false };

/** The two halves of a `sift` object: how to select, how to tune. */
export const splitSift = (sift: SiftOptions | undefined) => {
  const { corpus, method, rank, learning_rate, beta1, beta2, epsilon, weight_decay, reuse_gradients, ...selection } =
    sift ?? siftOptions.parse({});
  const tune = { method, rank, learning_rate, beta1, beta2, epsilon, weight_decay, reuse_gradients };
  return { corpus, selection, tuning: tuning.parse(tune) };
};

/** Picks as gradient steps. A pick without text cannot be learnt from. */
export const stepsOf = (selection: SelectionOnWire): TuneRequest['picks'] =>
  selection.picks.map(({ id, text }) => {
    if (text !== null && text !== '') return { id, text };
    throw new FaultError({
      kind: 'bad_field',
      param: 'sift.corpus',
      message: `example '${id}' has no text to tune on`,
    });
  });

export const selectForTuning = async (
  env: Env,
  principal: Principal,
  prompt: string,
  sift: SiftOptions | undefined,
  stages: Stages,
): Promise<SelectionOnWire> => {
  const { corpus, selection } = splitSift(sift);
  const name = corpus ?? env.DEFAULT_CORPUS;
  if (name === undefined || name === '') {
    throw new FaultError({ kind: 'bad_field', param: 'sift.corpus', message: 'is missing, and there is no default' });
  }
  return runFromCorpus(env, principal, name, { input: prompt }, selection, stages);
};
