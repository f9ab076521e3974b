// What all runs of the study share, made once: documents, prompts, corpus, vectors, what each prompt may see of the corpus,
// and the fingerprint that says which results belong to it.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../cli/arguments.ts';
import { readEmbedderFiles } from '../../functions/embedding/directory.node.ts';
import type { Embedder } from '../../functions/embedding/embedder.ts';
import { readEmbedder } from '../../functions/embedding/onnx.node.ts';
import type { Kernel } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { at } from '../../wire/list.ts';
import { messageOf } from '../../wire/message.ts';
import { buildCorpus, type Corpus, type Cut, holdersOf, type PromptView } from './corpus.ts';
import { type Drawn, draw, HALF, type Prompt, withoutPromptTwins } from './prompts.ts';
import type { Source } from './sources.ts';
import { withoutTwins } from './twins.ts';
import { remembering } from './vectors.ts';

/** Raised whenever a change of the code gives other results for the same inputs. */
export const PROTOCOL = 2;

/** The cut of the corpus where a figure names no other. */
export const PRODUCT: Cut = 'overlapping';

/** What is scored: what follows the prompt, as the product is used; or the prompt itself, as in the paper. */
export type Scored = 'continuation' | 'prompt';

/** Which examples a selection may see. */
export interface Visible {
  readonly cut: Cut;
  /** Of the prompt's own package. */
  readonly siblings: boolean;
  /** Of other forms of files (CommonJS beside ESM). */
  readonly forms: boolean;
}

export interface Setting {
  readonly study: readonly Prompt[];
  readonly tuning: readonly Prompt[];
  /** Cut as the product does. */
  readonly corpus: Corpus;
  /** Documents of the corpus. */
  readonly documents: number;
  readonly kernel: Kernel;
  readonly modelDirectory: string;
  /** First half of the SHA-256 of the weights, and the embedder's name. */
  readonly model: string;
  readonly embedder: string;
  readonly fingerprint: string;
  /** Milliseconds of one prompt's embedding. */
  readonly embedMs: number;
  vectorOf(prompt: Prompt): Float32Array;
  /** Also hides the examples that hold a part of the text that is scored. */
  viewOf(prompt: Prompt, visible: Visible, scored: Scored): PromptView;
}

export interface SettingOptions {
  readonly sources: readonly Source[];
  /** Documents that the prompts are drawn from; absent: the sources. */
  readonly prompts?: readonly Source[];
  readonly domains?: readonly string[];
  readonly study: number;
  readonly tuning: number;
  readonly least: number;
  /** Cuts of the corpus to prepare besides the product's. */
  readonly cuts: readonly Cut[];
  readonly model: string;
  readonly embedder: string;
  /** Where vectors are kept for the next run. */
  readonly state: string;
}

const loadEmbedder = (directory: string): Promise<Embedder> =>
  readEmbedder(directory, { tried: true }).catch((error: unknown) => {
    throw new UsageError(`--embedder ${directory}: ${messageOf(error)}`);
  });

const fileHash = async (path: string): Promise<string> =>
  readFile(path).then(
    (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 32),
    (error: unknown) => {
      throw new UsageError(`${path} cannot be read: ${messageOf(error)}`);
    },
  );

/** The model's hash, by which ledgers and vectors of our own layout are known; with prefixes, that of all its files. */
const embedderHashOf = async (path: string): Promise<string> => {
  const { config, fingerprint, model } = await readEmbedderFiles(path);
  return config.prompts === undefined ? fileHash(model) : fingerprint.slice(0, 32);
};

/** Prompts are no twins of each other. The corpus keeps its twins, as a user's does: the study is about redundancy. */
const drawn = (options: SettingOptions): Drawn => {
  const { sources, prompts, study, tuning, least, domains } = options;
  const wanted = { study, tuning, least, ...(domains === undefined ? {} : { domains }) };
  // of separate documents all may become prompts; of the corpus' own most must stay in it
  const asked =
    prompts === undefined
      ? draw(withoutTwins(sources.filter(({ form }) => form !== true)), wanted)
      : draw(
          withoutTwins(prompts).map((source) => ({ ...source, path: `prompts/${source.path}` })),
          { ...wanted, share: 1 },
        );
  return { ...asked, corpus: withoutPromptTwins(sources, [...asked.study, ...asked.tuning]) };
};

