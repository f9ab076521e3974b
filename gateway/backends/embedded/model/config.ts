// A checkpoint's config.json: what this engine computes exactly, and a clear refusal of everything else. A feature that
// is silently ignored gives plausible nonsense, so whatever changes the computation and is not known here is refused.
// Keys that are not there mean what transformers 5 takes for them, by model_type.
import { specialTokens } from '../../text/special.ts';
import { FAMILIES, type Family, type FamilyName } from './families.ts';
import { type Config, configSchema, type GenerationConfig, type Wrong } from './keys.ts';
import { type LayerKind, layerKinds } from './layers.ts';
import { foreignKind } from './refusals.ts';
import type { Rotation } from './rope.ts';
import { rotationsOf } from './rotations.ts';

export interface Architecture {
  readonly family: FamilyName;
  readonly vocabulary: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly layers: number;
  readonly heads: number;
  /** Key-value heads; fewer than heads is grouped-query attention. */
  readonly groups: number;
  readonly headSize: number;
  readonly epsilon: number;
  readonly tied: boolean;
  readonly norms: Family['norms'];
  readonly unitNorms: boolean;
  readonly queryNorms: Family['queryNorms'];
  readonly biases: { readonly qkv: boolean; readonly output: boolean; readonly mlp: boolean };
  readonly fused: boolean;
  readonly activation: 'silu' | 'gelu_tanh';
  readonly scales: Scales;
  /** Ways of rotating that the layers use, and each layer's own. */
  readonly rotations: readonly Rotation[];
  readonly kinds: readonly LayerKind[];
  /** Tokens of context. */
  readonly context: number;
  /** Stands before the first token of a text where the tokenizer puts nothing there: bos if the model has one, else eos. */
  readonly start: number;
  /** End a generation: those of config.json and of generation_config.json. */
  readonly ends: readonly number[];
}

/** Constant factors; 1 changes nothing. */
export interface Scales {
  readonly embeddings: number;
  /** Of what attention and feed-forward add. */
  readonly residual: number;
  /** Of queries times keys. */
  readonly attention: number;
  readonly logits: number;
  /** c·tanh(x/c) on attention scores and logits. */
  readonly attentionCap?: number;
  readonly logitCap?: number;
}

/** Tokens of context this engine serves at most: attention matrices are kept whole for the backward pass. */
export const MAX_CONTEXT = 4_096;

/** By model_type, as transformers' AutoModelForCausalLM; `architectures`, where it is there, must agree. */
const familyOf = (c: Config, wrong: Wrong): FamilyName => {
  const all = Object.entries(FAMILIES) as [FamilyName, Family][];
  const known = all.map(([, { architecture }]) => architecture).join(', ');
  const [name] = c.architectures ?? [];
  if (name === undefined && !c.model_type) return wrong('neither architectures nor model_type says what it is');
  const [type] = all.find(([, { architecture }]) => architecture === name) ?? [];
  if (name !== undefined && type === undefined) {
    return wrong(`architecture ${name} is not supported; known: ${known}`);
  }
  if (!c.model_type) return type as FamilyName; // a name was found above
  if (!Object.hasOwn(FAMILIES, c.model_type))
    return wrong(`model_type ${c.model_type} is not supported; known: ${known}`);
  if (type !== undefined && type !== c.model_type) {
    return wrong(`model_type ${c.model_type} and architecture ${name} do not go together`);
  }
  return c.model_type as FamilyName;
};

const ACTIVATIONS: Record<string, Architecture['activation']> = {
  silu: 'silu',
  swish: 'silu',
  gelu_pytorch_tanh: 'gelu_tanh',
  gelu_new: 'gelu_tanh',
};

const activationOf = (c: Config, family: Family, wrong: Wrong): Architecture['activation'] => {
  const name = c[family.activationKey] ?? family.defaults.activation;
  const known = Object.hasOwn(ACTIVATIONS, name) ? ACTIVATIONS[name] : undefined;
  return (
    known ?? wrong(`${family.activationKey} ${name} is not supported, only ${Object.keys(ACTIVATIONS).join(', ')}`)
  );
};

const biasesOf = (c: Config, family: Family, wrong: Wrong): Architecture['biases'] => {
  if (c.attention_bias && family.attentionBias === 'never') wrong('attention_bias is not a setting of this family');
  if (c.mlp_bias && family.mlpBias === 'never') wrong('mlp_bias is not a setting of this family');
  const attention = family.attentionBias === 'configured' && c.attention_bias === true;
  return { qkv: attention || family.attentionBias === 'qkv', output: attention, mlp: c.mlp_bias === true };
};

