// From a request of OpenAI's to the gateway's: which model, and which examples to learn from.
import { SIFT_SUFFIX } from '../../wire/api/model.ts';
import type { Sift } from '../../wire/api/sift.ts';
import { type Fault, FaultError } from '../../wire/faults.ts';
import type { Stages } from '../../wire/stages.ts';
import type { TuneRequest } from '../../wire/tune/requests.ts';
import type { Principal } from '../auth/principal.ts';
import type { Env } from '../env.ts';
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

/** A fault of the selection, by the name that the field has in this request. */
const inRequest = (fault: Fault, input: string): Fault => {
  if (!('param' in fault)) return fault;
  return {
    ...fault,
    param: fault.param.startsWith('input') ? fault.param.replace('input', input) : `sift.${fault.param}`,
  };
};

/** `param` is the field that the text came in; both are passed over where the request says what to select for. */
export const selectExamples = async (
  env: Env,
  principal: Principal,
  { text, param, blank = 'is blank' }: { readonly text: string; readonly param: string; readonly blank?: string },
  { corpus, prompt, selection }: Sift,
  stages: Stages,
): Promise<Selection> => {
  const name = corpus ?? env.DEFAULT_CORPUS;
  if (name === undefined || name === '') {
    throw new FaultError({ kind: 'bad_field', param: 'sift.corpus', message: 'is missing, and there is no default' });
  }
  if (prompt === undefined && text.trim() === '') {
    const message = `${blank}: examples are selected for it, unless sift.input or sift.vector says what for`;
    throw new FaultError({ kind: 'bad_field', param, message });
  }
  try {
    return await runFromCorpus(env, principal, name, prompt ?? { input: text }, selection, stages);
  } catch (error) {
    if (!(error instanceof FaultError)) throw error;
    throw new FaultError(inRequest(error.fault, prompt === undefined ? param : 'sift.input'), error.cause);
  }
};
