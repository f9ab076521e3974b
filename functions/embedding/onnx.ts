// The embedder in models/embedder, run inside workerd by onnxruntime-web's plain WASM provider: no service, no network.
// One session per isolate, made at the first use (about half a second, most of it compiling 14 MB of WASM).
// Trade-off: texts are cut to the model's window; one thread; nothing else of the isolate runs meanwhile.
import { Tokenizer } from '@huggingface/tokenizers';
import runtime from 'onnxruntime-web/ort-wasm-simd-threaded.wasm';
import * as ort from 'onnxruntime-web/wasm';
import config from '../../models/embedder/config.json';
import model from '../../models/embedder/model.onnx';
import tokenizerJson from '../../models/embedder/tokenizer.json';
import { FaultError } from '../../wire/fault.ts';
import { EMBED_BATCH } from '../../wire/limits.ts';
import type { Embedder, Keep } from './embedder.ts';

/** Characters that surely fill the window: no token of these vocabularies is longer on average. */
const CHARACTERS_PER_TOKEN = 16;

const createSession = async (): Promise<ort.InferenceSession> => {
  ort.env.wasm.numThreads = 1;
  // an empty binary makes the library use the glue code in its bundle rather than fetch it
  ort.env.wasm.wasmBinary = new ArrayBuffer(0);
  // workerd forbids compiling bytes; the library instantiates by name, so for this moment it is handed the module instead
  const { instantiate } = WebAssembly;
  const precompiled = async (source: unknown, imports?: WebAssembly.Imports) =>
    source instanceof WebAssembly.Module
      ? instantiate(source, imports)
      : { module: runtime, instance: await instantiate(runtime, imports) };
  Object.assign(WebAssembly, { instantiate: precompiled });
  try {
    return await ort.InferenceSession.create(new Uint8Array(model), { executionProviders: ['wasm'] });
  } finally {
    Object.assign(WebAssembly, { instantiate });
  }
};

let tokenizer: Tokenizer | undefined;
let session: Promise<ort.InferenceSession> | undefined;

const ready = (): Promise<ort.InferenceSession> => {
  session ??= createSession().catch((error: unknown) => {
    session = undefined; // the next request tries again
    throw error;
  });
  return session;
};

const tokenise = (text: string, keep: Keep): number[] => {
  tokenizer ??= new Tokenizer(tokenizerJson, {});
  const most = config.max_tokens * CHARACTERS_PER_TOKEN;
  const { ids } = tokenizer.encode(keep === 'head' ? text.slice(0, most) : text.slice(-most));
  return keep === 'head' ? ids.slice(0, config.max_tokens) : ids.slice(-config.max_tokens);
};

/** Runs the model on texts of similar length, padded to the longest. */
const run = async (batch: readonly number[][]): Promise<Float32Array<ArrayBuffer>[]> => {
  const width = Math.max(1, ...batch.map((ids) => ids.length));
  const ids = new BigInt64Array(batch.length * width);
  const mask = new BigInt64Array(batch.length * width);
  for (const [row, tokens] of batch.entries()) {
    for (const [column, id] of tokens.entries()) {
      ids[row * width + column] = BigInt(id);
      mask[row * width + column] = 1n;
    }
  }
  const shape = [batch.length, width];
  const { sentence_embedding: out } = await (await ready()).run({
    input_ids: new ort.Tensor('int64', ids, shape),
    attention_mask: new ort.Tensor('int64', mask, shape),
  });
  if (out === undefined || !(out.data instanceof Float32Array) || out.dims[1] !== config.dimensions) {
    throw new FaultError({ kind: 'embedder', message: `the model gave no ${config.dimensions} values a text` });
  }
  const values = Float32Array.from(out.data);
  out.dispose();
  return batch.map((_, row) => values.slice(row * config.dimensions, (row + 1) * config.dimensions));
};

export const onnxEmbedder: Embedder = {
  name: `onnx:${config.model}`,
  dimensions: config.dimensions,
  async embed(texts, keep) {
    try {
      const tokens = texts.map((text, index) => ({ index, ids: tokenise(text, keep) }));
      // neighbours of similar length waste the least padding
      tokens.sort((a, b) => a.ids.length - b.ids.length);
      const vectors: Float32Array<ArrayBuffer>[] = [];
      for (let at = 0; at < tokens.length; at += EMBED_BATCH) {
        const batch = tokens.slice(at, at + EMBED_BATCH);
        const rows = await run(batch.map(({ ids }) => ids));
        for (const [i, { index }] of batch.entries()) vectors[index] = rows[i] ?? new Float32Array(config.dimensions);
      }
      return vectors;
    } catch (error) {
      if (error instanceof FaultError) throw error;
      throw new FaultError(
        { kind: 'embedder', message: error instanceof Error ? error.message : String(error) },
        error,
      );
    }
  },
};
