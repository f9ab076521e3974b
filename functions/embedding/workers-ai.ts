// Workers AI embeds, over the AI binding. Its answers are checked like a caller's vectors: one per text, finite, not zero.
import { FaultError, unwrap } from '../../wire/faults.ts';
import { normalise } from '../vectors/algebra.ts';
import { parseVector } from '../vectors/input.ts';
import type { Embedder } from './embedder.ts';

/** Texts of one call (the limit of the bge models). */
const MAX_TEXTS = 100;
/** Characters kept of a text: the bge models read 512 tokens, and what is beyond costs upload time only. */
const MAX_CHARACTERS = 4_096;

/** The part of the AI binding that is used; a local stand-in is any RPC service with it. */
export interface EmbeddingService {
  run(model: string, input: { text: string[] }): Promise<unknown>;
}

const rowsOf = (answer: unknown, count: number): unknown[][] => {
  const data = typeof answer === 'object' && answer !== null && 'data' in answer ? answer.data : undefined;
  if (!Array.isArray(data) || data.length !== count || !data.every(Array.isArray)) {
    throw new FaultError({ kind: 'embedder', message: `Workers AI did not answer with ${count} vectors` });
  }
  return data;
};

export const workersAi = (service: EmbeddingService, model: string, dimensions: number): Embedder => ({
  name: `workers-ai:${model}`,
  dimensions,
  async embed(texts, keep, { onCut } = {}) {
    const vectors: Float32Array<ArrayBuffer>[] = [];
    for (let at = 0; at < texts.length; at += MAX_TEXTS) {
      const batch = texts.slice(at, at + MAX_TEXTS);
      const text = batch.map((one) => (keep === 'head' ? one.slice(0, MAX_CHARACTERS) : one.slice(-MAX_CHARACTERS)));
      for (const [i, one] of batch.entries()) if (one.length > MAX_CHARACTERS) onCut?.(at + i);
      const answer = await service.run(model, { text }).catch((error: unknown) => {
        throw new FaultError({ kind: 'embedder', message: `Workers AI: ${String(error)}` }, error);
      });
      for (const [index, row] of rowsOf(answer, batch.length).entries()) {
        vectors.push(normalise(unwrap(parseVector(row, dimensions, { param: `the embedding of text ${at + index}` }))));
      }
    }
    return vectors;
  },
});
