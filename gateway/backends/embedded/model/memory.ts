// What a session and a step take of a machine's memory, in bytes, from the model's shapes: an estimate to refuse with before
// anything is allocated, held to what was measured (docs/design/engine.md has the table). It counts what grows with the model and
// with the tokens; what else a process needs (Node, onnxruntime, the tokenizer) is a constant.
import type { Architecture } from './config.ts';
import { parameterShapes } from './parameters.ts';
import { trainedShapes } from './segments.ts';
import { sliceOf } from './training.ts';
import type { Lora } from './transformer.ts';

const FLOAT = 4;
/** Node, onnxruntime and a tokenizer, measured with SmolLM2's. 2026-11-26 */
const PROCESS = 220e6;

/** Values of one token that a layer's products leave for the backward pass, its input included. */
const keptPerToken = (a: Architecture, lora: Lora | undefined): number => {
  const [queries, keys] = [a.heads * a.headSize, a.groups * a.headSize];
  const products = queries + 2 * keys + queries + a.hidden + 2 * a.intermediate;
  return a.hidden + products + (lora === undefined ? 0 : 7 * lora.rank);
};

/** Values that one layer's backward pass holds at once: activations and their gradients, and attention's matrices. */
const layerAtOnce = (a: Architecture, tokens: number): number =>
  tokens * (8 * a.hidden + 6 * a.intermediate) + 4 * a.heads * tokens * tokens;

const count = (shapes: ReadonlyMap<string, readonly number[]>): number =>
  Array.from(shapes.values()).reduce((sum, shape) => sum + shape.reduce((product, dim) => product * dim, 1), 0);

export interface Need {
  /** The worker's process as it stands with the model read. */
  readonly model: number;
  /** Weights of the session's own and Adam's moments. */
  readonly session: number;
  /** What comes and goes in a step on an example of so many tokens. */
  readonly step: number;
}

export const memoryNeed = (a: Architecture, lora: Lora | undefined, tokens: number): Need => {
  const trained = trainedShapes(a, lora);
  const matrix = a.vocabulary * a.hidden;
  const slice = Math.min(tokens, sliceOf(a, lora === undefined));
  const logits = 2 * slice * a.vocabulary;
  // the output matrix's gradient as onnxruntime has it and as it is handed over
  const head = logits + (lora === undefined ? 2 * matrix : 0);
  const kept = a.layers * tokens * keptPerToken(a, lora);
  const largestLayer = lora === undefined ? (2 * (count(trained) - matrix)) / a.layers : 0;
  return {
    model: PROCESS + FLOAT * count(parameterShapes(a)),
    session: FLOAT * 3 * count(trained),
    // the head is at its largest when all layers' values are kept, and onnxruntime keeps the head's memory afterwards
    step: tokens === 0 ? 0 : FLOAT * (kept + head + layerAtOnce(a, tokens) + largestLayer),
  };
};
