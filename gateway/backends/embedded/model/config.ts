// A checkpoint's config.json: what this engine computes exactly, and a clear refusal of everything else. A feature that
// is silently ignored gives plausible nonsense, so whatever changes the computation and is not known here is refused.
import { z } from 'zod';

export interface Architecture {
  readonly family: 'qwen3' | 'llama';
  readonly vocabulary: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly layers: number;
  readonly heads: number;
  /** Key-value heads; fewer than heads is grouped-query attention. */
  readonly groups: number;
  readonly headSize: number;
  readonly ropeTheta: number;
  readonly epsilon: number;
  readonly tied: boolean;
  /** RMSNorm on each head's queries and keys (Qwen3). */
  readonly headNorms: boolean;
  /** Tokens of context. */
  readonly context: number;
  /** Stands before the first token of a text where the tokenizer puts nothing there: bos if the model has one, else eos. */
  readonly start: number;
  /** End a generation: those of config.json and of generation_config.json. */
  readonly ends: readonly number[];
}

/** Tokens of context this engine serves at most: attention matrices are kept whole for the backward pass. */
export const MAX_CONTEXT = 4_096;

const token = z.int().min(0);
const schema = z.object({
  architectures: z.array(z.string()).min(1),
  vocab_size: z.int().min(1),
  hidden_size: z.int().min(1),
  intermediate_size: z.int().min(1),
  num_hidden_layers: z.int().min(1),
  num_attention_heads: z.int().min(1),
  num_key_value_heads: z.int().min(1).nullish(),
  head_dim: z.int().min(2).nullish(),
  max_position_embeddings: z.int().min(1),
  rms_norm_eps: z.number().positive().default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  hidden_act: z.string().default('silu'),
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  use_sliding_window: z.boolean().nullish(),
  layer_types: z.array(z.string()).nullish(),
  rope_theta: z.number().positive().nullish(),
  rope_scaling: z.record(z.string(), z.unknown()).nullish(),
  rope_parameters: z.record(z.string(), z.unknown()).nullish(),
  quantization_config: z.unknown().optional(),
  bos_token_id: token.nullish(),
  eos_token_id: z.union([token, z.array(token)]).nullish(),
});

const generationSchema = z.object({ bos_token_id: token.nullish(), eos_token_id: schema.shape.eos_token_id });
export type GenerationConfig = Partial<z.output<typeof generationSchema>>;

