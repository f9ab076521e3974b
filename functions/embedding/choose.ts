// The embedder that the configuration names: the bundled ONNX model, Workers AI, or none.
import { FaultError } from '../../wire/faults.ts';
import { VECTORIZE_MAX_DIMENSIONS } from '../../wire/limits.ts';
import type { Env } from '../env.ts';
import type { Embedder } from './embedder.ts';
import { noEmbedder } from './none.ts';
import { onnxEmbedder } from './onnx.ts';
import { workersAi } from './workers-ai.ts';

const dimensionsOf = (env: Env): number => {
  const dimensions = Number(env.DIMENSIONS);
  if (Number.isInteger(dimensions) && dimensions > 0 && dimensions <= VECTORIZE_MAX_DIMENSIONS) return dimensions;
  throw new FaultError({ kind: 'not_configured', what: `DIMENSIONS (1 to ${VECTORIZE_MAX_DIMENSIONS})` });
};

export const chooseEmbedder = (env: Env): Embedder => {
  switch (env.EMBEDDER ?? 'onnx') {
    case 'onnx':
      return onnxEmbedder();
    case 'none':
      return noEmbedder(dimensionsOf(env));
    case 'workers-ai':
      if (env.AI === undefined || env.AI_MODEL === undefined) {
        throw new FaultError({ kind: 'not_configured', what: 'Workers AI (the AI binding and AI_MODEL)' });
      }
      // the binding's own type knows every model by name; the model here is the operator's choice
      return workersAi(
        env.AI as unknown as import('./workers-ai.ts').EmbeddingService,
        env.AI_MODEL,
        dimensionsOf(env),
      );
    default:
      throw new FaultError({ kind: 'not_configured', what: `EMBEDDER '${env.EMBEDDER}' (onnx, workers-ai or none)` });
  }
};