/** Which examples hold a part of each prompt's scored text, by cut and by what is scored. */
const holdersIn = (corpora: ReadonlyMap<Cut, Corpus>, prompts: readonly Prompt[]) =>
  new Map(
    Array.from(corpora, ([cut, corpus]) => [
      cut,
      {
        continuation: holdersOf(
          corpus,
          prompts.map(({ continuation }) => continuation),
        ),
        prompt: holdersOf(
          corpus,
          prompts.map(({ prompt }) => prompt),
        ),
      },
    ]),
  );

const fingerprintOf = (model: string, embedder: string, corpus: Corpus): string => {
  const sum = createHash('sha256').update(`${PROTOCOL}\n${model}\n${embedder}\n`);
  // the mean of most embedders is left in, and their results stay what they are
  if (corpus.mean !== undefined) sum.update('less the mean\n');
  for (const { text } of corpus.examples) sum.update(`${text.length}\n${text}`);
  return sum.digest('hex').slice(0, 16);
};

export const prepare = async (options: SettingOptions): Promise<Setting> => {
  const { study, tuning, corpus: kept } = drawn(options);
  // a chunk that both forms share counts as the main form's
  const sources = [...kept.filter(({ form }) => form !== true), ...kept.filter(({ form }) => form === true)];
  if (study.length === 0) {
    throw new UsageError(`no domain has ${options.least} documents of ${2 * HALF} characters to draw prompts from`);
  }
  if (sources.length === 0) throw new UsageError('nothing is left to learn from: every document is a prompt or a twin');
  const [kernel, embedder] = await Promise.all([loadKernel(), loadEmbedder(options.embedder)]);
  const embedderHash = await embedderHashOf(options.embedder);
  const manyTexts = remembering(embedder, embedderHash, options.state);
  const corpus = await buildCorpus(sources, PRODUCT, manyTexts, kernel);
  const corpora = new Map<Cut, Corpus>([[PRODUCT, corpus]]);
  for (const cut of options.cuts) corpora.set(cut, await buildCorpus(sources, cut, manyTexts, kernel));
  const prompts = [...study, ...tuning];
  const started = performance.now();
  const vectors = await embedder.embed(
    prompts.map(({ prompt }) => prompt),
    'tail',
  );
  const embedMs = (performance.now() - started) / prompts.length;
  const positions = new Map(prompts.map(({ id }, i) => [id, i]));
  const positionOf = ({ id }: Prompt): number => {
    const position = positions.get(id);
    if (position === undefined) throw new Error(`prompt ${id} is not of this setting`);
    return position;
  };
  const vectorOf = (prompt: Prompt): Float32Array => at(vectors, positionOf(prompt));
  const holders = holdersIn(corpora, prompts);
  const model = await fileHash(join(options.model, 'model.safetensors'));
  return {
    study,
    tuning,
    corpus,
    documents: sources.length,
    kernel,
    modelDirectory: options.model,
    model,
    embedder: embedder.name,
    fingerprint: fingerprintOf(model, embedderHash, corpus),
    embedMs,
    vectorOf,
    viewOf(prompt, { cut, siblings, forms }, scored) {
      const [of, held] = [corpora.get(cut), holders.get(cut)];
      if (of === undefined || held === undefined) throw new Error(`no corpus is cut '${cut}' in this setting`);
      const mask = Uint8Array.from(of.examples, ({ form }) => (forms || !form ? 1 : 0));
      for (const i of at(held[scored], positionOf(prompt))) mask[i] = 0;
      if (!siblings) for (const [i, { group }] of of.examples.entries()) if (group === prompt.group) mask[i] = 0;
      return { id: prompt.id, vector: vectorOf(prompt), corpus: of, mask };
    },
  };
};
