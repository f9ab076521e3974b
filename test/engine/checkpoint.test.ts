// What a model directory may get wrong, and what the engine says to it.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import { readArchitecture, readCheckpoint, readWeights } from '../../gateway/backends/embedded/model/checkpoint.ts';
import { parseConfig } from '../../gateway/backends/embedded/model/config.ts';
import { createModel } from '../../gateway/backends/embedded/model/model.ts';
import { readSafetensors } from '../../gateway/backends/embedded/model/safetensors.ts';
import { createSession } from '../../gateway/backends/embedded/session.ts';
import { at } from '../../wire/list.ts';
import { addTensor, golden, named, renameTensor, variant, wordTokenizer } from './variants.ts';

const sessionOptions = {
  model: 'm',
  method: 'full' as const,
  rank: 4,
  seed: 1,
  reuseGradients: false,
  optimiser: { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
};

let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'sift-checkpoint-'));
});
afterAll(() => rm(scratch, { recursive: true }));

const fileOf = async (
  name: string,
  header: string | Uint8Array,
  data: Uint8Array = new Uint8Array(),
): Promise<string> => {
  const head = typeof header === 'string' ? Buffer.from(header) : header;
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(head.length), true);
  const path = join(scratch, name);
  await writeFile(path, Buffer.concat([length, head, data]));
  return path;
};

describe('readSafetensors', () => {
  it('reads float32, float16 and bfloat16', async () => {
    const header = JSON.stringify({
      a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
      b: { dtype: 'F16', shape: [5], data_offsets: [8, 18] },
      c: { dtype: 'BF16', shape: [1, 3], data_offsets: [18, 24] },
      __metadata__: { format: 'pt' },
    });
    const f32 = new Uint8Array(Float32Array.of(1.5, -2).buffer);
    const f16 = new Uint8Array(Uint16Array.of(0x3c00, 0xc500, 0x0001, 0x7bff, 0x8000).buffer);
    const bf16 = new Uint8Array(Uint16Array.of(0x3f80, 0xbf00, 0x4049).buffer);
    const tensors = await readSafetensors(await fileOf('mixed', header, Buffer.concat([f32, f16, bf16])));
    expect(Array.from(tensors.get('a')?.data ?? [])).toEqual([1.5, -2]);
    expect(Array.from(tensors.get('b')?.data ?? [])).toEqual([1, -5, 2 ** -24, 65504, -0]);
    expect(Array.from(tensors.get('c')?.data ?? [])).toEqual([1, -0.5, 3.140625]);
    expect(tensors.get('c')?.shape).toEqual([1, 3]);
  });

  it('reads every number there is in float16', async () => {
    const all = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
    const header = JSON.stringify({ w: { dtype: 'F16', shape: [65_536], data_offsets: [0, 131_072] } });
    const tensors = await readSafetensors(await fileOf('halves', header, new Uint8Array(all.buffer)));
    const value = (half: number): number => {
      const [exponent, fraction] = [(half >> 10) & 0x1f, half & 0x3ff];
      if (exponent === 31) return fraction === 0 ? Number.POSITIVE_INFINITY : Number.NaN;
      return exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    };
    expect(tensors.get('w')?.data).toEqual(Float32Array.from(all, (half) => (half & 0x8000 ? -1 : 1) * value(half)));
  });

  const entry = (change: object): string =>
    JSON.stringify({ w: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...change } });
  it.each([
    ['a header that is not JSON', 'nonsense', 8, 'its header is not JSON'],
    ['a header that is no object', '[1]', 8, 'its header is not an object'],
    ['an unknown type', entry({ dtype: 'I8' }), 8, "'w' is I8; this reads F32, F16 and BF16"],
    ['a shape that does not fit the bytes', entry({ shape: [3] }), 8, "'w' has 8 bytes for shape [3] of F32"],
    ['data that ends early', entry({}), 4, "'w' ends at byte"],
    ['offsets past the end', entry({ data_offsets: [1e12, 1e12 + 8] }), 8, "'w' ends at byte"],
    ['negative offsets', entry({ data_offsets: [-8, 0] }), 8, "entry for 'w' is malformed"],
    ['a missing field', JSON.stringify({ w: { dtype: 'F32' } }), 8, "entry for 'w' is malformed"],
  ])('refuses %s', async (name, header, bytes, message) => {
    const path = await fileOf(name.replaceAll(' ', '-'), header, new Uint8Array(bytes));
    await expect(readSafetensors(path)).rejects.toThrow(message);
  });

  it('refuses a header longer than the file, and a missing file', async () => {
    const path = join(scratch, 'absurd');
    await writeFile(path, Buffer.from([255, 255, 255, 255, 255, 255, 255, 127, 0]));
    await expect(readSafetensors(path)).rejects.toThrow('claims a header of');
    await writeFile(path, Buffer.from([1, 2]));
    await expect(readSafetensors(path)).rejects.toThrow('is 2 bytes, too short');
    await expect(readSafetensors(join(scratch, 'none'))).rejects.toThrow('ENOENT');
  });
});

