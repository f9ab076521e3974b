// The forward pass of a Qwen3 or Llama decoder over the tape: one definition for training, scoring and generation.
// T tokens; H heads in G groups of R = H/G share keys and values; E is a head's size. Query heads of a group lie beside
// each other, so [H,T,E] is [G,R·T,E] without moving a number, and keys are never repeated.
import type { Graph, Tensor } from '../onnx/graph.ts';
import type { Tape, Var } from '../onnx/tape.ts';
import { type Architecture, loraTargets, parameterShapes } from './config.ts';

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

/** The parameters as graph inputs, frozen or trained. */
export const parameterInputs = (tape: Tape, architecture: Architecture, trained: boolean): Map<string, Var> => {
  const inputs = new Map<string, Var>();
  for (const [name, shape] of parameterShapes(architecture)) {
    const input = tape.graph.input(name, 'float32', shape);
    inputs.set(name, trained ? tape.parameter(input) : tape.constant(input));
  }
  return inputs;
};

/** What attention needs of the positions: rotary angles [T,E/2] and a mask added to the scores [R·T, T or past+T]. */
export interface Positions {
  readonly cos: Tensor;
  readonly sin: Tensor;
  readonly mask: Tensor;
}

export const positionInputs = (graph: Graph, a: Architecture, keys: string): Positions => ({
  cos: graph.input('cos', 'float32', ['T', a.headSize / 2]),
  sin: graph.input('sin', 'float32', ['T', a.headSize / 2]),
  mask: graph.input('mask', 'float32', ['RT', keys]),
});

/** Keys and values of one layer, [G,T,E] each, after rotation. */
export interface KeyValue {
  readonly keys: Var;
  readonly values: Var;
}

export interface Decoder {
  /** The normed last hidden states [T,D], and each layer's own keys and values. */
  readonly hidden: Var;
  readonly cache: readonly KeyValue[];
}

export interface DecoderOptions {
  readonly architecture: Architecture;
  readonly parameters: ReadonlyMap<string, Var>;
  readonly positions: Positions;
  readonly ids: Tensor;
  readonly lora?: { readonly factors: ReadonlyMap<string, Var>; readonly scale: number };
  /** Keys and values of the tokens before these, put in front of each layer's own. */
  readonly past?: readonly KeyValue[];
}

export const decoder = (tape: Tape, options: DecoderOptions): Decoder => {
  const { architecture: a, positions } = options;
  const repeats = a.heads / a.groups;
  const parameter = (name: string): Var => {
    const found = options.parameters.get(name);
    if (found === undefined) throw new Error(`no parameter ${name}`);
    return found;
  };
  const linear = (x: Var, name: string): Var => {
    const y = tape.linear(x, parameter(name));
    const names = loraNames(name);
    const down = options.lora?.factors.get(names.a);
    const up = options.lora?.factors.get(names.b);
    if (down === undefined || up === undefined) return y;
    return tape.add(y, tape.scaledLinear(tape.linear(x, down), up, options.lora?.scale ?? 1));
  };
  const norm = (x: Var, name: string): Var => tape.rmsNorm(x, parameter(name), a.epsilon, [0]);
  /** [T, count·E] → [count,T,E], normed per head where the family does that. */
  const split = (x: Var, count: number, normName: string | undefined): Var => {
    const heads = tape.reshape(x, [-1, count, a.headSize], [-1, count * a.headSize]);
    const normed = normName === undefined ? heads : tape.rmsNorm(heads, parameter(normName), a.epsilon, [0, 1]);
    return tape.transpose(normed, [1, 0, 2]);
  };

  const cache: KeyValue[] = [];
  const attention = (x: Var, layer: string, past: KeyValue | undefined): Var => {
    const at = `${layer}.self_attn`;
    const normOf = (name: string): string | undefined => (a.headNorms ? `${at}.${name}.weight` : undefined);
    const q = tape.rotate(
      split(linear(x, `${at}.q_proj.weight`), a.heads, normOf('q_norm')),
      positions.cos,
      positions.sin,
    );
    const k = tape.rotate(
      split(linear(x, `${at}.k_proj.weight`), a.groups, normOf('k_norm')),
      positions.cos,
      positions.sin,
    );
    const v = split(linear(x, `${at}.v_proj.weight`), a.groups, undefined);
    cache.push({ keys: k, values: v });
    const join = (before: Var, now: Var): Var => tape.constant(tape.graph.op('Concat', [before, now], { axis: 1 }));
    const keys = past === undefined ? k : join(past.keys, k);
    const values = past === undefined ? v : join(past.values, v);
    const grouped = tape.reshape(q, [a.groups, -1, a.headSize], [a.heads, -1, a.headSize]); // [G,R·T,E]
    const scores = tape.matmulTransposed(grouped, keys, a.headSize ** -0.5); // [G,R·T,keys]
    const mixed = tape.matmul(tape.softmax(scores, positions.mask), values); // [G,R·T,E]
    const heads = tape.reshape(mixed, [a.groups * repeats, -1, a.headSize], [a.groups, -1, a.headSize]); // [H,T,E]
    const flat = tape.reshape(tape.transpose(heads, [1, 0, 2]), [-1, a.heads * a.headSize], [-1, a.heads, a.headSize]);
    return linear(flat, `${at}.o_proj.weight`);
  };

  let x = tape.gather(parameter('model.embed_tokens.weight'), options.ids, a.vocabulary, a.hidden);
  for (let i = 0; i < a.layers; i++) {
    const layer = `model.layers.${i}`;
    x = tape.add(x, attention(norm(x, `${layer}.input_layernorm.weight`), layer, options.past?.[i]));
    const h = norm(x, `${layer}.post_attention_layernorm.weight`);
    const gated = tape.swiglu(linear(h, `${layer}.mlp.gate_proj.weight`), linear(h, `${layer}.mlp.up_proj.weight`));
    x = tape.add(x, linear(gated, `${layer}.mlp.down_proj.weight`));
  }
  return { hidden: norm(x, 'model.norm.weight'), cache };
};

/** The matrix that turns hidden states into logits: the embeddings themselves where they are tied. */
export const outputMatrix = (a: Architecture, parameters: ReadonlyMap<string, Var>): Var => {
  const matrix = parameters.get(a.tied ? 'model.embed_tokens.weight' : 'lm_head.weight');
  if (matrix === undefined) throw new Error('no output matrix');
  return matrix;
};
