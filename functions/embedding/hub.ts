// A sentence-transformers directory as it comes from the hub, read as an embedder's configuration. Modules that are not
// computed here are refused by name: a vector without them would look right and be another one.
import * as z from 'zod';
import { MAX_EMBEDDER_TOKENS } from '../../wire/limits.ts';
import { type EmbedderConfig, type Pooling, promptTexts, windowTokens } from './config.ts';

/** The JSON of the directory's files; undefined where one is missing. */
export interface HubFiles {
  /** modules.json */
  readonly modules?: unknown;
  /** config.json of the pooling's directory. */
  readonly pooling?: unknown;
  /** sentence_bert_config.json, or its like of other architectures. */
  readonly sentence?: unknown;
  /** config_sentence_transformers.json */
  readonly prompts?: unknown;
  /** config.json */
  readonly transformer?: unknown;
  /** tokenizer_config.json */
  readonly tokenizer?: unknown;
  /** sift.json: what the user says in place of the files. */
  readonly own?: unknown;
}

/** sift.json in an embedder's directory. */
const ownSchema = z.strictObject({
  model: z.string().min(1).optional(),
  max_tokens: windowTokens.optional(),
  pooling: z.enum(['built-in', 'mean', 'cls', 'max', 'lasttoken', 'weightedmean', 'mean_sqrt_len_tokens']).optional(),
  output: z.string().min(1).optional(),
  prompts: promptTexts.optional(),
});

const modulesSchema = z.array(z.looseObject({ type: z.string(), path: z.string().default('') }));
export type Module = z.output<typeof modulesSchema>[number];
const poolingSchema = z.looseObject({
  word_embedding_dimension: z.int().optional(),
  embedding_dimension: z.int().optional(),
  pooling_mode: z.union([z.string(), z.array(z.string())]).optional(),
  include_prompt: z.boolean().default(true),
});
const sentenceSchema = z.looseObject({ max_seq_length: z.number().nullish(), do_lower_case: z.boolean().nullish() });
const promptsSchema = z.looseObject({
  prompts: z.record(z.string(), z.string().nullable()).nullish(),
  default_prompt_name: z.string().nullish(),
  truncate_dim: z.number().nullish(),
});
const transformerSchema = z.looseObject({
  hidden_size: z.int().optional(),
  dim: z.int().optional(),
  d_model: z.int().optional(),
  max_position_embeddings: z.int().optional(),
});
const tokenizerSchema = z.looseObject({ model_max_length: z.number().nullish() });

const parse = <T>(schema: z.ZodType<T>, json: unknown, name: string): T => {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${name}: ${[...(issue?.path ?? []), issue?.message].join(': ')}`);
};

const OWN_MODULE = /^sentence_transformers\.(?:.*\.)?(\w+)$/;
const nameOf = ({ type }: Module): string => OWN_MODULE.exec(type)?.[1] ?? type;

/** modules.json as a list in order. */
export const modulesOf = (json: unknown): Module[] => parse(modulesSchema, json, 'modules.json');

/** Modules that are left to the model, since nothing here computes them. */
const others = (modules: readonly Module[]): string[] =>
  modules.map(nameOf).filter((name) => !['Transformer', 'Pooling', 'Normalize'].includes(name));

const LEGACY: Readonly<Record<string, Exclude<Pooling, 'built-in'>>> = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_max_tokens: 'max',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_mean_sqrt_len_tokens: 'mean_sqrt_len_tokens',
  pooling_mode_weightedmean_tokens: 'weightedmean',
  pooling_mode_lasttoken: 'lasttoken',
};
const KNOWN: ReadonlySet<string> = new Set(Object.values(LEGACY));
const isPooling = (mode: string): mode is Exclude<Pooling, 'built-in'> => KNOWN.has(mode);

const modeOf = (config: z.output<typeof poolingSchema>): Pooling => {
  const legacy = Object.entries(LEGACY).filter(([key]) => config[key] === true);
  const modes = config.pooling_mode === undefined ? legacy.map(([, mode]) => mode) : [config.pooling_mode].flat();
  const [mode = 'mean', ...more] = modes;
  if (more.length > 0)
    throw new Error(`the pooling ${modes.join(' and ')} side by side is not implemented here, only one`);
  if (!isPooling(mode)) throw new Error(`the pooling ${mode} is not implemented here, only ${[...KNOWN].join(', ')}`);
  return mode;
};

/** The texts before a query and before a document, and a note on prompts that nothing uses. */
const prefixesOf = (
  json: unknown,
): { readonly prompts: { query: string; document: string }; readonly notes: string[] } => {
  const { prompts, default_prompt_name, truncate_dim } = parse(
    promptsSchema,
    json,
    'config_sentence_transformers.json',
  );
  if (typeof truncate_dim === 'number') {
    throw new Error(`config_sentence_transformers.json: truncate_dim ${truncate_dim} is not implemented here`);
  }
  const texts = prompts ?? {};
  const named = (...names: string[]): string | undefined =>
    names.map((name) => texts[name]).find((text): text is string => typeof text === 'string');
  const [query, document] = [named('query'), named('document', 'passage', 'corpus')];
  if (query !== undefined || document !== undefined) {
    return { prompts: { query: query ?? '', document: document ?? '' }, notes: [] };
  }
  // sentence-transformers' encode puts it before everything
  const both = typeof default_prompt_name === 'string' ? named(default_prompt_name) : undefined;
  const unused = Object.keys(texts).filter((name) => texts[name] !== '' && name !== default_prompt_name);
  return {
    prompts: { query: both ?? '', document: both ?? '' },
    notes:
      both === undefined && unused.length > 0
        ? [
            `its prompts ${unused.join(', ')} are not used: none is called query, document or passage (sift.json may name both)`,
          ]
        : [],
  };
};

/** Tokens of the window, and where the number is from. */
const windowOfFiles = (files: HubFiles): { readonly tokens: number; readonly from: string } => {
  const { max_seq_length } = parse(sentenceSchema, files.sentence ?? {}, 'sentence_bert_config.json');
  const { model_max_length } = parse(tokenizerSchema, files.tokenizer ?? {}, 'tokenizer_config.json');
  const { max_position_embeddings: positions } = parse(transformerSchema, files.transformer ?? {}, 'config.json');
  const found =
    typeof max_seq_length === 'number'
      ? { tokens: max_seq_length, from: 'max_seq_length' }
      : typeof model_max_length === 'number' && model_max_length < (positions ?? Number.POSITIVE_INFINITY)
        ? { tokens: model_max_length, from: 'model_max_length' }
        : { tokens: positions, from: 'max_position_embeddings' };
  if (found.tokens === undefined || found.tokens > Number.MAX_SAFE_INTEGER) {
    throw new Error('no file says how many tokens it reads: give {"max_tokens": …} in sift.json');
  }
  if (positions !== undefined && positions > 0 && found.tokens > positions) {
    throw new Error(
      `its ${found.from} of ${found.tokens} tokens is more than the model's ${positions} positions: give {"max_tokens": ${positions}} in sift.json`,
    );
  }
  return { tokens: found.tokens, from: found.from };
};

