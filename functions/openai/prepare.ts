// From an OpenAI completion to the gateway's request: which model, and which examples to learn from.
import { SIFT_SUFFIX } from '../../wire/api/model.ts';
import type { Sift } from '../../wire/api/sift.ts';
import { FaultError } from '../../wire/faults.ts';
import type { TuneRequest } from '../../wire/tune.ts';
import type { Principal } from '../auth/principal.ts';
import type { Env } from '../env.ts';
import type { Stages } from '../http/stages.ts';
import { runFromCorpus } from '../select/run.ts';
import type { Selection } from '../select/selection.ts';

export const parseModel = (name: string): { base: string; sift: boolean } =>
  name.endsWith(SIFT_SUFFIX) ? { base: name.slice(0, -SIFT_SUFFIX.length), sift: true } : { base: name, sift: false };

/** Picks as examples to learn from. One without text cannot be. */
export const examplesOf = (selection: Selection): TuneRequest['picks'] =>
  selection.picks.map(({ id, text, source, similarity }) => {
    if (text !== undefined && text !== '') {
      return { id, text, similarity, ...(source === undefined ? {} : { source }) };
    }
    throw new FaultError({
      kind: 'bad_field',
      param: 'sift.corpus',
      message: `example '${id}' has no text to learn from`,
    });
  });

/** `param` is the field that the prompt came in. */
export const selectExamples = async (
  env: Env,
  principal: Principal,
  prompt: { readonly text: string; readonly param: string },
  { corpus, selection }: Sift,
  stages: Stages,
): Promise<Selection> => {
  const name = corpus ?? env.DEFAULT_CORPUS;
  if (name === undefined || name === '') {
    throw new FaultError({ kind: 'bad_field', param: 'sift.corpus', message: 'is missing, and there is no default' });
  }
  if (prompt.text.trim() === '') {
    throw new FaultError({ kind: 'bad_field', param: prompt.param, message: 'is blank: examples are selected for it' });
  }
  return runFromCorpus(env, principal, name, { input: prompt.text }, selection, stages);
};
