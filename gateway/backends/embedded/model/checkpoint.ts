// A model directory in Hugging Face layout, read whole: config.json and generation_config.json, safetensors (one file or
// an index of several) and tokenizer.json. Everything a prompt will need is checked here, once, before the gateway says that it serves.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readTokenizer, type Tokenizer } from '../tokenizer/index.ts';
import { type Architecture, parameterShapes, parseConfig, parseGenerationConfig } from './config.ts';
import { readSafetensors, type StoredTensor } from './safetensors.ts';

export type Parameters = ReadonlyMap<string, Float32Array>;

export interface Checkpoint {
  readonly architecture: Architecture;
  /** Float32, shared between worker threads and never written. */
  readonly parameters: Parameters;
  readonly tokenizer: Tokenizer;
}

const json = async (path: string): Promise<unknown> => {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new Error(`${path} cannot be read: ${error instanceof Error ? error.message : error}`);
  });
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${path} is not JSON`);
  }
};

const shardIndex = z.object({ weight_map: z.record(z.string(), z.string().regex(/^[\w.-]+$/, 'is not a file name')) });

/** The tensors of these names; whatever else a checkpoint holds (buffers of integers, unused heads) is passed over. */
const readTensors = async (directory: string, names: ReadonlySet<string>): Promise<Map<string, StoredTensor>> => {
  const indexPath = join(directory, 'model.safetensors.index.json');
  const index = await readFile(indexPath, 'utf8').catch(() => undefined);
  if (index === undefined) return readSafetensors(join(directory, 'model.safetensors'), names);
  const parsed = shardIndex.safeParse(await json(indexPath));
  if (!parsed.success) throw new Error(`${indexPath}: ${parsed.error.issues[0]?.message}`);
  const all = new Map<string, StoredTensor>();
  const shards = Object.entries(parsed.data.weight_map).filter(([name]) => names.has(name));
  for (const shard of new Set(shards.map(([, file]) => file))) {
    for (const [name, tensor] of await readSafetensors(join(directory, shard), names)) all.set(name, tensor);
  }
  return all;
};

/** Only config.json and generation_config.json: enough to tell what a directory holds, without reading its weights. */
export const readArchitecture = async (directory: string): Promise<Architecture> => {
  const path = join(directory, 'config.json');
  const generationPath = join(directory, 'generation_config.json');
  const generation = existsSync(generationPath)
    ? parseGenerationConfig(await json(generationPath), generationPath)
    : {};
  return parseConfig(await json(path), path, generation);
};

export const readParameters = async (
  directory: string,
  architecture: Architecture,
): Promise<Map<string, Float32Array>> => {
  const shapes = parameterShapes(architecture);
  const stored = await readTensors(directory, new Set(shapes.keys()));
  const parameters = new Map<string, Float32Array>();
  for (const [name, shape] of shapes) {
    const tensor = stored.get(name);
    if (tensor === undefined) throw new Error(`${directory}: the weights lack '${name}'`);
    if (tensor.shape.join() !== shape.join()) {
      throw new Error(`${directory}: '${name}' has shape [${tensor.shape}], config.json asks for [${shape}]`);
    }
    parameters.set(name, tensor.data);
  }
  return parameters;
};

export const readCheckpoint = async (directory: string): Promise<Checkpoint> => {
  const architecture = await readArchitecture(directory);
  const [parameters, tokenizer] = await Promise.all([
    readParameters(directory, architecture),
    readTokenizer(directory, architecture.vocabulary),
  ]);
  return { architecture, parameters, tokenizer };
};
