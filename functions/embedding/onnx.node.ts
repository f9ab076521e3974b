// The same embedder in Node, by the same runtime's native package: for tests and for the study, which embed thousands of
// texts. The edge never loads this.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import * as ort from 'onnxruntime-node';
import type { Embedder } from './embedder.ts';
import { parseEmbedderConfig, sentenceEmbedder } from './sentence.ts';
import { sessionOver } from './session.ts';

const readJson = async (path: string): Promise<object> => JSON.parse(await readFile(path, 'utf8')) as object;

/** Reads `config.json`, `tokenizer.json` and `model.onnx` of a directory; rejects with the file's name in the message. */
export const readEmbedder = async (directory: string): Promise<Embedder> => {
  const configPath = join(directory, 'config.json');
  const config = parseEmbedderConfig(await readJson(configPath), configPath);
  const tokenizer = new Tokenizer(await readJson(join(directory, 'tokenizer.json')), {});
  const inner = await ort.InferenceSession.create(join(directory, 'model.onnx'), { intraOpNumThreads: 1 });
  const session = sessionOver(inner, ort.Tensor);
  return sentenceEmbedder(
    config,
    () => tokenizer,
    async () => session,
  );
};
