// A Qwen3 checkpoint of two small layers over bytes, with random weights: small enough that the whole contract runs on a CPU
// in seconds, in PyTorch too.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../gateway/backends/embedded/model/config.ts';
import { parameterShapes } from '../../gateway/backends/embedded/model/parameters.ts';
import { seededRandom } from '../../wire/random.ts';
import { END, tinyFiles } from '../gateway/tiny-model.ts';

const CONFIG = {
  architectures: ['Qwen3ForCausalLM'],
  model_type: 'qwen3',
  hidden_act: 'silu',
  tie_word_embeddings: true,
  attention_bias: false,
  use_sliding_window: false,
  sliding_window: null,
  bos_token_id: null,
  eos_token_id: END,
  vocab_size: END + 1,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 16,
  max_position_embeddings: 512,
  rope_theta: 10_000,
  rms_norm_eps: 1e-6,
};

/** safetensors: eight bytes of the header's length, the header, the data. */
const safetensors = (tensors: ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>): Buffer => {
  let end = 0;
  const header: Record<string, unknown> = {};
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify({ ...header, __metadata__: { format: 'pt' } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const data = Array.from(tensors.values(), (tensor) => Buffer.from(tensor.data.buffer));
  return Buffer.concat([length, json, ...data]);
};

/** Its directory, made anew. */
export const tinyCheckpoint = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'sift-tiny-'));
  const random = seededRandom(3);
  const tensors = new Map(
    Array.from(parameterShapes(parseConfig(CONFIG, 'config.json')), ([name, shape]) => {
      const count = shape.reduce((all, size) => all * size, 1);
      const value = (): number => (name.endsWith('norm.weight') ? 1 : 0.6 * (random() - 0.5));
      return [name, { shape, data: Float32Array.from({ length: count }, value) }] as const;
    }),
  );
  for (const [name, text] of Object.entries({ ...tinyFiles(), 'config.json': JSON.stringify(CONFIG) })) {
    writeFileSync(join(directory, name), text);
  }
  writeFileSync(join(directory, 'model.safetensors'), safetensors(tensors));
  return directory;
};
