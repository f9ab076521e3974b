// The decoder families this engine computes exactly, by transformers' model_type: how each differs from a plain Llama, and
// what transformers 5 fills in where config.json leaves a key out. A family is a row of this table; whatever a row does
// not say is Llama's.

export interface Family {
  /** transformers' class, as `architectures` names it. */
  readonly architecture: string;
  /** Where RMSNorm stands about attention and feed-forward: before each, after each, or both. */
  readonly norms: 'before' | 'after' | 'both';
  /** RMSNorm multiplies by 1 + weight. */
  readonly unitNorms: boolean;
  /** RMSNorm on queries and keys: of each head by itself, or of all heads of a token as one row. */
  readonly queryNorms: 'none' | 'head' | 'row';
  /** Queries, keys and values have biases: always, if attention_bias says so (then the output too), or never. */
  readonly attentionBias: 'qkv' | 'configured' | 'never';
  readonly mlpBias: 'configured' | 'never';
  /** One matrix for queries, keys and values, and one for gate and up. */
  readonly fused: boolean;
  /** The key of config.json that names the activation. */
  readonly activationKey: 'hidden_act' | 'hidden_activation';
  /** Which layers see only a window: none, all, or by layer_types with this family's own default. */
  readonly windows: 'none' | 'all' | 'qwen' | 'gemma' | 'smollm3';
  /** Rotates only the part of a head that partial_rotary_factor names. */
  readonly partialRotation: boolean;
  /** Own rotation for sliding layers (rope_local_base_freq). */
  readonly localRotation: boolean;
  readonly scales: 'none' | 'gemma' | 'granite';
  readonly defaults: Defaults;
}

/** Values of keys that config.json does not hold; undefined: derived, or none. */
export interface Defaults {
  readonly context: number;
  readonly epsilon: number;
  readonly tied: boolean;
  /** Key-value heads; undefined: as many as heads. */
  readonly groups?: number;
  /** undefined: hidden_size / heads. */
  readonly headSize?: number;
  readonly activation: string;
  readonly theta: number;
  readonly window?: number;
  readonly originalContext?: number;
  readonly bos?: number;
  readonly eos?: number;
}

const llama: Family = {
  architecture: 'LlamaForCausalLM',
  norms: 'before',
  unitNorms: false,
  queryNorms: 'none',
  attentionBias: 'configured',
  mlpBias: 'configured',
  fused: false,
  activationKey: 'hidden_act',
  windows: 'none',
  partialRotation: false,
  localRotation: false,
  scales: 'none',
  defaults: { context: 2_048, epsilon: 1e-6, tied: false, activation: 'silu', theta: 10_000, bos: 1, eos: 2 },
};

const qwenDefaults: Defaults = {
  context: 32_768,
  epsilon: 1e-6,
  tied: false,
  groups: 32,
  activation: 'silu',
  theta: 10_000,
  window: 4_096,
};

const gemma2: Family = {
  ...llama,
  architecture: 'Gemma2ForCausalLM',
  norms: 'both',
  unitNorms: true,
  mlpBias: 'never',
  activationKey: 'hidden_activation',
  windows: 'gemma',
  scales: 'gemma',
  defaults: {
    context: 8_192,
    epsilon: 1e-6,
    tied: true,
    groups: 4,
    headSize: 256,
    activation: 'gelu_pytorch_tanh',
    theta: 10_000,
    window: 4_096,
    bos: 2,
    eos: 1,
  },
};

export const FAMILIES = {
  qwen2: {
    ...llama,
    architecture: 'Qwen2ForCausalLM',
    attentionBias: 'qkv',
    mlpBias: 'never',
    windows: 'qwen',
    defaults: qwenDefaults,
  },
  qwen3: {
    ...llama,
    architecture: 'Qwen3ForCausalLM',
    queryNorms: 'head',
    mlpBias: 'never',
    windows: 'qwen',
    defaults: { ...qwenDefaults, headSize: 128 },
  },
  llama,
  mistral: {
    ...llama,
    architecture: 'MistralForCausalLM',
    attentionBias: 'never',
    mlpBias: 'never',
    windows: 'all',
    defaults: { ...llama.defaults, context: 131_072, groups: 8, window: 4_096 },
  },
  phi3: {
    ...llama,
    architecture: 'Phi3ForCausalLM',
    attentionBias: 'never',
    mlpBias: 'never',
    fused: true,
    windows: 'all',
    partialRotation: true,
    defaults: { ...llama.defaults, context: 4_096, epsilon: 1e-5, originalContext: 4_096, eos: 32_000 },
  },
  gemma2,
  gemma3_text: {
    ...gemma2,
    architecture: 'Gemma3ForCausalLM',
    queryNorms: 'head',
    localRotation: true,
    defaults: { ...gemma2.defaults, context: 131_072, theta: 1_000_000 },
  },
  smollm3: {
    ...llama,
    architecture: 'SmolLM3ForCausalLM',
    windows: 'smollm3',
    defaults: {
      ...llama.defaults,
      context: 32_768,
      tied: true,
      groups: 4,
      theta: 2_000_000,
      bos: 128_000,
      eos: 128_001,
    },
  },
  olmo2: {
    ...llama,
    architecture: 'Olmo2ForCausalLM',
    norms: 'after',
    queryNorms: 'row',
    mlpBias: 'never',
    defaults: { context: 2_048, epsilon: 1e-5, tied: false, activation: 'silu', theta: 10_000, eos: 50_279 },
  },
  granite: { ...llama, architecture: 'GraniteForCausalLM', scales: 'granite' },
} as const satisfies Record<string, Family>;

export type FamilyName = keyof typeof FAMILIES;
