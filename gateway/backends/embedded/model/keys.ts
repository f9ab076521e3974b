// The keys of config.json and generation_config.json that change what is computed, and their types.
import { z } from 'zod';

const token = z.int().min(0);
const size = z.int().min(1);
const positive = z.number().positive();
export const configSchema = z.object({
  model_type: z.string().nullish(),
  architectures: z.array(z.string()).nullish(),
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: z.int().min(2).nullish(),
  max_position_embeddings: size.nullish(),
  original_max_position_embeddings: size.nullish(),
  rms_norm_eps: positive.nullish(),
  tie_word_embeddings: z.boolean().nullish(),
  hidden_act: z.string().nullish(),
  hidden_activation: z.string().nullish(),
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  use_bidirectional_attention: z.union([z.boolean(), z.string()]).nullish(),
  use_sliding_window: z.boolean().nullish(),
  sliding_window: size.nullish(),
  sliding_window_pattern: size.nullish(),
  max_window_layers: z.int().min(0).nullish(),
  layer_types: z.array(z.string()).nullish(),
  no_rope_layers: z.array(z.int()).nullish(),
  no_rope_layer_interval: size.nullish(),
  rope_theta: positive.nullish(),
  rope_local_base_freq: positive.nullish(),
  partial_rotary_factor: positive.nullish(),
  rope_scaling: z.record(z.string(), z.unknown()).nullish(),
  rope_parameters: z.record(z.string(), z.unknown()).nullish(),
  query_pre_attn_scalar: positive.nullish(),
  attn_logit_softcapping: positive.nullish(),
  final_logit_softcapping: positive.nullish(),
  embedding_multiplier: positive.nullish(),
  residual_multiplier: positive.nullish(),
  attention_multiplier: positive.nullish(),
  logits_scaling: positive.nullish(),
  bos_token_id: token.nullish(),
  eos_token_id: z.union([token, z.array(token)]).nullish(),
});
export type Config = z.output<typeof configSchema>;
/** Throws an Error that names the file and says what is wrong with it. */
export type Wrong = (what: string) => never;

const generationSchema = z.object({ bos_token_id: token.nullish(), eos_token_id: configSchema.shape.eos_token_id });
export type GenerationConfig = Partial<z.output<typeof generationSchema>>;

/** Parses generation_config.json: an instruct checkpoint names its end tokens there, config.json often only one. */
export const parseGenerationConfig = (json: unknown, where: string): GenerationConfig => {
  const parsed = generationSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${where}: ${issue?.path.join('.')}: ${issue?.message}`);
};
