// The same embedder in Node, by the same runtime's native package: for the trial at start, for tests and for the study,
// which embeds thousands of texts. The edge never loads this.
import { readFile } from 'node:fs/promises';
import * as ort from 'onnxruntime-node';
import { createEncoder, type Encoder } from '../../tokenizer/encoder.ts';
import { messageOf } from '../../wire/message.ts';
import { type EmbedderFiles, readEmbedderFiles } from './directory.node.ts';
import type { Embedder } from './embedder.ts';
import { sentenceEmbedder } from './sentence.ts';
import { type Session, sessionOver } from './session.ts';
import { type Trial, tryEmbedder } from './trial.ts';

const open = async ({ tokenizer, tokenizerConfig, model }: EmbedderFiles): Promise<[Encoder, Session]> => {
  let encoder: Encoder;
  try {
    encoder = createEncoder(JSON.parse(await readFile(tokenizer, 'utf8')), tokenizerConfig);
  } catch (error) {
    throw new Error(`${tokenizer}: ${messageOf(error)}`);
  }
  const inner = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 4 }).catch(
    (error: unknown) => {
      throw new Error(`${model} cannot be loaded: ${messageOf(error)}`);
    },
  );
  return [encoder, sessionOver(inner, ort.Tensor)];
};

/** Opens the model and tries it; rejects with one sentence on what is wrong with it. */
export const tryFiles = async (files: EmbedderFiles): Promise<Trial> => {
  const [encoder, session] = await open(files);
  try {
    return await tryEmbedder(files.config, encoder, session);
  } catch (error) {
    throw new Error(`${files.model}: ${messageOf(error)}`, { cause: error });
  }
};

/** Reads an embedder's directory; rejects with the file's name in the message. `tried`: as the trial says. */
export const readEmbedder = async (directory: string, { tried = false } = {}): Promise<Embedder> => {
  const files = await readEmbedderFiles(directory);
  const { config } = tried ? await tryFiles(files) : files;
  const [encoder, session] = await open(files);
  return sentenceEmbedder(
    config,
    () => encoder,
    async () => session,
  );
};
