// The graphs of scoring and generation, each built once per model and LoRA rank, for any number of tokens.
import { Graph, type Tensor } from '../onnx/graph.ts';
import { Tape, type Var } from '../onnx/tape.ts';
import type { Architecture } from './config.ts';
import { decoder, type Lora, logits, loraShapes, outputName, parameterInputs, positionInputs } from './transformer.ts';

const ids = (graph: Graph): Tensor => graph.input('ids', 'int64', ['T']);

/** LoRA's factors as graph inputs, as the decoder wants them; nothing without LoRA. */
const loraInputs = (tape: Tape, a: Architecture, lora: Lora | undefined) => {
  if (lora === undefined) return {};
  const factors = new Map<string, Var>();
  for (const [name, shape] of loraShapes(a, lora.rank)) {
    factors.set(name, tape.constant(tape.graph.input(name, 'float32', shape)));
  }
  return { lora: { factors, scale: lora.scale } };
};

/** Scoring, first part: ids → the last hidden states [T,D]. */
export const hiddenGraph = (a: Architecture, lora?: Lora): Uint8Array => {
  const graph = new Graph();
  const tape = new Tape(graph);
  const { hidden } = decoder(tape, {
    architecture: a,
    parameters: parameterInputs(tape, a, false),
    positions: positionInputs(graph, a, 'T'),
    ids: ids(graph),
    ...loraInputs(tape, a, lora),
  });
  graph.output(hidden, 'hidden', ['T', a.hidden]);
  return graph.bytes();
};

/** Scoring, second part: hidden states of some tokens, targets → log p(target_t) in nats, [T]. */
export const probabilityGraph = (a: Architecture): Uint8Array => {
  const graph = new Graph();
  const tape = new Tape(graph);
  const parameters = parameterInputs(tape, a, false, (name) => name === outputName(a));
  const hidden = tape.constant(graph.input('hidden', 'float32', ['T', a.hidden]));
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
    ...loraInputs(tape, a, lora),
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
