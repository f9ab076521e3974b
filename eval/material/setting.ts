// Everything a run of the study stands on, made once: documents, prompts, corpus, vectors, what each prompt may see, and
// the fingerprint that says which results belong to it.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../cli/arguments.ts';
import type { Embedder } from '../../functions/embedding/embedder.ts';
import { readEmbedder } from '../../functions/embedding/onnx.node.ts';
import type { Kernel } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import type { Asked, SelectionSpec } from '../choose/strategies.ts';
import { buildCorpus, type Corpus, type Cut, holdersOf } from './corpus.ts';
import { type Drawn, draw, type Prompt, withoutPromptTwins } from './prompts.ts';
import type { Source } from './sources.ts';
import { withoutTwins } from './twins.ts';
import { remembering } from './vectors.ts';

/** Counts up whenever the same inputs would give other results. */
export const PROTOCOL = 2;

/** The cut of the corpus that figures are of unless they say otherwise. */
export const PRODUCT: Cut = 'overlapping';

/** What is scored: what follows the prompt, as the product is used; or the prompt itself, as in the paper. */
export type Scored = 'continuation' | 'prompt';

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
  /** What a prompt is embedded as. */
  vectorOf(prompt: Prompt): Float32Array;
  /** And what of the corpus it may see. */
  asked(prompt: Prompt, spec: Pick<SelectionSpec, 'cut' | 'siblings' | 'forms'>, scored: Scored): Asked;
}

export interface SettingOptions {
  readonly sources: readonly Source[];
  /** Documents that give the prompts, where they are not among the sources. */
  readonly prompts?: readonly Source[];
  readonly domains?: readonly string[];
  readonly study: number;
  readonly tuning: number;
  readonly least: number;
  /** Other ways of cutting documents that are asked about, beside the product's. */
  readonly cuts: readonly Cut[];
  readonly model: string;
  readonly embedder: string;
  /** Where vectors are kept for the next run. */
  readonly state: string;
}

const loadEmbedder = (directory: string): Promise<Embedder> =>
  readEmbedder(directory).catch((error: unknown) => {
    throw new UsageError(`--embedder ${directory}: ${error instanceof Error ? error.message : error}`);
  });

const fileHash = async (path: string): Promise<string> =>
  readFile(path).then(
    (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 32),
    (error: unknown) => {
      throw new UsageError(`${path} cannot be read: ${error instanceof Error ? error.message : error}`);
    },
  );

/** Prompts are no twins of each other; the corpus keeps its own, as a user's does: redundancy is what this is about. */
const drawn = (options: SettingOptions): Drawn => {
  const { sources, prompts, study, tuning, least, domains } = options;
  const wanted = { study, tuning, least, ...(domains === undefined ? {} : { domains }) };
  // prompts from elsewhere may all be asked about; of the corpus' own documents most must stay in it
  const asked =
    prompts === undefined
      ? draw(withoutTwins(sources.filter(({ form }) => form !== true)), wanted)
      : draw(
          withoutTwins(prompts).map((source) => ({ ...source, path: `prompts/${source.path}` })),
          { ...wanted, share: 1 },
        );
  return { ...asked, corpus: withoutPromptTwins(sources, [...asked.study, ...asked.tuning]) };
};

export const prepare = async (options: SettingOptions): Promise<Setting> => {
  const { study, tuning, corpus: kept } = drawn(options);
  // a chunk that both forms share counts as the main form's
  const sources = [...kept.filter(({ form }) => form !== true), ...kept.filter(({ form }) => form === true)];
  if (study.length === 0) {
    throw new UsageError(`no domain has ${options.least} documents of 1,600 characters to ask about`);
  }
  if (sources.length === 0) throw new UsageError('nothing is left to learn from: every document is a prompt or a twin');
  const [kernel, embedder] = await Promise.all([loadKernel(), loadEmbedder(options.embedder)]);
  const embedderHash = await fileHash(join(options.embedder, 'model.onnx'));
  const manyTexts = remembering(embedder, embedderHash, options.state);
  const corpus = await buildCorpus(sources, PRODUCT, manyTexts, kernel);
  const corpora = new Map<Cut, Corpus>([[PRODUCT, corpus]]);
  for (const cut of options.cuts) corpora.set(cut, await buildCorpus(sources, cut, manyTexts, kernel));
  const all = [...study, ...tuning];
  const started = performance.now();
  const vectors = await embedder.embed(
    all.map(({ prompt }) => prompt),
    'tail',
  );
  const embedMs = (performance.now() - started) / all.length;
  const position = new Map(all.map(({ id }, i) => [id, i]));
  const vectorOf = (prompt: Prompt): Float32Array => {
    const vector = vectors[position.get(prompt.id) ?? -1];
    if (vector === undefined) throw new Error(`prompt ${prompt.id} is not of this setting`);
    return vector;
  };
  const texts = { continuation: all.map(({ continuation }) => continuation), prompt: all.map(({ prompt }) => prompt) };
  const holders = new Map(
    Array.from(corpora, ([cut, one]) => [
      cut,
      { continuation: holdersOf(one, texts.continuation), prompt: holdersOf(one, texts.prompt) },
    ]),
  );
  const model = await fileHash(join(options.model, 'model.safetensors'));
  const sum = createHash('sha256').update(
    `${PROTOCOL}\n${model}\n${await fileHash(join(options.embedder, 'model.onnx'))}\n`,
  );
  for (const { text } of corpus.examples) sum.update(`${text.length}\n${text}`);
  return {
    study,
    tuning,
    corpus,
    documents: sources.length,
    kernel,
    modelDirectory: options.model,
    model,
    embedder: embedder.name,
    fingerprint: sum.digest('hex').slice(0, 16),
    embedMs,
    vectorOf,
    asked(prompt, { cut, siblings, forms }, scored) {
      const of = corpora.get(cut);
      if (of === undefined) throw new Error(`no corpus is cut '${cut}' in this setting`);
      const mask = Uint8Array.from(of.examples, ({ form }) => (forms || !form ? 1 : 0));
      for (const i of holders.get(cut)?.[scored][position.get(prompt.id) ?? -1] ?? []) mask[i] = 0;
      if (!siblings) for (const [i, { group }] of of.examples.entries()) if (group === prompt.group) mask[i] = 0;
      return { id: prompt.id, vector: vectorOf(prompt), corpus: of, mask };
    },
  };
};
