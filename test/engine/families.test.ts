// What keeps the golden checkpoints honest: each feature that sets a family apart changes the loss of its checkpoint, so
// an engine that left it out would be found out. And configurations in the shape of
// models that people have, written from memory: the hub was not at hand.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readArchitecture, readWeights } from '../../gateway/backends/embedded/model/checkpoint.ts';
import { type Architecture, parseConfig } from '../../gateway/backends/embedded/model/config.ts';
import { createModel, sequenceFeeds, weightFeeds } from '../../gateway/backends/embedded/model/model.ts';
import { parameterShapes } from '../../gateway/backends/embedded/model/parameters.ts';
import { floats, ints } from '../../gateway/backends/embedded/runtime.ts';
import { golden, wordTokenizer } from './variants.ts';

type Change = (a: Architecture) => Architecture;
const scaled =
  (change: Partial<Record<keyof Architecture['scales'], number | undefined>>): Change =>
  (a) => ({ ...a, scales: { ...a.scales, ...change } as Architecture['scales'] });
const without: Record<string, Change> = {
  windows: (a) => ({ ...a, kinds: a.kinds.map((kind) => ({ ...kind, window: undefined })) }),
  'a window one token narrower': (a) => ({
    ...a,
    kinds: a.kinds.map((kind) => ({ ...kind, window: kind.window === undefined ? undefined : kind.window - 1 })),
  }),
  'layers without positions, or with their own': (a) => ({
    ...a,
    kinds: a.kinds.map((kind) => ({ ...kind, rotation: 0 })),
  }),
  'rope scaling': (a) => ({
    ...a,
    rotations: a.rotations.map(({ frequencies, ...rest }) => ({
      ...rest,
      frequencies: frequencies.map((_, i) => 10_000 ** (-i / frequencies.length)),
    })),
  }),
  'the factor of rope scaling': (a) => ({ ...a, rotations: a.rotations.map((rest) => ({ ...rest, scale: 1 })) }),
  '1 + weight': (a) => ({ ...a, unitNorms: false }),
  GELU: (a) => ({ ...a, activation: 'silu' }),
  'the scale of embeddings': scaled({ embeddings: 1 }),
  'the scale of what is added': scaled({ residual: 1 }),
  'the scale of logits': scaled({ logits: 1 }),
  'the scale of scores': (a) => scaled({ attention: a.headSize ** -0.5 })(a),
  'the cap of scores': scaled({ attentionCap: undefined }),
  'the cap of logits': scaled({ logitCap: undefined }),
};
const features: [name: string, features: (keyof typeof without)[]][] = [
  ['qwen2', ['windows', 'a window one token narrower']],
  ['llama3', ['rope scaling']],
  ['mistral', ['windows', 'a window one token narrower']],
  ['phi3', ['windows', 'a window one token narrower', 'rope scaling', 'the factor of rope scaling']],
  [
    'gemma2',
    [
      'windows',
      '1 + weight',
      'GELU',
      'the scale of embeddings',
      'the scale of scores',
      'the cap of scores',
      'the cap of logits',
    ],
  ],
  [
    'gemma3',
    [
      'windows',
      'layers without positions, or with their own',
      'rope scaling',
      '1 + weight',
      'GELU',
      'the scale of embeddings',
      'the scale of scores',
    ],
  ],
  ['smollm3', ['layers without positions, or with their own']],
  ['olmo2', ['rope scaling', 'the factor of rope scaling']],
  ['granite', ['the scale of embeddings', 'the scale of what is added', 'the scale of scores', 'the scale of logits']],
];