const NO_MODULES =
  'has no modules.json, so its pooling is not known: give for instance {"pooling": "mean"} in sift.json, or copy modules.json ' +
  'and 1_Pooling from the model it was exported from';

export interface HubConfig {
  readonly config: Omit<EmbedderConfig, 'model'> & { readonly model?: string };
  /** What the user should know, a sentence each. */
  readonly notes: readonly string[];
}

/** Throws an Error with one sentence on what is not computed here, or missing. */
export const hubConfig = (files: HubFiles): HubConfig => {
  const own = parse(ownSchema, files.own ?? {}, 'sift.json');
  if (files.modules === undefined && own.pooling === undefined) throw new Error(NO_MODULES);
  const modules = files.modules === undefined ? [] : modulesOf(files.modules);
  const pool = parse(poolingSchema, files.pooling ?? {}, '1_Pooling/config.json');
  const left = others(modules);
  const pools = modules.some((module) => nameOf(module) === 'Pooling');
  if (files.modules !== undefined && nameOf(modules[0] ?? { type: 'nothing', path: '' }) !== 'Transformer') {
    throw new Error(
      `its first module is ${left[0] ?? 'not a Transformer'}, which is not implemented here, only Transformer`,
    );
  }
  if (left.length > 0 && own.pooling !== 'built-in') {
    throw new Error(
      `its module ${left.join(' and ')} is not implemented here: export the model with it, as sentence_embedding, and give ` +
        '{"pooling": "built-in"} in sift.json',
    );
  }
  const pooling = own.pooling ?? (pools ? modeOf(pool) : 'built-in');
  const { prompts, notes } =
    own.prompts === undefined ? prefixesOf(files.prompts ?? {}) : { prompts: own.prompts, notes: [] };
  if (!pool.include_prompt && (prompts.query !== '' || prompts.document !== '')) {
    throw new Error('its pooling leaves the prompt out (include_prompt: false), which is not implemented here');
  }
  const { hidden_size, dim, d_model } = parse(transformerSchema, files.transformer ?? {}, 'config.json');
  const dimensions = pool.word_embedding_dimension ?? pool.embedding_dimension ?? hidden_size ?? dim ?? d_model;
  if (dimensions === undefined) throw new Error('no file says how many dimensions its vectors have (hidden_size)');
  const window = own.max_tokens === undefined ? windowOfFiles(files) : { tokens: own.max_tokens, from: 'max_tokens' };
  const { do_lower_case } = parse(sentenceSchema, files.sentence ?? {}, 'sentence_bert_config.json');
  return {
    config: {
      ...(own.model === undefined ? {} : { model: own.model }),
      dimensions,
      max_tokens: Math.min(window.tokens, MAX_EMBEDDER_TOKENS),
      pooling,
      ...(own.output === undefined ? {} : { output: own.output }),
      prompts,
      ...(do_lower_case === true ? { lowercase: true } : {}),
    },
    notes:
      window.tokens > MAX_EMBEDDER_TOKENS
        ? [...notes, `its window of ${window.tokens} tokens is cut to ${MAX_EMBEDDER_TOKENS}`]
        : notes,
  };
};
