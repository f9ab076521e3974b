// The prompt side of a selection: what the caller sent, as one or several vectors.

import type { VectorInput } from '../../wire/api/vector.ts';
import { FaultError, unwrap } from '../../wire/faults.ts';
import type { Embedder, OnCut } from '../embedding/embedder.ts';
import { isUnit } from '../vectors/algebra.ts';
import { parseVector } from '../vectors/input.ts';

export interface Prompt {
  readonly input?: string | readonly string[] | undefined;
  readonly vector?: VectorInput | undefined;
  readonly vectors?: readonly VectorInput[] | undefined;
}

/** Said of a prompt that is longer than the embedder's window. */
export const cutWarning = (tokens: number | undefined): string =>
  `the prompt is longer than the embedder reads: ${tokens === undefined ? 'a part' : `${tokens} tokens`} at its end is read`;

/** Vectors as sent, or the unit embeddings of the texts. Throws the fault of the first that cannot be used. */
export const promptVectors = async (
  prompt: Prompt,
  dimensions: number | undefined,
  embedder: () => Embedder,
  onCut?: OnCut,
): Promise<Float32Array[]> => {
  if (prompt.input !== undefined) {
    // what a model continues is the end of its prompt
    const texts = typeof prompt.input === 'string' ? [prompt.input] : prompt.input;
    const vectors = await embedder().embed(texts, 'tail', onCut === undefined ? {} : { onCut });
    if (vectors.every(isUnit)) return vectors;
    throw new FaultError({ kind: 'bad_field', param: 'input', message: 'holds nothing that the embedder knows' });
  }
  if (prompt.vector !== undefined) return [unwrap(parseVector(prompt.vector, dimensions, { param: 'vector' }))];
  let want = dimensions;
  return (prompt.vectors ?? []).map((input, i) => {
    const vector = unwrap(parseVector(input, want, { param: `vectors[${i}]` }));
    want = vector.length;
    return vector;
  });
};
