// What a model directory may get wrong, and what the engine says to it.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import { readArchitecture, readCheckpoint, readParameters } from '../../gateway/backends/embedded/model/checkpoint.ts';
import { parseConfig } from '../../gateway/backends/embedded/model/config.ts';
import { readSafetensors } from '../../gateway/backends/embedded/model/safetensors.ts';
import { addTensor, golden, named, variant } from './variants.ts';

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
    ['another architecture', { architectures: ['MambaForCausalLM'] }, 'architecture MambaForCausalLM is not supported'],
    [
      'rope scaling',
      { rope_scaling: { rope_type: 'yarn', factor: 4 }, rope_parameters: null },
      "rope scaling 'yarn' is not supported",
    ],
    ['rope scaling as transformers 5 writes it', { rope_parameters: { rope_type: 'llama3' } }, "rope scaling 'llama3'"],
    ['a sliding window', { use_sliding_window: true }, 'sliding-window attention'],
    ['sliding layers', { layer_types: ['full_attention', 'sliding_attention'] }, 'sliding-window attention'],
    ['biases', { attention_bias: true }, 'attention_bias is not supported'],
    ['another activation', { hidden_act: 'gelu' }, 'hidden_act gelu'],
    ['quantised weights', { quantization_config: { bits: 4 } }, 'quantised checkpoints'],
    ['groups that do not divide', { num_key_value_heads: 3 }, '4 attention heads cannot share 3'],
    ['no beginning', { eos_token_id: null }, 'neither bos_token_id nor eos_token_id'],
    ['no sizes', { hidden_size: undefined }, 'hidden_size'],
  ])('refuses %s', async (_, change, message) => {
    const config = { ...(await read()), ...change };
    expect(() => parseConfig(config, 'config.json')).toThrow(message);
  });

  it('reads rope_theta where transformers 4 and 5 put it', async () => {
    expect((await readArchitecture(golden('llama'))).ropeTheta).toBe(5000);
    const { rope_parameters: _, ...old } = { ...(await read()), rope_theta: 123 } as Record<string, unknown>;
    expect(parseConfig(old, 'config.json').ropeTheta).toBe(123);
  });
});

describe('a model directory', () => {
  it('is refused when the weights lack a parameter or have another shape', async () => {
    const architecture = await readArchitecture(golden('qwen3'));
    await expect(readParameters(golden('qwen3'), { ...architecture, layers: 3 })).rejects.toThrow(
      "the weights lack 'model.layers.2.",
    );
    await expect(readParameters(golden('qwen3'), { ...architecture, vocabulary: 65 })).rejects.toThrow(
      "'model.embed_tokens.weight' has shape [64,32], config.json asks for [65,32]",
    );
  });

  it('may hold its weights in several files', async () => {
    const directory = join(scratch, 'sharded');
    await cp(golden('llama'), directory, { recursive: true });
    const architecture = await readArchitecture(directory);
    const whole = await readParameters(directory, architecture);
    await cp(join(directory, 'model.safetensors'), join(directory, 'model-00001-of-00001.safetensors'));
    await rm(join(directory, 'model.safetensors'));
    const weight_map = Object.fromEntries(
      Array.from(whole.keys(), (name) => [name, 'model-00001-of-00001.safetensors']),
    );
    await writeFile(join(directory, 'model.safetensors.index.json'), JSON.stringify({ weight_map }));
    expect(await readParameters(directory, architecture)).toEqual(whole);
    await writeFile(
      join(directory, 'model.safetensors.index.json'),
      JSON.stringify({ weight_map: { a: '../../secret' } }),
    );
    await expect(readParameters(directory, architecture)).rejects.toThrow('is not a file name');
  });

  it.each(['I64', 'I32', 'U8', 'BOOL', 'F8_E4M3', 'F64', 'of the future'])(
    'may hold tensors of type %s that nothing reads',
    async (type) => {
      const directory = await variant('chat');
      await addTensor(directory, 'model.rotary_emb.position_ids', type, new Uint8Array(24));
      await addTensor(directory, 'lm_head.weight', type, new Uint8Array(8)); // its embeddings are tied
      const architecture = await readArchitecture(directory);
      const parameters = await readParameters(directory, architecture);
      expect(parameters).toEqual(await readParameters(golden('chat'), architecture));
      await rm(directory, { recursive: true });
    },
  );

  it('may not hold integers where weights belong', async () => {
    const architecture = await readArchitecture(golden('chat'));
    const directory = await variant('chat');
    await addTensor(directory, 'model.norm.weight', 'I64', new Uint8Array(8));
    await expect(readParameters(directory, architecture)).rejects.toThrow(
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

  it('that cannot be read stops the backend with its path', async () => {
    await expect(createEmbeddedBackend({ models: { base: join(scratch, 'nowhere') } })).rejects.toThrow(
      'nowhere/config.json cannot be read',
    );
  });
});
