// The forward pass of a decoder over the tape: one definition for every family, and for training, scoring and generation.
// T tokens; H heads in G groups of R = H/G share keys and values; E is a head's size. Query heads of a group lie beside
// each other, so [H,T,E] is [G,R·T,E] without moving a number, and keys are never repeated.
import { at as elementAt } from '../../../../wire/list.ts';
import type { Graph, Tensor } from '../onnx/graph.ts';
import type { Tape, Var } from '../onnx/tape.ts';
import type { Architecture } from './config.ts';
import type { LayerKind } from './layers.ts';
import { biasOf, EMBEDDINGS, loraTargets, OUTPUT, parameterShapes } from './parameters.ts';
import { maskName, rotationNames, usedRotations, usedWindows, type Window } from './positions.ts';

export interface Lora {
  readonly rank: number;
  /** alpha / rank. */
  readonly scale: number;
}

export const loraNames = (target: string): { a: string; b: string } => {
  const base = target.replace(/\.weight$/, '');
  return { a: `${base}.lora_A.weight`, b: `${base}.lora_B.weight` };
};

/** Shapes of LoRA's factors: A [rank,in], B [out,rank]; W' = W + scale·B·A. */
export const loraShapes = (architecture: Architecture, rank: number): Map<string, readonly [number, number]> => {
  const shapes = parameterShapes(architecture);
  const factors = new Map<string, readonly [number, number]>();
  for (const target of loraTargets(architecture)) {
    const [out = 0, into = 0] = shapes.get(target) ?? [];
    const { a, b } = loraNames(target);
    factors.set(a, [rank, into]);
    factors.set(b, [out, rank]);
  }
  return factors;
};

/** The parameters, or those of some names, as graph inputs, frozen or trained. */
export const parameterInputs = (
  tape: Tape,
  architecture: Architecture,
  trained: boolean,
  wanted: (name: string) => boolean = () => true,
): Map<string, Var> => {
  const inputs = new Map<string, Var>();
  for (const [name, shape] of parameterShapes(architecture)) {
    if (!wanted(name)) continue;
    const input = tape.graph.input(name, 'float32', shape);
    inputs.set(name, trained ? tape.parameter(input) : tape.constant(input));
  }
  return inputs;
};

/** What attention needs of the positions: rotary angles [T, pairs], and masks added to the scores [R·T, T or past+T]. */
export interface Positions {
  readonly rotations: ReadonlyMap<number, { readonly cos: Tensor; readonly sin: Tensor }>;
  readonly masks: ReadonlyMap<Window, Tensor>;
}

export const positionInputs = (graph: Graph, a: Architecture, keys: string): Positions => {
  const rotations = usedRotations(a).map(([index, { frequencies }]) => {
    const names = rotationNames(index);
    const input = (name: string): Tensor => graph.input(name, 'float32', ['T', frequencies.length]);
    return [index, { cos: input(names.cos), sin: input(names.sin) }] as const;
  });
  const masks = usedWindows(a).map(
    (window) => [window, graph.input(maskName(window), 'float32', ['RT', keys])] as const,
  );
  return { rotations: new Map(rotations), masks: new Map(masks) };
};

/** Keys and values of one layer, [G,T,E] each, after rotation. */
export interface KeyValue {
  readonly keys: Var;
  readonly values: Var;
}

export interface Decoder {
  /** The normed last hidden states [T,D], scaled for the logits, and each layer's own keys and values. */
  readonly hidden: Var;
  readonly cache: readonly KeyValue[];
}

export interface DecoderOptions {
  readonly architecture: Architecture;
  readonly parameters: ReadonlyMap<string, Var>;
  readonly positions: Positions;
  readonly lora?: { readonly factors: ReadonlyMap<string, Var>; readonly scale: number };
  /** Keys and values of the tokens before these, put in front of each layer's own. */
  readonly past?: readonly KeyValue[];
}

