// One selection for each of several prompts, from the same candidates: the texts are embedded in one go, the selections made
// a few at a time. What goes wrong with one is an error in its place; what goes wrong with all is thrown.
import type { SelectRequest } from '../../wire/api/select.ts';
import { type Fault, FaultError, fail, type Result } from '../../wire/faults.ts';
import { MAX_CONNECTIONS, MAX_EMBEDS_OF_A_BATCH } from '../../wire/limits.ts';
import { inParallel } from '../../wire/parallel.ts';
import { byHalves } from '../corpora/halves.ts';
import type { Embedder } from '../embedding/embedder.ts';
import { isUnit } from '../vectors/algebra.ts';
import { cutWarning } from './prompt.ts';

/** Faults that an embedder throws about a text; one that is not configured fails for all. */
const isAboutText = ({ kind }: Fault): boolean => kind !== 'not_configured';

/** Vectors of the texts; `cut` takes what is to be said of those that were read in part. */
const embedded = async (
  embedder: Embedder,
  inputs: readonly string[],
  cut: Map<string, string>,
): Promise<Result<Float32Array>[]> => {
  const made = await byHalves(inputs, {
    // what a model continues is the end of its prompt
    work: (texts) =>
      embedder.embed(texts, 'tail', { onCut: (i, tokens) => void cut.set(texts[i] ?? '', cutWarning(tokens)) }),
    isRefusal: isAboutText,
    calls: MAX_EMBEDS_OF_A_BATCH,
  });
  for (const vector of made) if (!vector.ok && !isAboutText(vector.fault)) throw new FaultError(vector.fault);
  return made.map((vector, i) =>
    !vector.ok || isUnit(vector.value)
      ? vector
      : fail({ kind: 'bad_field', param: `inputs[${i}]`, message: 'holds nothing that the embedder knows' }),
  );
};

/** What `select` makes of each prompt's vector, or the error that it ended in; in order. */
export const selectEach = async <T>(
  inputs: NonNullable<SelectRequest['inputs']>,
  embedder: Embedder,
  select: (vector: Float32Array, place: number, warnings: readonly string[]) => Promise<T>,
): Promise<({ readonly made: T } | { readonly error: unknown })[]> => {
  const cut = new Map<string, string>();
  const vectors = await embedded(embedder, inputs, cut);
  const tasks = vectors.map((vector, i) => async () => {
    try {
      if (!vector.ok) throw new FaultError(vector.fault);
      const said = cut.get(inputs[i] ?? '');
      return { made: await select(vector.value, i, said === undefined ? [] : [said]) };
    } catch (error) {
      return { error };
    }
  });
  return inParallel(tasks, MAX_CONNECTIONS);
};
