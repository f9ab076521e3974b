// Names and shapes of a checkpoint's parameters, in transformers' own naming, and which of them LoRA adapts.
import type { Architecture } from './config.ts';

export const EMBEDDINGS = 'model.embed_tokens.weight';
export const OUTPUT = 'lm_head.weight';

export const biasOf = (weight: string): string => weight.replace(/\.weight$/, '.bias');

/** A layer's linear maps, [out, in] by name within the layer, and whether they have a bias. */
const linears = (a: Architecture): [name: string, out: number, into: number, bias: boolean][] => {
  const [queries, keys] = [a.heads * a.headSize, a.groups * a.headSize];
  const attention: [string, number, number, boolean][] = a.fused
    ? [['self_attn.qkv_proj', queries + 2 * keys, a.hidden, a.biases.qkv]]
    : [
        ['self_attn.q_proj', queries, a.hidden, a.biases.qkv],
        ['self_attn.k_proj', keys, a.hidden, a.biases.qkv],
        ['self_attn.v_proj', keys, a.hidden, a.biases.qkv],
      ];
  const mlp: [string, number, number, boolean][] = a.fused
    ? [['mlp.gate_up_proj', 2 * a.intermediate, a.hidden, a.biases.mlp]]
    : [
        ['mlp.gate_proj', a.intermediate, a.hidden, a.biases.mlp],
        ['mlp.up_proj', a.intermediate, a.hidden, a.biases.mlp],
      ];
  return [
    ...attention,
    ['self_attn.o_proj', a.hidden, queries, a.biases.output],
    ...mlp,
    ['mlp.down_proj', a.hidden, a.intermediate, a.biases.mlp],
  ];
};

const norms = (a: Architecture): [name: string, size: number][] => {
  const names = {
    before: ['input_layernorm', 'post_attention_layernorm'],
    after: ['post_attention_layernorm', 'post_feedforward_layernorm'],
    both: ['input_layernorm', 'post_attention_layernorm', 'pre_feedforward_layernorm', 'post_feedforward_layernorm'],
  }[a.norms];
  const ofHeads: [string, number][] =
    a.queryNorms === 'none'
      ? []
      : [
          ['self_attn.q_norm', a.queryNorms === 'row' ? a.heads * a.headSize : a.headSize],
          ['self_attn.k_norm', a.queryNorms === 'row' ? a.groups * a.headSize : a.headSize],
        ];
  return [...names.map((name): [string, number] => [name, a.hidden]), ...ofHeads];
};

export const parameterShapes = (a: Architecture): Map<string, readonly number[]> => {
  const shapes = new Map<string, readonly number[]>([[EMBEDDINGS, [a.vocabulary, a.hidden]]]);
  for (let i = 0; i < a.layers; i++) {
    const layer = `model.layers.${i}`;
    for (const [name, size] of norms(a)) shapes.set(`${layer}.${name}.weight`, [size]);
    for (const [name, out, into, bias] of linears(a)) {
      shapes.set(`${layer}.${name}.weight`, [out, into]);
      if (bias) shapes.set(`${layer}.${name}.bias`, [out]);
    }
  }
  shapes.set('model.norm.weight', [a.hidden]);
  if (!a.tied) shapes.set(OUTPUT, [a.vocabulary, a.hidden]);
  return shapes;
};

/** The matrices LoRA adapts: every linear layer but the embeddings, as PEFT's "all-linear"; fused ones as they are. */
export const loraTargets = (a: Architecture): string[] =>
  [...parameterShapes(a)]
    .filter(([name, shape]) => shape.length === 2 && name.includes('.layers.'))
    .map(([name]) => name);
