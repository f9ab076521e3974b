// A training step over the graphs of segments.ts: forward through the layers, the head in slices of tokens, so that the
// [tokens × vocabulary] matrices never exist whole, and back through the layers. A gradient is handed over as soon as it is
// there; a layer's values are given back as soon as they were used. Costs one call of onnxruntime for a layer's pass.
import type { Tensor } from 'onnxruntime-node';
import { at } from '../../../../wire/list.ts';
import {
  type Compiled,
  compile,
  discard,
  type Feeds,
  floats,
  floatsOf,
  int64,
  integersOf,
  type Runnable,
} from '../runtime.ts';
import type { Architecture } from './config.ts';
import { EMBEDDINGS } from './parameters.ts';
import { headGraph, keptName, layerGraphs, layerPrefix } from './segments.ts';
import type { Lora } from './transformer.ts';

/** Logits at once, at most: 64 MB of them, which the head's graph holds two or three times. */
export const LOGITS = 2 ** 24;

/** Takes one gradient; the array is emptied when it returns, unless it answers `keep`. */
export type Take = (name: string, gradient: Float32Array) => 'keep' | undefined;

export interface Training extends Runnable {
  /** → `loss`, and `grad:NAME` of what is trained where nobody takes the gradients as they come. */
  run(feeds: Feeds, take?: Take): Promise<Record<string, Float32Array>>;
}

/**
 * Tokens of one slice of the head. Each slice brings a gradient of the whole output matrix where that is trained, so there
 * a slice's logits may be as large as the matrix.
 */
export const sliceOf = (a: Architecture, full: boolean): number =>
  Math.max(16, Math.floor(LOGITS / a.vocabulary), full ? a.hidden : 0);

const present = (tensor: Tensor | undefined, name: string): Tensor => {
  if (tensor === undefined) throw new Error(`no ${name} came out of the graph`);
  return tensor;
};

const addTo = (sum: Float32Array, more: Float32Array): void => {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (more[i] as number);
};

interface Pass {
  readonly graph: Compiled;
  readonly inputs: readonly string[];
}

interface Layer {
  /** The layer whose names the graphs use. */
  readonly model: number;
  readonly forward: Pass;
  readonly backward: Pass;
  readonly kept: readonly string[];
}

/** The inputs of one layer's pass, under the names of the layer that its graph was made for. */
const layerFeeds = (feeds: Feeds, inputs: readonly string[], index: number, model: number): Feeds => {
  const [own, theirs] = [layerPrefix(index), layerPrefix(model)];
  const found: Feeds = {};
  for (const name of inputs) {
    const tensor = feeds[name.startsWith(theirs) ? own + name.slice(theirs.length) : name];
    if (tensor !== undefined) found[name] = tensor;
  }
  return found;
};

