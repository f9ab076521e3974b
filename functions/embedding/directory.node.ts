// The files of an embedder: which of a directory's are read, in which order of choice, and what they say together. Two
// layouts: our own (config.json, tokenizer.json, model.onnx) and the hub's (sentence-transformers, with or without onnx/).
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { messageOf } from '../../wire/message.ts';
import { type EmbedderConfig, parseEmbedderConfig } from './config.ts';
import { externalFiles } from './external.node.ts';
import { type HubFiles, hubConfig, modulesOf } from './hub.ts';

export interface EmbedderFiles {
  /** Absolute. */
  readonly directory: string;
  readonly config: EmbedderConfig;
  readonly tokenizer: string;
  /** The JSON of tokenizer_config.json. */
  readonly tokenizerConfig: object;
  readonly model: string;
  /** Weights beside the model: the name that it has for them, and where they are. */
  readonly external: readonly { readonly name: string; readonly path: string }[];
  readonly dimensions: number;
  /** Changes with any byte of what is read. */
  readonly fingerprint: string;
  /** What the user should know, a sentence each. */
  readonly notes: readonly string[];
}

/** Where the model may be, the first that is there; with several others the user has to choose. */
const CHOICES = ['model.onnx', 'onnx/model.onnx', 'onnx/model_fp16.onnx', 'onnx/model_quantized.onnx'] as const;
const LFS = 'version https://git-lfs';

const bytesOf = async (path: string): Promise<Buffer> => {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new Error(`${path} cannot be read: ${messageOf(error)}`);
  });
  if (bytes.subarray(0, LFS.length).toString('latin1') === LFS) {
    throw new Error(
      `${path} is a pointer of Git LFS, not the file itself: run git lfs pull there, or download the file`,
    );
  }
  return bytes;
};

const parsed = (bytes: Buffer, path: string): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new Error(`${path} is not JSON`);
  }
};

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

/** A file's JSON; undefined where there is none. */
const jsonIfThere = async (path: string): Promise<unknown> =>
  (await isFile(path)) ? parsed(await bytesOf(path), path) : undefined;

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const findModel = async (directory: string, base: string): Promise<string> => {
  const places = [...new Set([directory, base])].flatMap((place) => CHOICES.map((choice) => join(place, choice)));
  for (const place of places) if (await isFile(place)) return place;
  const names = await readdir(join(directory, 'onnx')).catch((): string[] => []);
  const [only, ...more] = names.filter((name) => name.endsWith('.onnx'));
  if (only !== undefined && more.length === 0) return join(directory, 'onnx', only);
  if (only !== undefined) {
    throw new Error(
      `${directory} has none of ${CHOICES.join(', ')}: choose one of onnx/${[only, ...more].join(', onnx/')} (--embedder DIR/onnx/FILE)`,
    );
  }
  throw new Error(
    `${directory} has no ONNX model (${CHOICES.join(', ')}): download the model's onnx folder, or run ` +
      `python training/embedder_onnx.py ${directory}`,
  );
};

const SENTENCE_CONFIG = /^sentence_\w+_config\.json$/;

const hubFilesOf = async (directory: string, base: string, modules: unknown): Promise<HubFiles> => {
  const pooling = modules === undefined ? undefined : modulesOf(modules).find(({ type }) => type.endsWith('.Pooling'));
  const sentence = (await readdir(base)).find((name) => SENTENCE_CONFIG.test(name));
  return {
    modules,
    pooling: pooling === undefined ? undefined : await jsonIfThere(join(directory, pooling.path, 'config.json')),
    sentence: sentence === undefined ? undefined : await jsonIfThere(join(base, sentence)),
    prompts: await jsonIfThere(join(directory, 'config_sentence_transformers.json')),
    transformer: await jsonIfThere(join(base, 'config.json')),
    tokenizer: await jsonIfThere(join(base, 'tokenizer_config.json')),
    own: await jsonIfThere(join(directory, 'sift.json')),
  };
};

/** DIR, DIR/model.onnx or DIR/onnx/FILE.onnx: the directory, and the model where one was named. */
const named = async (path: string): Promise<{ directory: string; model?: string }> => {
  if (!path.endsWith('.onnx') || !(await isFile(path))) return { directory: path };
  const within = dirname(path);
  const inFolder = basename(within) === 'onnx' && !(await isFile(join(within, 'tokenizer.json')));
  return { directory: inFolder ? dirname(within) : within, model: path };
};

/** Rejects with an Error of one sentence. */
export const readEmbedderFiles = async (path: string): Promise<EmbedderFiles> => {
  const { directory, model: chosen } = await named(resolve(path));
  const modules = await jsonIfThere(join(directory, 'modules.json'));
  const configPath = join(directory, 'config.json');
  const [transformer] = modules === undefined ? [] : modulesOf(modules);
  const base = join(directory, transformer?.path ?? '');
  const fromHub =
    modules !== undefined ||
    (await jsonIfThere(configPath).then((json) => isObject(json) && ('model_type' in json || 'architectures' in json)));

  const model = chosen ?? (fromHub ? await findModel(directory, base) : join(directory, 'model.onnx'));
  const tokenizer = join(base, 'tokenizer.json');
  const tokenizerConfig = (await jsonIfThere(join(base, 'tokenizer_config.json'))) ?? {};
  if (!isObject(tokenizerConfig)) throw new Error(`${join(base, 'tokenizer_config.json')} is no object`);

  let configBytes: string | Buffer;
  let notes: readonly string[] = [];
  let hub: ReturnType<typeof hubConfig>['config'] | undefined;
  if (fromHub) {
    try {
      ({ config: hub, notes } = hubConfig(await hubFilesOf(directory, base, modules)));
    } catch (error) {
      throw new Error(`${directory}: ${messageOf(error)}`);
    }
    configBytes = JSON.stringify([hub, tokenizerConfig]);
  } else configBytes = await bytesOf(configPath);

  const sum = createHash('sha256').update(configBytes);
  sum.update(await bytesOf(tokenizer));
  const modelBytes = await bytesOf(model);
  sum.update(modelBytes);
  const external = await externalFiles(model, modelBytes);
  for (const one of external) sum.update(await bytesOf(one.path));
  const fingerprint = sum.digest('hex');
  const config =
    hub === undefined
      ? parseEmbedderConfig(parsed(Buffer.from(configBytes), configPath), configPath)
      : parseEmbedderConfig({ model: `${basename(directory)}-${fingerprint.slice(0, 8)}`, ...hub }, directory);
  const { dimensions } = config;
  return { directory, config, tokenizer, tokenizerConfig, model, external, dimensions, fingerprint, notes };
};
