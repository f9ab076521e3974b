// Texts to unit vectors in Node, by the rules of functions/embedding/onnx.ts: an example is read from its beginning, a
// prompt from its end, texts of similar length share a batch. Any directory with config.json, tokenizer.json, model.onnx.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import * as ort from 'onnxruntime-node';
import { z } from 'zod';
import type { Keep } from '../functions/embedding/embedder.ts';
import { UsageError } from '../start/options.ts';
import { EMBED_BATCH } from '../wire/limits.ts';

const configuration = z.object({
  model: z.string(),
  dimensions: z.int().positive(),
  max_tokens: z.int().positive(),
});

/** Characters that surely fill the window. */
const CHARACTERS_PER_TOKEN = 16;

export interface NodeEmbedder {
  readonly name: string;
  readonly dimensions: number;
  embed(texts: readonly string[], keep: Keep, done?: (texts: number) => void): Promise<Float32Array[]>;
}

export const loadEmbedder = async (directory: string): Promise<NodeEmbedder> => {
  const read = async (file: string) =>
    readFile(join(directory, file), 'utf8').catch((error: unknown) => {
      throw new UsageError(`--embedder ${directory}: ${error instanceof Error ? error.message : error}`);
    });
  const parsed = configuration.safeParse(JSON.parse(await read('config.json')));
  if (!parsed.success) throw new UsageError(`--embedder ${directory}: config.json ${z.prettifyError(parsed.error)}`);
  const { model, dimensions, max_tokens: window } = parsed.data;
  const tokenizer = new Tokenizer(JSON.parse(await read('tokenizer.json')), {});
  const session = await ort.InferenceSession.create(join(directory, 'model.onnx'), {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });

  const tokenise = (text: string, keep: Keep): number[] => {
    const most = window * CHARACTERS_PER_TOKEN;
    const { ids } = tokenizer.encode(keep === 'head' ? text.slice(0, most) : text.slice(-most));
    return keep === 'head' ? ids.slice(0, window) : ids.slice(-window);
  };
  const run = async (batch: readonly number[][]): Promise<Float32Array[]> => {
    const width = Math.max(1, ...batch.map(({ length }) => length));
    const ids = new BigInt64Array(batch.length * width);
    const mask = new BigInt64Array(batch.length * width);
    for (const [row, tokens] of batch.entries()) {
      for (const [column, id] of tokens.entries()) {
        ids[row * width + column] = BigInt(id);
        mask[row * width + column] = 1n;
      }
    }
    const shape = [batch.length, width];
    const { sentence_embedding: out } = await session.run({
      input_ids: new ort.Tensor('int64', ids, shape),
      attention_mask: new ort.Tensor('int64', mask, shape),
    });
    const { data } = out ?? {};
    if (!(data instanceof Float32Array) || data.length !== batch.length * dimensions) {
      throw new UsageError(`--embedder ${directory}: model.onnx gives no ${dimensions} values a text`);
    }
    return batch.map((_, row) => data.slice(row * dimensions, (row + 1) * dimensions));
  };

  return {
    name: model,
    dimensions,
    async embed(texts, keep, done) {
      const tokens = texts.map((text, index) => ({ index, ids: tokenise(text, keep) }));
      tokens.sort((a, b) => a.ids.length - b.ids.length);
      const vectors: Float32Array[] = new Array(texts.length);
      for (let at = 0; at < tokens.length; at += EMBED_BATCH) {
        const batch = tokens.slice(at, at + EMBED_BATCH);
        const rows = await run(batch.map(({ ids }) => ids));
        for (const [i, { index }] of batch.entries()) vectors[index] = rows[i] ?? new Float32Array(dimensions);
        done?.(Math.min(tokens.length, at + EMBED_BATCH));
      }
      return vectors;
    },
  };
};
