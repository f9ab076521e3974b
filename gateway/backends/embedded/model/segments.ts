// A training step's graphs: one layer forward, the same layer backward, and the head with its loss. A layer's graph serves
// all layers of its kind, so there are few and small ones to compile, and a step holds one layer's gradients at a time.
// Between forward and backward the results of matrix products are kept; what is cheap (norms, activations, rotations, and
// the softmax of attention, which grows with the square of the tokens) is computed again.
import { Graph, type Part } from '../onnx/graph.ts';
import { Tape, type Var } from '../onnx/tape.ts';
import type { Architecture } from './config.ts';
import { EMBEDDINGS, OUTPUT, parameterShapes } from './parameters.ts';
import { decoderParts, type Lora, loraShapes, outputMatrix, parameterInputs, positionInputs } from './transformer.ts';

/** The ops whose results are kept for the backward pass; FusedMatMul, the scores of attention, is not one of them. */
const KEPT = ['Gemm', 'MatMul'];

export const layerPrefix = (index: number): string => `model.layers.${index}.`;

export interface LayerGraphs {
  /** x, the layer's weights, positions → `y` and the values of `kept`. */
  readonly forward: Part;
  /** The same inputs, those values and `dy` → `dx` and `grad:NAME` of what is trained. */
  readonly backward: Part;
  readonly kept: readonly string[];
}

/** LoRA's factors as inputs of a graph, those of the names that start with `prefix`. */
const factorInputs = (tape: Tape, a: Architecture, lora: Lora | undefined, prefix: string): Map<string, Var> => {
  const factors = new Map<string, Var>();
  if (lora === undefined) return factors;
  for (const [name, shape] of loraShapes(a, lora.rank)) {
    if (name.startsWith(prefix)) factors.set(name, tape.parameter(tape.graph.input(name, 'float32', shape)));
  }
  return factors;
};

const gradientsOf = (tape: Tape, trained: ReadonlyMap<string, Var>) =>
  Array.from(trained, ([name, variable]) => ({ tensor: tape.grad(variable), name: `grad:${name}` }));

export const layerGraphs = (a: Architecture, index: number, lora?: Lora): LayerGraphs => {
  const graph = new Graph();
  const tape = new Tape(graph);
  const prefix = layerPrefix(index);
  const parameters = parameterInputs(tape, a, lora === undefined, (name) => name.startsWith(prefix));
  const factors = factorInputs(tape, a, lora, prefix);
  const x = tape.parameter(graph.input('x', 'float32', ['T', a.hidden]));
  const parts = decoderParts(tape, {
    architecture: a,
    parameters,
    positions: positionInputs(graph, a, 'T'),
    ...(lora === undefined ? {} : { lora: { factors, scale: lora.scale } }),
  });
  const y = parts.layer(x, index);
  const products = graph.outputsOf(KEPT, graph.size);
  tape.backward(y, graph.input('dy', 'float32', ['T', a.hidden]));
  const wanted = [
    { tensor: tape.grad(x), name: 'dx' },
    ...gradientsOf(tape, lora === undefined ? parameters : factors),
  ];
  const backward = graph.part(products, wanted);
  const kept = backward.inputs.filter((name) => products.has(name));
  const forward = graph.part(new Set(), [
    { tensor: y, name: 'y' },
    ...kept.map((name) => ({ tensor: { name }, name: keptName(name) })),
  ]);
  return { forward, backward, kept };
};

/** A kept value's name as the forward graph's output. */
export const keptName = (name: string): string => `kept:${name}`;

/** x of some tokens, targets, weights → their `loss`, `dx`, and `grad:NAME` of the last norm and the output matrix. */
export const headGraph = (a: Architecture, lora?: Lora): Part => {
  const graph = new Graph();
  const tape = new Tape(graph);
  const names = ['model.norm.weight', a.tied ? EMBEDDINGS : OUTPUT];
  const parameters = parameterInputs(tape, a, lora === undefined, (name) => names.includes(name));
  const x = tape.parameter(graph.input('x', 'float32', ['T', a.hidden]));
  const parts = decoderParts(tape, {
    architecture: a,
    parameters,
    positions: { rotations: new Map(), masks: new Map() },
  });
  const targets = graph.input('targets', 'int64', ['T']);
  const weights = graph.input('weights', 'float32', ['T']);
  const loss = tape.crossEntropy(parts.final(x), outputMatrix(a, parameters), targets, weights, a.scales.logitCap);
  tape.backward(loss, graph.scalar(1));
  return graph.part(new Set(), [
    { tensor: loss, name: 'loss' },
    { tensor: tape.grad(x), name: 'dx' },
    ...(lora === undefined ? gradientsOf(tape, parameters) : []),
  ]);
};

/** What is trained: every parameter, or LoRA's factors. */
export const trainedShapes = (a: Architecture, lora?: Lora): Map<string, readonly number[]> =>
  lora === undefined ? parameterShapes(a) : new Map(loraShapes(a, lora.rank));