const scalesOf = (c: Config, family: Family, headSize: number, wrong: Wrong): Scales => {
  const plain = { embeddings: 1, residual: 1, attention: headSize ** -0.5, logits: 1 };
  if (family.scales === 'granite') {
    return {
      embeddings: c.embedding_multiplier ?? 1,
      residual: c.residual_multiplier ?? 1,
      attention: c.attention_multiplier ?? 1,
      logits: 1 / (c.logits_scaling ?? 1),
    };
  }
  if (family.scales !== 'gemma') return plain;
  const gemma2 = !family.localRotation;
  // a key that is absent has Gemma 2's default; null is none
  const attentionCap = c.attn_logit_softcapping === undefined && gemma2 ? 50 : c.attn_logit_softcapping;
  const logitCap = c.final_logit_softcapping === undefined && gemma2 ? 30 : c.final_logit_softcapping;
  if (attentionCap && !gemma2) wrong('attn_logit_softcapping is not a setting of this family');
  if (c.use_bidirectional_attention) wrong('use_bidirectional_attention is not supported');
  return {
    ...plain,
    embeddings: c.hidden_size ** 0.5,
    attention: (c.query_pre_attn_scalar ?? 256) ** -0.5,
    ...(attentionCap ? { attentionCap } : {}),
    ...(logitCap ? { logitCap } : {}),
  };
};

/** Parses config.json; throws an Error that says what is not supported. `where` is named in it. */
export const parseConfig = (json: unknown, where: string, generation: GenerationConfig = {}): Architecture => {
  const wrong = (what: string): never => {
    throw new Error(`${where}: ${what}`);
  };
  const foreign = foreignKind(json);
  if (foreign !== undefined) return wrong(foreign);
  const parsed = configSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return wrong(`${issue?.path.join('.')}: ${issue?.message}`);
  }
  const c = parsed.data;
  const name = familyOf(c, wrong);
  const family: Family = FAMILIES[name];
  const { defaults } = family;
  const heads = c.num_attention_heads;
  const groups = (c.num_key_value_heads === undefined ? defaults.groups : c.num_key_value_heads) ?? heads;
  if (heads % groups !== 0) wrong(`${heads} attention heads cannot share ${groups} key-value heads`);
  const headSize = c.head_dim ?? defaults.headSize ?? Math.floor(c.hidden_size / heads);
  if (headSize % 2 !== 0) wrong(`a head of ${headSize} dimensions cannot be rotated`);
  const positions = c.max_position_embeddings ?? defaults.context;
  const rotations = rotationsOf(c, family, headSize, positions, wrong);
  const context = Math.min(MAX_CONTEXT, positions, ...rotations.map(({ limit }) => limit));
  const kinds = layerKinds(family, { ...c, count: c.num_hidden_layers }, wrong).map(
    ({ sliding, window, rotates }): LayerKind => ({
      // a window that holds the whole context hides nothing
      window: window !== undefined && window < context ? window : undefined,
      rotation: rotates ? (sliding && family.localRotation ? 1 : 0) : undefined,
    }),
  );
  const eos = c.eos_token_id === undefined ? defaults.eos : c.eos_token_id;
  const bos = c.bos_token_id === undefined ? defaults.bos : c.bos_token_id;
  const { start, ends } = specialTokens({ bos, eos }, { bos: generation.bos_token_id, eos: generation.eos_token_id });
  if (start === undefined) return wrong('it names neither bos_token_id nor eos_token_id, so a text has no beginning');
  if (start >= c.vocab_size) wrong(`a text begins with token ${start}, but vocab_size is ${c.vocab_size}`);
  return {
    family: name,
    vocabulary: c.vocab_size,
    hidden: c.hidden_size,
    intermediate: c.intermediate_size,
    layers: c.num_hidden_layers,
    heads,
    groups,
    headSize,
    epsilon: c.rms_norm_eps ?? defaults.epsilon,
    tied: c.tie_word_embeddings ?? defaults.tied,
    norms: family.norms,
    unitNorms: family.unitNorms,
    queryNorms: family.queryNorms,
    biases: biasesOf(c, family, wrong),
    fused: family.fused,
    activation: activationOf(c, family, wrong),
    scales: scalesOf(c, family, headSize, wrong),
    rotations,
    kinds,
    context,
    start,
    ends,
  };
};