describe.each(features)('the checkpoint %s has another loss', (name, names) => {
  it.each(names)('without %s', async (feature) => {
    const { ids, loss } = JSON.parse(readFileSync(`${golden(name)}/golden.json`, 'utf8')) as {
      ids: number[];
      loss: number;
    };
    const { architecture, parameters } = await readWeights(golden(name), await readArchitecture(golden(name)));
    const changed = without[feature]?.(architecture) ?? architecture;
    const model = createModel({ architecture: changed, parameters, tokenizer: wordTokenizer() }, 1);
    const count = ids.length - 1;
    const outputs = await (await model.training(0)).run({
      ...weightFeeds(changed, parameters),
      ...sequenceFeeds(changed, ids.slice(0, -1)),
      targets: ints(ids.slice(1)),
      weights: floats(new Float32Array(count).fill(1 / count), [count]),
    });
    // ten times what the comparison with transformers allows, and more
    expect(Math.abs((outputs.loss?.[0] ?? Number.NaN) - loss)).toBeGreaterThan(5e-5);
  });
});

/** Sizes and keys as remembered, with the remembered number of parameters as a check; not copies of the hub's files. */
const known: Record<string, { config: object; parameters: number; is: Partial<Architecture> }> = {
  'Qwen2.5-0.5B-Instruct': {
    config: {
      architectures: ['Qwen2ForCausalLM'],
      bos_token_id: 151643,
      eos_token_id: 151645,
      hidden_act: 'silu',
      hidden_size: 896,
      intermediate_size: 4864,
      max_position_embeddings: 32768,
      max_window_layers: 21,
      model_type: 'qwen2',
      num_attention_heads: 14,
      num_hidden_layers: 24,
      num_key_value_heads: 2,
      rms_norm_eps: 1e-6,
      rope_theta: 1e6,
      sliding_window: 32768,
      tie_word_embeddings: true,
      use_sliding_window: false,
      vocab_size: 151936,
    },
    parameters: 494_032_768,
    is: { headSize: 64, tied: true },
  },
  'Llama-3.2-1B': {
    config: {
      architectures: ['LlamaForCausalLM'],
      attention_bias: false,
      bos_token_id: 128000,
      eos_token_id: 128001,
      head_dim: 64,
      hidden_act: 'silu',
      hidden_size: 2048,
      intermediate_size: 8192,
      max_position_embeddings: 131072,
      mlp_bias: false,
      model_type: 'llama',
      num_attention_heads: 32,
      num_hidden_layers: 16,
      num_key_value_heads: 8,
      pretraining_tp: 1,
      rms_norm_eps: 1e-5,
      rope_scaling: {
        factor: 32,
        high_freq_factor: 4,
        low_freq_factor: 1,
        original_max_position_embeddings: 8192,
        rope_type: 'llama3',
      },
      rope_theta: 500000,
      tie_word_embeddings: true,
      vocab_size: 128256,
    },
    parameters: 1_235_814_400,
    is: { epsilon: 1e-5, context: 4096 },
  },
  'Mistral-7B-v0.1': {
    config: {
      architectures: ['MistralForCausalLM'],
      bos_token_id: 1,
      eos_token_id: 2,
      hidden_act: 'silu',
      hidden_size: 4096,
      intermediate_size: 14336,
      max_position_embeddings: 32768,
      model_type: 'mistral',
      num_attention_heads: 32,
      num_hidden_layers: 32,
      num_key_value_heads: 8,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      sliding_window: 4096,
      tie_word_embeddings: false,
      vocab_size: 32000,
    },
    parameters: 7_241_732_096,
    is: { headSize: 128, context: 4096 },
  },
  'Phi-3-mini-128k-instruct': {
    config: {
      architectures: ['Phi3ForCausalLM'],
      attention_bias: false,
      bos_token_id: 1,
      eos_token_id: 32000,
      hidden_act: 'silu',
      hidden_size: 3072,
      intermediate_size: 8192,
      max_position_embeddings: 131072,
      model_type: 'phi3',
      num_attention_heads: 32,
      num_hidden_layers: 32,
      num_key_value_heads: 32,
      original_max_position_embeddings: 4096,
      rms_norm_eps: 1e-5,
      rope_scaling: { long_factor: Array(48).fill(2), short_factor: Array(48).fill(1.1), type: 'longrope' },
      rope_theta: 10000,
      sliding_window: 262144,
      tie_word_embeddings: false,
      vocab_size: 32064,
    },
    parameters: 3_821_079_552,
    is: { headSize: 96, context: 4096, fused: true },
  },
  'gemma-2-2b': {
    config: {
      architectures: ['Gemma2ForCausalLM'],
      attention_bias: false,
      attn_logit_softcapping: 50,
      bos_token_id: 2,
      cache_implementation: 'hybrid',
      eos_token_id: 1,
      final_logit_softcapping: 30,
      head_dim: 256,
      hidden_act: 'gelu_pytorch_tanh',
      hidden_activation: 'gelu_pytorch_tanh',
      hidden_size: 2304,
      intermediate_size: 9216,
      max_position_embeddings: 8192,
      model_type: 'gemma2',
      num_attention_heads: 8,
      num_hidden_layers: 26,
      num_key_value_heads: 4,
      query_pre_attn_scalar: 256,
      rms_norm_eps: 1e-6,
      rope_theta: 10000,
      sliding_window: 4096,
      vocab_size: 256000,
    },
    parameters: 2_614_341_888,
    is: { tied: true, context: 4096 },
  },
  'gemma-3-270m': {
    config: {
      _sliding_window_pattern: 6,
      architectures: ['Gemma3ForCausalLM'],
      attention_bias: false,
      attn_logit_softcapping: null,
      bos_token_id: 2,
      eos_token_id: 1,
      final_logit_softcapping: null,
      head_dim: 256,
      hidden_activation: 'gelu_pytorch_tanh',
      hidden_size: 640,
      intermediate_size: 2048,
      layer_types: Array.from({ length: 18 }, (_, i) => ((i + 1) % 6 ? 'sliding_attention' : 'full_attention')),
      max_position_embeddings: 32768,
      model_type: 'gemma3_text',
      num_attention_heads: 4,
      num_hidden_layers: 18,
      num_key_value_heads: 1,
      query_pre_attn_scalar: 256,
      rms_norm_eps: 1e-6,
      rope_local_base_freq: 10000,
      rope_scaling: null,
      rope_theta: 1000000,
      sliding_window: 512,
      use_bidirectional_attention: false,
      vocab_size: 262144,
    },
    parameters: 268_098_176,
    is: { tied: true, context: 4096 },
  },
  'SmolLM3-3B': {
    config: {
      architectures: ['SmolLM3ForCausalLM'],
      attention_bias: false,
      bos_token_id: null,
      eos_token_id: 128012,
      hidden_act: 'silu',
      hidden_size: 2048,
      intermediate_size: 11008,
      layer_types: Array(36).fill('full_attention'),
      max_position_embeddings: 65536,
      max_window_layers: 28,
      mlp_bias: false,
      model_type: 'smollm3',
      no_rope_layers: Array.from({ length: 36 }, (_, i) => ((i + 1) % 4 ? 1 : 0)),
      num_attention_heads: 16,
      num_hidden_layers: 36,
      num_key_value_heads: 4,
      pad_token_id: 128004,
      rms_norm_eps: 1e-6,
      rope_scaling: null,
      rope_theta: 5000000,
      sliding_window: null,
      use_sliding_window: false,
      vocab_size: 128256,
    },
    parameters: 3_075_098_624,
    is: { tied: true },
  },
};

describe('a configuration in the shape of a known model', () => {
  it.each(Object.entries(known))('%s is read, with as many parameters as it says', (_, { config, parameters, is }) => {
    const a = parseConfig(config, 'config.json');
    expect(a).toMatchObject(is);
    const sizes = [...parameterShapes(a).values()].map((shape) => shape.reduce((product, size) => product * size, 1));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(parameters);
  });
});