describe('parseConfig', () => {
  const read = async () =>
    JSON.parse(await readFile(join(golden('qwen3'), 'config.json'), 'utf8')) as Record<string, unknown>;

  it.each([
    [
      'another architecture',
      { architectures: ['MambaForCausalLM'] },
      'architecture MambaForCausalLM is not supported; known: Qwen2ForCausalLM, Qwen3ForCausalLM, LlamaForCausalLM',
    ],
    ['another model_type', { model_type: 'mamba', architectures: null }, 'model_type mamba is not supported; known: '],
    ['a name of the language', { model_type: 'toString', architectures: null }, 'model_type toString is not supported'],
    ['an activation of the language', { hidden_act: 'constructor' }, 'hidden_act constructor is not supported'],
    [
      'no kind at all',
      { architectures: undefined, model_type: undefined },
      'neither architectures nor model_type says what it is',
    ],
    ['two kinds', { model_type: 'llama' }, 'model_type llama and architecture Qwen3ForCausalLM do not go together'],
    [
      'another head',
      { architectures: ['Qwen3ForSequenceClassification'] },
      'architecture Qwen3ForSequenceClassification is not supported',
    ],
    [
      'a model that sees',
      { model_type: 'gemma3', architectures: ['Gemma3ForConditionalGeneration'], text_config: {} },
      'Gemma3ForConditionalGeneration wraps a text model beside images or sound',
    ],
    [
      'experts',
      { architectures: ['Qwen3MoeForCausalLM'], num_experts: 128 },
      'Qwen3MoeForCausalLM is a mixture of experts, which is not supported',
    ],
    [
      'the layout of GPT-2',
      { model_type: 'gpt2', architectures: ['GPT2LMHeadModel'], n_embd: 768, hidden_size: undefined },
      'GPT2LMHeadModel has the layout of GPT-2 (learned positions, LayerNorm), which is not supported',
    ],
    ['rope scaling', { rope_scaling: { rope_type: 'spiral', factor: 4 } }, "rope scaling 'spiral' is not supported"],
    ['rope without its numbers', { rope_parameters: { rope_type: 'llama3' } }, "rope scaling 'llama3' needs factor"],
    ['part of each head', { partial_rotary_factor: 0.5 }, 'partial_rotary_factor 0.5 is not a setting of this family'],
    [
      'rotations by kind of layer',
      { rope_parameters: { full_attention: { rope_theta: 5 } } },
      'rope_parameters by layer type is not a setting of this family',
    ],
    [
      'a theta that is no number',
      { rope_parameters: { rope_theta: '5' } },
      'rope_parameters.rope_theta: Invalid input',
    ],
    [
      'sliding layers without a window',
      { layer_types: ['full_attention', 'sliding_attention'] },
      'layer 1 is sliding_attention, but there is no sliding_window',
    ],
    [
      'layers of another kind',
      { layer_types: ['full_attention', 'linear_attention'] },
      'layers of type linear_attention are not supported',
    ],
    ['biases of the feed-forward', { mlp_bias: true }, 'mlp_bias is not a setting of this family'],
    [
      'another activation',
      { hidden_act: 'gelu' },
      'hidden_act gelu is not supported, only silu, swish, gelu_pytorch_tanh, gelu_new',
    ],
    [
      'quantised weights',
      { quantization_config: { bits: 4, quant_method: 'gptq' } },
      'quantised checkpoints (gptq) are not supported; use the f32, f16 or bf16 one',
    ],
    ['groups that do not divide', { num_key_value_heads: 3 }, '4 attention heads cannot share 3'],
    ['no beginning', { eos_token_id: null }, 'neither bos_token_id nor eos_token_id'],
    ['no sizes', { hidden_size: undefined }, 'hidden_size'],
  ])('refuses %s', async (_, change, message) => {
    const config = { ...(await read()), ...change };
    expect(() => parseConfig(config, 'config.json')).toThrow(message);
  });

  it('passes over what changes nothing: a quantisation of null, a window of a family without any', async () => {
    const config = { ...(await read()), quantization_config: null, attention_dropout: 0.1, sliding_window: 4 };
    expect(parseConfig(config, 'config.json')).toEqual(parseConfig(await read(), 'config.json'));
  });

  it('goes by model_type where there are no architectures, and by architectures where there is no model_type', async () => {
    const whole = parseConfig(await read(), 'config.json');
    expect(parseConfig({ ...(await read()), architectures: undefined }, 'config.json')).toEqual(whole);
    expect(parseConfig({ ...(await read()), model_type: undefined }, 'config.json')).toEqual(whole);
  });
});