/** The decoder's parts, for a graph of all of it or of one layer. */
export interface Parts {
  embedded(ids: Tensor): Var;
  layer(x: Var, index: number): Var;
  /** The hidden states that the logits are made of. */
  final(x: Var): Var;
  /** What the layers so far made. */
  readonly cache: readonly KeyValue[];
}

export const decoderParts = (tape: Tape, options: DecoderOptions): Parts => {
  const { architecture: a, positions } = options;
  const { scales } = a;
  const repeats = a.heads / a.groups;
  const parameter = (name: string): Var => {
    const found = options.parameters.get(name);
    if (found === undefined) throw new Error(`no parameter ${name}`);
    return found;
  };
  const widths = parameterShapes(a);
  const rows = (y: Var, width: number): Var => {
    tape.graph.describe(y, ['T', width]);
    return y;
  };
  const linear = (x: Var, name: string): Var => {
    const width = elementAt(widths.get(name) ?? [], 0);
    const y = rows(tape.linear(x, parameter(name), options.parameters.get(biasOf(name))), width);
    const names = loraNames(name);
    const down = options.lora?.factors.get(names.a);
    const up = options.lora?.factors.get(names.b);
    if (down === undefined || up === undefined) return y;
    return rows(tape.lowRank(y, x, down, up, options.lora?.scale ?? 1), width);
  };
  const normOf = (x: Var, name: string, leadingAxes: readonly number[]): Var =>
    tape.rmsNorm(x, a.unitNorms ? tape.plus(parameter(name), 1) : parameter(name), a.epsilon, leadingAxes);
  const norm = (x: Var, name: string): Var => normOf(x, name, [0]);
  /** [T, count·E] → [count,T,E], normed where the family does that. */
  const split = (x: Var, count: number, normName: string | undefined): Var => {
    const row = normName !== undefined && a.queryNorms === 'row' ? norm(x, normName) : x;
    const heads = tape.reshape(row, ['T', count, a.headSize], ['T', count * a.headSize]);
    const normed = normName !== undefined && a.queryNorms === 'head' ? normOf(heads, normName, [0, 1]) : heads;
    return tape.transpose(normed, [1, 0, 2]);
  };
  const rotate = (x: Var, { rotation }: LayerKind): Var => {
    if (rotation === undefined) return x;
    const angles = positions.rotations.get(rotation);
    const pairs = a.rotations[rotation]?.frequencies.length;
    if (angles === undefined || pairs === undefined) throw new Error(`no rotation ${rotation}`);
    return tape.rotate(x, angles.cos, angles.sin, { rotated: 2 * pairs, kept: a.headSize - 2 * pairs });
  };
  /** The linear maps `names` of x; or, fused, the parts of one map. */
  const several = (x: Var, names: readonly string[], fused: string, widths: readonly number[]): Var[] =>
    a.fused ? tape.split(linear(x, fused), widths) : names.map((name) => linear(x, name));

  const cache: KeyValue[] = [];
  const attention = (x: Var, layer: string, kind: LayerKind, past: KeyValue | undefined): Var => {
    const at = `${layer}.self_attn`;
    const nameOf = (name: string): string | undefined => (a.queryNorms === 'none' ? undefined : `${at}.${name}.weight`);
    const mask = positions.masks.get(kind.window);
    if (mask === undefined) throw new Error(`no mask of window ${kind.window}`);
    const widths = [a.heads, a.groups, a.groups].map((count) => count * a.headSize);
    const names = ['q', 'k', 'v'].map((name) => `${at}.${name}_proj.weight`);
    const [queries, ownKeys, ownValues] = several(x, names, `${at}.qkv_proj.weight`, widths) as [Var, Var, Var];
    const q = rotate(split(queries, a.heads, nameOf('q_norm')), kind);
    const k = rotate(split(ownKeys, a.groups, nameOf('k_norm')), kind);
    const v = split(ownValues, a.groups, undefined);
    cache.push({ keys: k, values: v });
    const join = (before: Var, now: Var): Var => tape.constant(tape.graph.op('Concat', [before, now], { axis: 1 }));
    const keys = past === undefined ? k : join(past.keys, k);
    const values = past === undefined ? v : join(past.values, v);
    const grouped = tape.reshape(q, [a.groups, 'RT', a.headSize], [a.heads, 'T', a.headSize]); // [G,R·T,E]
    const raw = tape.matmulTransposed(grouped, keys, scales.attention); // [G,R·T,keys]
    const scores = scales.attentionCap === undefined ? raw : tape.cap(raw, scales.attentionCap);
    const mixed = tape.matmul(tape.softmax(scores, mask), values); // [G,R·T,E]
    tape.graph.describe(mixed, [a.groups, 'RT', a.headSize]);
    const heads = tape.reshape(mixed, [a.groups * repeats, 'T', a.headSize], [a.groups, 'RT', a.headSize]); // [H,T,E]
    const flat = tape.reshape(
      tape.transpose(heads, [1, 0, 2]),
      ['T', a.heads * a.headSize],
      ['T', a.heads, a.headSize],
    );
    return linear(flat, `${at}.o_proj.weight`);
  };
  const feedForward = (x: Var, layer: string): Var => {
    const at = `${layer}.mlp`;
    const names = [`${at}.gate_proj.weight`, `${at}.up_proj.weight`];
    const widths = [a.intermediate, a.intermediate];
    const [gate, up] = several(x, names, `${at}.gate_up_proj.weight`, widths) as [Var, Var];
    const gated = a.activation === 'silu' ? tape.swiglu(gate, up) : tape.geglu(gate, up);
    return linear(gated, `${at}.down_proj.weight`);
  };
  /** x + f(x), with the norms where the family has them. */
  const residual = (x: Var, before: string, after: string, f: (x: Var) => Var): Var => {
    const y = f(a.norms === 'after' ? x : norm(x, before));
    const normed = a.norms === 'before' ? y : norm(y, after);
    return tape.add(x, tape.scale(normed, scales.residual));
  };

  return {
    cache,
    embedded: (ids) => tape.scale(tape.gather(parameter(EMBEDDINGS), ids, a.vocabulary, a.hidden), scales.embeddings),
    layer(x, index) {
      const layer = `model.layers.${index}`;
      const at = (name: string): string => `${layer}.${name}_layernorm.weight`;
      // a Llama calls the norm before its feed-forward post_attention_layernorm; where there are four, it is what it says
      const beforeFeedForward = at(a.norms === 'both' ? 'pre_feedforward' : 'post_attention');
      const attended = residual(x, `${layer}.input_layernorm.weight`, at('post_attention'), (h) =>
        attention(h, layer, elementAt(a.kinds, index), options.past?.[index]),
      );
      return residual(attended, beforeFeedForward, at('post_feedforward'), (h) => feedForward(h, layer));
    },
    final: (x) => tape.scale(norm(x, 'model.norm.weight'), scales.logits),
  };
};

export const decoder = (tape: Tape, options: DecoderOptions & { readonly ids: Tensor }): Decoder => {
  const parts = decoderParts(tape, options);
  let x = parts.embedded(options.ids);
  for (const index of options.architecture.kinds.keys()) x = parts.layer(x, index);
  return { hidden: parts.final(x), cache: parts.cache };
};

/** Which matrix turns hidden states into logits: the embeddings themselves where they are tied. */
export const outputName = (a: Architecture): string => (a.tied ? EMBEDDINGS : OUTPUT);

export const outputMatrix = (a: Architecture, parameters: ReadonlyMap<string, Var>): Var => {
  const matrix = parameters.get(outputName(a));
  if (matrix === undefined) throw new Error('no output matrix');
  return matrix;
};

export const logits = (tape: Tape, a: Architecture, hidden: Var, parameters: ReadonlyMap<string, Var>): Var => {
  const raw = tape.linear(hidden, outputMatrix(a, parameters));
  return a.scales.logitCap === undefined ? raw : tape.cap(raw, a.scales.logitCap);
};
