// A model directory in Hugging Face layout, read whole: config.json and generation_config.json, safetensors (one file or
// an index of several) and tokenizer.json. Everything a prompt will need is checked here, once, before the gateway says that it serves.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Tokenizer } from '../../../../tokenizer/index.ts';
import { readTokenizer } from '../../../../tokenizer/read.node.ts';
import { messageOf } from '../../../../wire/message.ts';
import { type Chat, createChat } from '../../text/chat/chat.ts';
import { CHAT_TEMPLATE, type ChatSource, chatSource, LEGACY_CHAT_TEMPLATE } from '../../text/chat/source.ts';
import { type Architecture, parseConfig } from './config.ts';
import { parseGenerationConfig } from './keys.ts';
import { EMBEDDINGS, OUTPUT, parameterShapes } from './parameters.ts';
import { foreignDirectory, isLfsPointer, LFS_WORDS } from './refusals.ts';
import { readSafetensors, type StoredTensor } from './safetensors.ts';

export type Parameters = ReadonlyMap<string, Float32Array>;

export interface Checkpoint {
  readonly architecture: Architecture;
  /** Float32, shared between worker threads and never written. */
  readonly parameters: Parameters;
  readonly tokenizer: Tokenizer;
  /** How it writes conversations; absent: plainly. */
  readonly chat?: Chat;
}

const json = async (directory: string, name: string): Promise<unknown> => {
  const path = join(directory, name);
  const bytes = await readFile(path).catch(async (error: unknown) => {
    const foreign = await foreignDirectory(directory, name);
    throw new Error(foreign ?? `${path} cannot be read: ${messageOf(error)}`);
  });
  if (isLfsPointer(bytes)) throw new Error(`${path}: ${LFS_WORDS}`);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new Error(`${path} is not JSON`);
  }
};

const shardIndex = z.object({ weight_map: z.record(z.string(), z.string().regex(/^[\w.-]+$/, 'is not a file name')) });

/** The tensors of these names; whatever else a checkpoint holds (buffers of integers, unused heads) is passed over. */
const readTensors = async (directory: string, names: ReadonlySet<string>): Promise<Map<string, StoredTensor>> => {
  const [whole, index] = ['model.safetensors', 'model.safetensors.index.json'] as const;
  if (!existsSync(join(directory, index))) {
    const foreign = existsSync(join(directory, whole)) ? undefined : await foreignDirectory(directory, whole);
    if (foreign !== undefined) throw new Error(foreign);
    return readSafetensors(join(directory, whole), names);
  }
  const parsed = shardIndex.safeParse(await json(directory, index));
  if (!parsed.success) throw new Error(`${join(directory, index)}: ${parsed.error.issues[0]?.message}`);
  const all = new Map<string, StoredTensor>();
  const shards = Object.entries(parsed.data.weight_map).filter(([name]) => names.has(name));
  for (const shard of new Set(shards.map(([, file]) => file))) {
    for (const [name, tensor] of await readSafetensors(join(directory, shard), names)) all.set(name, tensor);
  }
  return all;
};

/** Only config.json and generation_config.json: enough to tell what a directory holds, without reading its weights. */
export const readArchitecture = async (directory: string): Promise<Architecture> => {
  const [config, generation] = ['config.json', 'generation_config.json'] as const;
  const generationPath = join(directory, generation);
  const parsed = existsSync(generationPath)
    ? parseGenerationConfig(await json(directory, generation), generationPath)
    : {};
  return parseConfig(await json(directory, config), join(directory, config), parsed);
};

/** The parameters that an architecture names, of the shapes it names, out of what is stored. */
const select = (
  directory: string,
  architecture: Architecture,
  stored: ReadonlyMap<string, StoredTensor>,
): Map<string, Float32Array> => {
  const parameters = new Map<string, Float32Array>();
  for (const [name, shape] of parameterShapes(architecture)) {
    const tensor = stored.get(name);
    if (tensor === undefined) {
      const why = name === OUTPUT ? ', and config.json does not tie it to the embeddings (tie_word_embeddings)' : '';
      throw new Error(`${directory}: the weights lack '${name}'${why}`);
    }
    if (tensor.shape.join() !== shape.join()) {
      throw new Error(`${directory}: '${name}' has shape [${tensor.shape}], config.json asks for [${shape}]`);
    }
    parameters.set(name, tensor.data);
  }
  return parameters;
};

const equal = (a: Float32Array, b: Float32Array): boolean =>
  Buffer.compare(
    Buffer.from(a.buffer, a.byteOffset, a.byteLength),
    Buffer.from(b.buffer, b.byteOffset, b.byteLength),
  ) === 0;

/**
 * The weights, and the architecture they make: where config.json ties the output to the embeddings, the file has the
 * last word, as in transformers 5. A stored lm_head that differs is used by itself; one without embeddings is both.
 */
export const readWeights = async (
  directory: string,
  architecture: Architecture,
): Promise<{ architecture: Architecture; parameters: Map<string, Float32Array> }> => {
  const stored = await readTensors(directory, new Set([...parameterShapes(architecture).keys(), OUTPUT]));
  const [embeddings, output] = [stored.get(EMBEDDINGS), stored.get(OUTPUT)];
  if (architecture.tied && output !== undefined) {
    if (embeddings === undefined) stored.set(EMBEDDINGS, output);
    else if (output.shape.join() !== embeddings.shape.join() || !equal(embeddings.data, output.data)) {
      const untied = { ...architecture, tied: false };
      return { architecture: untied, parameters: select(directory, untied, stored) };
    }
  }
  return { architecture, parameters: select(directory, architecture, stored) };
};

const optional = async (directory: string, name: string): Promise<unknown> =>
  existsSync(join(directory, name)) ? json(directory, name) : undefined;

const readChat = async (directory: string): Promise<ChatSource | undefined> => {
  const template = join(directory, CHAT_TEMPLATE);
  const [config, legacy, jinja] = await Promise.all([
    optional(directory, 'tokenizer_config.json'),
    optional(directory, LEGACY_CHAT_TEMPLATE),
    existsSync(template) ? readFile(template, 'utf8') : undefined,
  ]);
  return chatSource({ config, legacy, jinja });
};

export const readCheckpoint = async (directory: string): Promise<Checkpoint> => {
  const described = await readArchitecture(directory);
  const [weights, tokenizer] = await Promise.all([
    readWeights(directory, described),
    readTokenizer(directory, described.vocabulary),
  ]);
  return { ...weights, tokenizer, chat: createChat(await readChat(directory), tokenizer) };
};