describe('a model directory', () => {
  it('is refused when the weights lack a parameter or have another shape', async () => {
    const architecture = await readArchitecture(golden('qwen3'));
    await expect(readWeights(golden('qwen3'), { ...architecture, layers: 3 })).rejects.toThrow(
      "the weights lack 'model.layers.2.",
    );
    await expect(readWeights(golden('qwen3'), { ...architecture, vocabulary: 65 })).rejects.toThrow(
      "'model.embed_tokens.weight' has shape [64,32], config.json asks for [65,32]",
    );
  });

  it('may hold its weights in several files', async () => {
    const directory = join(scratch, 'sharded');
    await cp(golden('llama'), directory, { recursive: true });
    const architecture = await readArchitecture(directory);
    const { parameters: whole } = await readWeights(directory, architecture);
    await cp(join(directory, 'model.safetensors'), join(directory, 'model-00001-of-00001.safetensors'));
    await rm(join(directory, 'model.safetensors'));
    const weight_map = Object.fromEntries(
      Array.from(whole.keys(), (name) => [name, 'model-00001-of-00001.safetensors']),
    );
    await writeFile(join(directory, 'model.safetensors.index.json'), JSON.stringify({ weight_map }));
    expect((await readWeights(directory, architecture)).parameters).toEqual(whole);
    await writeFile(
      join(directory, 'model.safetensors.index.json'),
      JSON.stringify({ weight_map: { a: '../../secret' } }),
    );
    await expect(readWeights(directory, architecture)).rejects.toThrow('is not a file name');
  });

  it.each(['I64', 'I32', 'U8', 'BOOL', 'F8_E4M3', 'F64', 'of the future'])(
    'may hold tensors of type %s that nothing reads',
    async (type) => {
      const directory = await variant('chat');
      await addTensor(directory, 'model.rotary_emb.position_ids', type, new Uint8Array(24));
      const architecture = await readArchitecture(directory);
      const parameters = await readWeights(directory, architecture);
      expect(parameters).toEqual(await readWeights(golden('chat'), architecture));
      await rm(directory, { recursive: true });
    },
  );

  it('may not hold integers where weights belong', async () => {
    const architecture = await readArchitecture(golden('chat'));
    const directory = await variant('chat');
    await addTensor(directory, 'model.norm.weight', 'I64', new Uint8Array(8));
    await expect(readWeights(directory, architecture)).rejects.toThrow(
      "'model.norm.weight' is I64; this reads F32, F16 and BF16",
    );
    await rm(directory, { recursive: true });
  });

  it.each([
    ['a list', { eos_token_id: [2, 0] }, [0, 2]],
    ['a number', { eos_token_id: 2 }, [0, 2]],
    ['the same number', { eos_token_id: 0 }, [0]],
    ['none', {}, [0]],
    ['null', { eos_token_id: null }, [0]],
  ])('ends at the end tokens of both its files: %s', async (_, generation, ends) => {
    const directory = await variant('chat', { 'generation_config.json': () => generation });
    expect((await readArchitecture(directory)).ends).toEqual(ends);
    await rm(join(directory, 'generation_config.json'));
    expect((await readArchitecture(directory)).ends).toEqual([0]);
    await rm(directory, { recursive: true });
  });

  it('is refused when its generation_config.json is not one, or its first token has no embedding', async () => {
    const wrong = await variant('chat', { 'generation_config.json': () => ({ eos_token_id: 'end' }) });
    await expect(readArchitecture(wrong)).rejects.toThrow('generation_config.json: eos_token_id: Invalid input');
    const beyond = await variant('chat', { 'config.json': (json) => ({ ...json, bos_token_id: 320 }) });
    await expect(readArchitecture(beyond)).rejects.toThrow('a text begins with token 320, but vocab_size is 320');
    await Promise.all([wrong, beyond].map((directory) => rm(directory, { recursive: true })));
  });

  it('is refused when a text can become a token without an embedding', async () => {
    const directory = await named.oov?.();
    await expect(readCheckpoint(directory ?? '')).rejects.toThrow(
      /tokenizer\.json: the token '<tool>' has id 330, but the model has only 320 embeddings$/,
    );
    await rm(directory ?? '', { recursive: true });
  });

  describe('whose output is tied to the embeddings', () => {
    const loss = async (directory: string): Promise<number> => {
      const weights = await readWeights(directory, await readArchitecture(directory));
      const model = createModel({ ...weights, tokenizer: wordTokenizer([0]) }, 1);
      return (await createSession(model, sessionOptions).score('', '5 17 3 44')).bits;
    };

    it('may hold the same matrix twice, or once under the other name', async () => {
      const directory = await variant('qwen2');
      const before = await loss(directory);
      const tensors = await readSafetensors(join(directory, 'model.safetensors'));
      const { data, shape } = at(
        [...tensors].filter(([name]) => name === 'model.embed_tokens.weight'),
        0,
      )[1];
      await addTensor(directory, 'lm_head.weight', 'F32', new Uint8Array(data.buffer), shape);
      expect((await readWeights(directory, await readArchitecture(directory))).architecture.tied).toBe(true);
      expect(await loss(directory)).toBe(before);
      await renameTensor(directory, 'model.embed_tokens.weight', 'model.unused.weight');
      expect(await loss(directory)).toBe(before);
      await rm(directory, { recursive: true });
    });

    it('computes with a stored matrix that differs, as transformers does', async () => {
      const directory = golden('other_head');
      const described = await readArchitecture(directory);
      expect(described.tied).toBe(true);
      const { architecture, parameters } = await readWeights(directory, described);
      expect(architecture.tied).toBe(false);
      expect(parameters.has('lm_head.weight')).toBe(true);
    });

    it('is refused where the stored matrix is of another shape', async () => {
      const directory = await variant('qwen2');
      await addTensor(directory, 'lm_head.weight', 'F32', new Uint8Array(64));
      await expect(readWeights(directory, await readArchitecture(directory))).rejects.toThrow(
        "'lm_head.weight' has shape [16], config.json asks for [64,16]",
      );
      await rm(directory, { recursive: true });
    });
  });

  it('is refused where the output is neither stored nor tied', async () => {
    const directory = await variant('qwen2', { 'config.json': (json) => ({ ...json, tie_word_embeddings: false }) });
    await expect(readWeights(directory, await readArchitecture(directory))).rejects.toThrow(
      "the weights lack 'lm_head.weight', and config.json does not tie it to the embeddings (tie_word_embeddings)",
    );
    await rm(directory, { recursive: true });
  });

  describe('of another kind is named for what it is:', () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5\n';
    const config = async () => readFile(join(golden('qwen2'), 'config.json'), 'utf8');
    const files: [what: string, files: () => Promise<Record<string, string>>, message: RegExp][] = [
      [
        'pickled weights',
        async () => ({ 'config.json': await config(), 'pytorch_model.bin': '' }),
        /pytorch_model\.bin is a pickle of PyTorch's, which can run code and is not read; .*save_pretrained/,
      ],
      [
        'pickled weights in parts',
        async () => ({ 'config.json': await config(), 'pytorch_model-00001-of-00002.bin': '' }),
        /pytorch_model-00001-of-00002\.bin is a pickle/,
      ],
      [
        'GGUF',
        async () => ({ 'model.Q4_K_M.gguf': '' }),
        /has model\.Q4_K_M\.gguf but no config\.json; GGUF is not supported/,
      ],
      [
        'GGUF beside a config',
        async () => ({ 'config.json': await config(), 'm.gguf': '' }),
        /has m\.gguf but no model\.safetensors; GGUF is not supported/,
      ],
      [
        'an adapter',
        async () => ({ 'adapter_config.json': '{}', 'adapter_model.safetensors': '' }),
        /holds an adapter without its base model; merge them/,
      ],
      [
        'a pointer as config',
        async () => ({ 'config.json': pointer }),
        /config\.json: is a Git LFS pointer, not the file/,
      ],
      [
        'a pointer as weights',
        async () => ({ 'config.json': await config(), 'model.safetensors': pointer }),
        /model\.safetensors: is a Git LFS pointer, not the file itself; 'git lfs pull'/,
      ],
      ['nothing', async () => ({}), /config\.json cannot be read: ENOENT/],
      ['no weights', async () => ({ 'config.json': await config() }), /model\.safetensors: ENOENT/],
    ];
    it.each(files)('%s', async (_, contents, message) => {
      const directory = await mkdtemp(join(scratch, 'foreign-'));
      for (const [name, text] of Object.entries(await contents())) await writeFile(join(directory, name), text);
      const read = async () => readWeights(directory, await readArchitecture(directory));
      await expect(read()).rejects.toThrow(message);
    });

    it('a file', async () => {
      const gguf = join(scratch, 'm.gguf');
      await writeFile(gguf, 'GGUF');
      await expect(readArchitecture(gguf)).rejects.toThrow(
        `${gguf} is a GGUF file; a directory in Hugging Face layout`,
      );
      const weights = join(golden('qwen2'), 'model.safetensors');
      await expect(readArchitecture(weights)).rejects.toThrow(
        `${weights} is a file; a directory in Hugging Face layout`,
      );
    });
  });

  it('that cannot be read stops the backend with its path', async () => {
    await expect(createEmbeddedBackend({ models: { base: join(scratch, 'nowhere') } })).rejects.toThrow(
      'nowhere/config.json cannot be read',
    );
  });
});
