// The four graphs a prompt may need, each built once per model and LoRA rank, for any number of tokens.
import { Graph, type Tensor } from '../onnx/graph.ts';
import { Tape, type Var } from '../onnx/tape.ts';
import type { Architecture } from './config.ts';
import { parameterShapes } from './parameters.ts';
import {
  decoder,
  type Lora,
  logits,
  loraShapes,
  outputMatrix,
  parameterInputs,
  positionInputs,
} from './transformer.ts';

const ids = (graph: Graph): Tensor => graph.input('ids', 'int64', ['T']);

/** LoRA's factors as graph inputs, with what the decoder wants of them; nothing without LoRA. */
const loraInputs = (tape: Tape, a: Architecture, lora: Lora | undefined, trained: boolean) => {
  const factors = new Map<string, Var>();
  if (lora === undefined) return { factors, options: {} };
  for (const [name, shape] of loraShapes(a, lora.rank)) {
    const input = tape.graph.input(name, 'float32', shape);
    factors.set(name, trained ? tape.parameter(input) : tape.constant(input));
  }
  return { factors, options: { lora: { factors, scale: lora.scale } } };
};

/** One training step: ids, targets [T], weights [T] → loss, and `grad:NAME` of every trained parameter. */
export const trainingGraph = (a: Architecture, lora?: Lora): Uint8Array => {
  const graph = new Graph();
  const tape = new Tape(graph);
  const parameters = parameterInputs(tape, a, lora === undefined);
  const { factors, options } = loraInputs(tape, a, lora, true);
  const { hidden } = decoder(tape, {
    architecture: a,
    parameters,
    positions: positionInputs(graph, a, 'T'),
    ids: ids(graph),
    ...options,
  });
  const targets = graph.input('targets', 'int64', ['T']);
  const weights = graph.input('weights', 'float32', ['T']);
  const loss = tape.crossEntropy(hidden, outputMatrix(a, parameters), targets, weights, a.scales.logitCap);
  tape.backward(loss, graph.scalar(1));
  graph.output(loss, 'loss', []);
  const shapes = lora === undefined ? parameterShapes(a) : loraShapes(a, lora.rank);
  for (const [name, variable] of lora === undefined ? parameters : factors) {
    graph.output(tape.grad(variable), `grad:${name}`, shapes.get(name) ?? []);
  }
  return graph.bytes();
};

/** Scoring: ids, targets [T] → log p(target_t) in nats, [T]. */
export const scoringGraph = (a: Architecture, lora?: Lora): Uint8Array => {
  const graph = new Graph();
  const tape = new Tape(graph);
  const parameters = parameterInputs(tape, a, false);
  const { hidden } = decoder(tape, {
    architecture: a,
    parameters,
    positions: positionInputs(graph, a, 'T'),
    ids: ids(graph),
    ...loraInputs(tape, a, lora, false).options,
  });
  const targets = graph.input('targets', 'int64', ['T']);
  const logp = graph.op('LogSoftmax', [logits(tape, a, hidden, parameters)], { axis: -1 });
  const picked = graph.op('GatherElements', [logp, graph.op('Unsqueeze', [targets, graph.ints([1])])], { axis: 1 });
  graph.output(graph.op('Squeeze', [picked, graph.ints([1])]), 'logp', ['T']);
  return graph.bytes();
};

/**
 * Generation: ids [T] and, after the first call, the tokens' own past → the last token's logits [V] and each layer's
 * new keys and values [G,T,E]. The prompt's graph has no past; the step's graph takes one of P tokens.
 */
export const generationGraph = (a: Architecture, withPast: boolean, lora?: Lora): Uint8Array => {
  const graph = new Graph();
  const tape = new Tape(graph);
  const parameters = parameterInputs(tape, a, false);
  const cacheShape = [a.groups, 'P', a.headSize];
  const past = withPast
    ? Array.from({ length: a.layers }, (_, i) => ({
        keys: tape.constant(graph.input(`keys:${i}`, 'float32', cacheShape)),
        values: tape.constant(graph.input(`values:${i}`, 'float32', cacheShape)),
      }))
    : undefined;
  const { hidden, cache } = decoder(tape, {
    architecture: a,
    parameters,
    positions: positionInputs(graph, a, withPast ? 'PT' : 'T'),
    ids: ids(graph),
    ...loraInputs(tape, a, lora, false).options,
    ...(past === undefined ? {} : { past }),
  });
  const last = tape.constant(graph.op('Slice', [hidden, graph.ints([-1]), graph.ints([2 ** 31]), graph.ints([0])]));
  graph.output(graph.op('Squeeze', [logits(tape, a, last, parameters), graph.ints([0])]), 'logits', [a.vocabulary]);
  for (const [i, { keys, values }] of cache.entries()) {
    graph.output(keys, `newKeys:${i}`, [a.groups, 'T', a.headSize]);
    graph.output(values, `newValues:${i}`, [a.groups, 'T', a.headSize]);
  }
  return graph.bytes();
};