/** Parses generation_config.json: an instruct checkpoint names its end tokens there, config.json often only one. */
export const parseGenerationConfig = (json: unknown, where: string): GenerationConfig => {
  const parsed = generationSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${where}: ${issue?.path.join('.')}: ${issue?.message}`);
};

const listOf = (ids: number | number[] | null | undefined): number[] => (typeof ids === 'number' ? [ids] : (ids ?? []));

const FAMILIES: Record<string, Architecture['family']> = { Qwen3ForCausalLM: 'qwen3', LlamaForCausalLM: 'llama' };

/** Parses config.json; throws an Error that says what is not supported. `where` is named in it. */
export const parseConfig = (json: unknown, where: string, generation: GenerationConfig = {}): Architecture => {
  const wrong = (what: string): never => {
    throw new Error(`${where}: ${what}`);
  };
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return wrong(`${issue?.path.join('.')}: ${issue?.message}`);
  }
  const c = parsed.data;
  const name = c.architectures[0] ?? '';
  const family = FAMILIES[name];
  if (family === undefined)
    return wrong(`architecture ${name} is not supported; known: ${Object.keys(FAMILIES).join(', ')}`);
  if (c.hidden_act !== 'silu') wrong(`hidden_act ${c.hidden_act} is not supported, only silu`);
  if (c.attention_bias) wrong('attention_bias is not supported');
  if (c.mlp_bias) wrong('mlp_bias is not supported');
  if (c.use_sliding_window || c.layer_types?.some((type) => type !== 'full_attention')) {
    wrong('sliding-window attention is not supported');
  }
  if (c.quantization_config !== undefined && c.quantization_config !== null)
    wrong('quantised checkpoints are not supported');
  // transformers 4 writes rope_theta and rope_scaling, transformers 5 rope_parameters
  const rope = { ...c.rope_scaling, ...c.rope_parameters };
  const kind = rope.rope_type ?? rope.type ?? 'default';
  if (kind !== 'default') wrong(`rope scaling '${kind}' is not supported`);
  const theta = c.rope_theta ?? (typeof rope.rope_theta === 'number' ? rope.rope_theta : 10_000);
  const groups = c.num_key_value_heads ?? c.num_attention_heads;
  if (c.num_attention_heads % groups !== 0) {
    wrong(`${c.num_attention_heads} attention heads cannot share ${groups} key-value heads`);
  }
  const headSize = c.head_dim ?? c.hidden_size / c.num_attention_heads;
  if (!Number.isInteger(headSize) || headSize % 2 !== 0) wrong(`a head of ${headSize} dimensions cannot be rotated`);
  const ends = [...new Set([...listOf(c.eos_token_id), ...listOf(generation.eos_token_id)])];
  const start = c.bos_token_id ?? generation.bos_token_id ?? ends[0];
  if (start === undefined) return wrong('it names neither bos_token_id nor eos_token_id, so a text has no beginning');
  if (start >= c.vocab_size) wrong(`a text begins with token ${start}, but vocab_size is ${c.vocab_size}`);
  return {
    family,
    vocabulary: c.vocab_size,
    hidden: c.hidden_size,
    intermediate: c.intermediate_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    groups,
    headSize,
    ropeTheta: theta,
    epsilon: c.rms_norm_eps,
    tied: c.tie_word_embeddings,
    headNorms: family === 'qwen3',
    context: Math.min(c.max_position_embeddings, MAX_CONTEXT),
    start,
    ends,
  };
};

/** Names and shapes of a checkpoint's parameters, in transformers' own naming. */
export const parameterShapes = (a: Architecture): Map<string, readonly number[]> => {
  const shapes = new Map<string, readonly number[]>([['model.embed_tokens.weight', [a.vocabulary, a.hidden]]]);
  for (let i = 0; i < a.layers; i++) {
    const layer = `model.layers.${i}`;
    shapes.set(`${layer}.input_layernorm.weight`, [a.hidden]);
    shapes.set(`${layer}.self_attn.q_proj.weight`, [a.heads * a.headSize, a.hidden]);
    shapes.set(`${layer}.self_attn.k_proj.weight`, [a.groups * a.headSize, a.hidden]);
    shapes.set(`${layer}.self_attn.v_proj.weight`, [a.groups * a.headSize, a.hidden]);
    shapes.set(`${layer}.self_attn.o_proj.weight`, [a.hidden, a.heads * a.headSize]);
    if (a.headNorms) {
      shapes.set(`${layer}.self_attn.q_norm.weight`, [a.headSize]);
      shapes.set(`${layer}.self_attn.k_norm.weight`, [a.headSize]);
    }
    shapes.set(`${layer}.post_attention_layernorm.weight`, [a.hidden]);
    shapes.set(`${layer}.mlp.gate_proj.weight`, [a.intermediate, a.hidden]);
    shapes.set(`${layer}.mlp.up_proj.weight`, [a.intermediate, a.hidden]);
    shapes.set(`${layer}.mlp.down_proj.weight`, [a.hidden, a.intermediate]);
  }
  shapes.set('model.norm.weight', [a.hidden]);
  if (!a.tied) shapes.set('lm_head.weight', [a.vocabulary, a.hidden]);
  return shapes;
};

/** The matrices LoRA adapts: every linear layer but the embeddings, as PEFT's "all-linear". */
export const loraTargets = (a: Architecture): string[] =>
  [...parameterShapes(a)]
    .filter(([name, shape]) => shape.length === 2 && name.includes('.layers.'))
    .map(([name]) => name);