export const createTraining = async (
  a: Architecture,
  lora: Lora | undefined,
  threads: number,
  slice = sliceOf(a, lora === undefined),
): Promise<Training> => {
  const compiled: Compiled[] = [];
  const pass = async (part: { bytes: Uint8Array; inputs: readonly string[] }): Promise<Pass> => {
    const graph = await compile(part.bytes, threads);
    compiled.push(graph);
    return { graph, inputs: part.inputs };
  };
  const head = await pass(headGraph(a, lora));
  const byKind = new Map<string, Layer>();
  const layers: Layer[] = [];
  for (const [index, kind] of a.kinds.entries()) {
    const key = `${kind.window} ${kind.rotation}`;
    let layer = byKind.get(key);
    if (layer === undefined) {
      const { forward, backward, kept } = layerGraphs(a, index, lora);
      layer = { model: index, forward: await pass(forward), backward: await pass(backward), kept };
      byKind.set(key, layer);
    }
    layers.push(layer);
  }
  const D = a.hidden;
  const full = lora === undefined;

  const embed = (table: Float32Array, ids: BigInt64Array): Float32Array => {
    const x = new Float32Array(ids.length * D);
    for (const [t, id] of ids.entries()) {
      const from = Number(id) * D;
      for (let i = 0; i < D; i++) x[t * D + i] = (table[from + i] as number) * a.scales.embeddings;
    }
    return x;
  };

  /** Loss, gradient of x, and the sums of the head's own gradients over the slices. */
  const runHead = async (feeds: Feeds, x: Float32Array) => {
    const [targets, weights] = [integersOf(feeds.targets, 'targets'), floatsOf(feeds.weights, 'weights')];
    const count = targets.length;
    const dx = new Float32Array(count * D);
    const sums = new Map<string, Float32Array>();
    let loss = 0;
    for (let from = 0; from < count; from += slice) {
      const to = Math.min(count, from + slice);
      const outputs = await head.graph.tensors({
        ...layerFeeds(feeds, head.inputs, 0, 0),
        x: floats(x.subarray(from * D, to * D), [to - from, D]),
        targets: int64(targets.subarray(from, to)),
        weights: floats(weights.subarray(from, to), [to - from]),
      });
      for (const [name, tensor] of Object.entries(outputs)) {
        const data = floatsOf(tensor, name);
        if (name === 'loss') loss += at(data, 0);
        else if (name === 'dx') dx.set(data, from * D);
        else {
          const sum = sums.get(name);
          if (sum === undefined) {
            sums.set(name, data);
            continue;
          }
          addTo(sum, data);
        }
        discard(data);
      }
    }
    return { loss: Float32Array.of(loss), dx, sums };
  };

  return {
    async run(feeds, take) {
      const outputs: Record<string, Float32Array> = {};
      const hand = (name: string, gradient: Float32Array): void => {
        if (take === undefined) outputs[`grad:${name}`] = gradient;
        else if (take(name, gradient) !== 'keep') discard(gradient);
      };
      const ids = integersOf(feeds.ids, 'ids');
      let x = floats(embed(floatsOf(feeds[EMBEDDINGS], EMBEDDINGS), ids), [ids.length, D]);
      const stack: Feeds[] = [];
      for (const [index, { model, forward, kept }] of layers.entries()) {
        const made = await forward.graph.tensors({ ...layerFeeds(feeds, forward.inputs, index, model), x });
        const values: Feeds = { x };
        for (const name of kept) values[name] = present(made[keptName(name)], name);
        stack.push(values);
        x = present(made.y, 'y');
      }
      const { loss, dx, sums } = await runHead(feeds, floatsOf(x, 'y'));
      discard(floatsOf(x, 'y'));
      outputs.loss = loss;
      const embeddings = full ? (sums.get(`grad:${EMBEDDINGS}`) ?? new Float32Array(a.vocabulary * D)) : undefined;
      for (const [name, gradient] of sums)
        if (name !== `grad:${EMBEDDINGS}`) hand(name.slice('grad:'.length), gradient);

      let dy = floats(dx, [ids.length, D]);
      for (const [index, { model, backward }] of [...layers.entries()].toReversed()) {
        const values = at(stack, index);
        const made = await backward.graph.tensors({
          ...layerFeeds({ ...feeds, ...values, dy }, backward.inputs, index, model),
        });
        for (const [name, tensor] of Object.entries({ ...values, dy })) discard(floatsOf(tensor, name));
        for (const [name, tensor] of Object.entries(made)) {
          if (name === 'dx') continue;
          const own = name.slice('grad:'.length).replace(layerPrefix(model), layerPrefix(index));
          hand(own, floatsOf(tensor, name));
        }
        dy = present(made.dx, 'dx');
      }
      if (embeddings !== undefined) {
        const rows = floatsOf(dy, 'dx');
        for (const [t, id] of ids.entries()) {
          const to = Number(id) * D;
          for (let i = 0; i < D; i++) {
            const more = Math.fround((rows[t * D + i] as number) * a.scales.embeddings);
            embeddings[to + i] = (embeddings[to + i] as number) + more;
          }
        }
        hand(EMBEDDINGS, embeddings);
      }
      discard(floatsOf(dy, 'dx'));
      return outputs;
    },
    async release() {
      for (const graph of compiled) await graph.release();
    },
  };
};
