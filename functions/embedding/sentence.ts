// An ONNX sentence embedder, whatever runs it: texts become windows of tokens, tokens become one unit vector a text.
// Three kinds of model are known: those that pool by themselves, and those that give a vector a token, pooled here by
// the mean or by the first token. Knows neither workerd nor Node: the session comes from outside.

import type { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { FaultError } from '../../wire/faults.ts';
import { EMBED_BATCH, EMBED_RUN_TOKENS, TOKENISE_CHARACTERS, VECTORIZE_MAX_DIMENSIONS } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { messageOf } from '../../wire/message.ts';
import { pause } from '../pause.ts';
import { normalise } from '../vectors/algebra.ts';
import type { Embedder, Keep } from './embedder.ts';

/** `config.json` beside `model.onnx` and `tokenizer.json`. */
const embedderConfig = z.strictObject({
  /** Recorded with every corpus that this model fills; another model needs another name. */
  model: z.string().min(1),
  dimensions: z.int().min(1).max(VECTORIZE_MAX_DIMENSIONS),
  /** Tokens that the model reads of a text, special ones included. */
  max_tokens: z.int().min(8).max(8_192),
  /** built-in: the output is batch × dimensions; mean, cls: it is batch × tokens × dimensions. */
  pooling: z.enum(['built-in', 'mean', 'cls']),
  /** Name of the output; sentence_embedding or last_hidden_state unless given. */
  output: z.string().min(1).optional(),
});
export type EmbedderConfig = z.output<typeof embedderConfig>;

/** Parses config.json; throws an Error that names the field. `where` is named in it. */
export const parseEmbedderConfig = (json: unknown, where: string): EmbedderConfig => {
  const parsed = embedderConfig.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${where}: ${[...(issue?.path ?? []), issue?.message].join(': ')}`);
};

/** A model ready to run: ids and masks in, batch × tokens; float32 out. */
export interface Session {
  readonly inputNames: readonly string[];
  run(
    feeds: Readonly<Record<string, BigInt64Array<ArrayBuffer>>>,
    shape: readonly [batch: number, tokens: number],
  ): Promise<Readonly<Record<string, { readonly data: Float32Array; readonly dims: readonly number[] }>>>;
}

/** Characters of a token, on average: so much of a long text is encoded first, twice as much while that is too little. */
const CHARACTERS_PER_TOKEN = 4;
/** Text with more characters a token is almost all white space: its rest is not read. */
const MOST_CHARACTERS_PER_TOKEN = 64;
/** Tokens beyond the window at the cut, where half a word may have been encoded. */
const SLACK = 32;

/** Cuts a text to the model's window; what the tokenizer puts around a text ([CLS], [SEP]) stays whole. */
export const windowOf = (tokenizer: Tokenizer, maxTokens: number): ((text: string, keep: Keep) => number[]) => {
  const probe = 'a';
  const bare: number[] = tokenizer.encode(probe, { add_special_tokens: false }).ids;
  const whole: number[] = tokenizer.encode(probe).ids;
  const start = whole.findIndex((_, i) => bare.length > 0 && bare.every((id, j) => whole[i + j] === id));
  const before = start < 0 ? [] : whole.slice(0, start);
  const after = start < 0 ? [] : whole.slice(start + bare.length);
  const room = maxTokens - before.length - after.length;
  const encode = (text: string, keep: Keep): number[] => {
    for (let size = room * CHARACTERS_PER_TOKEN; ; size *= 2) {
      const part = keep === 'head' ? text.slice(0, size) : text.slice(-size);
      const { ids }: { ids: number[] } = tokenizer.encode(part, { add_special_tokens: false });
      const enough = ids.length >= room + SLACK || size >= room * MOST_CHARACTERS_PER_TOKEN;
      if (enough || part.length === text.length) return ids;
    }
  };
  return (text, keep) => {
    const ids = encode(text, keep);
    return [...before, ...(keep === 'head' ? ids.slice(0, room) : ids.slice(-room)), ...after];
  };
};

/** One text's vector out of `tokens` × d values: the mean over its own tokens, or its first token's. */
const pooled = (hidden: Float32Array, d: number, own: number, pooling: 'mean' | 'cls'): Float32Array => {
  if (pooling === 'cls') return hidden.slice(0, d);
  const sum = new Float32Array(d);
  for (let t = 0; t < own; t++) for (let i = 0; i < d; i++) sum[i] = (sum[i] ?? 0) + (hidden[t * d + i] ?? 0);
  return sum; // the mean's direction; its length is made one anyway
};

const failed = (message: string): FaultError => new FaultError({ kind: 'embedder', message });

/** Runs one batch of windows, padded to the longest. */
const runBatch = async (
  config: EmbedderConfig,
  session: Session,
  windows: readonly number[][],
): Promise<Float32Array<ArrayBuffer>[]> => {
  const { dimensions: d, pooling } = config;
  const width = Math.max(1, ...windows.map((ids) => ids.length));
  const ids = new BigInt64Array(windows.length * width);
  const mask = new BigInt64Array(windows.length * width);
  for (const [row, tokens] of windows.entries()) {
    for (const [column, id] of tokens.entries()) {
      ids[row * width + column] = BigInt(id);
      mask[row * width + column] = 1n;
    }
  }
  const known: Record<string, BigInt64Array<ArrayBuffer>> = {
    input_ids: ids,
    attention_mask: mask,
    token_type_ids: new BigInt64Array(windows.length * width),
  };
  const feeds: Record<string, BigInt64Array<ArrayBuffer>> = {};
  for (const name of session.inputNames) {
    const values = known[name];
    if (values === undefined) throw failed(`the model asks for '${name}', known: ${Object.keys(known).join(', ')}`);
    feeds[name] = values;
  }
  const outputs = await session.run(feeds, [windows.length, width]);
  const name = config.output ?? (pooling === 'built-in' ? 'sentence_embedding' : 'last_hidden_state');
  const output = outputs[name];
  if (output === undefined) throw failed(`the model has no output '${name}', but ${Object.keys(outputs).join(', ')}`);
  const want = pooling === 'built-in' ? [windows.length, d] : [windows.length, width, d];
  if (output.dims.join() !== want.join()) {
    throw failed(
      `the model's '${name}' is ${output.dims.join('×')}, for '${pooling}' pooling ${want.join('×')} is needed`,
    );
  }
  const stride = output.data.length / windows.length;
  return windows.map((tokens, row) => {
    if (tokens.length === 0) return new Float32Array(d); // nothing that the tokenizer knows
    const own = output.data.subarray(row * stride, (row + 1) * stride);
    return normalise(pooling === 'built-in' ? own : pooled(own, d, tokens.length, pooling));
  });
};

/** Runs of neighbouring windows: at most EMBED_BATCH of them, and EMBED_RUN_TOKENS with their padding. */
const runsOf = <T extends { readonly ids: readonly number[] }>(sorted: readonly T[]): T[][] => {
  const runs: T[][] = [];
  let run: T[] = [];
  for (const one of sorted) {
    // sorted by length, so this one is the longest of its run
    const tooLarge = run.length >= EMBED_BATCH || (run.length + 1) * one.ids.length > EMBED_RUN_TOKENS;
    if (run.length > 0 && tooLarge) {
      runs.push(run);
      run = [];
    }
    run.push(one);
  }
  return run.length === 0 ? runs : [...runs, run];
};

/** Windows of all texts, with a pause after so many characters: tokenising a long batch takes a second. */
const windowsOf = async (cut: ReturnType<typeof windowOf>, texts: readonly string[], keep: Keep) => {
  const windows: { readonly index: number; readonly ids: number[] }[] = [];
  let characters = 0;
  for (const [index, text] of texts.entries()) {
    if (characters > TOKENISE_CHARACTERS) {
      await pause();
      characters = 0;
    }
    windows.push({ index, ids: cut(text, keep) });
    characters += text.length;
  }
  return windows;
};

/** A run of the model is one block of work for the whole isolate, so runs are small and have pauses between them. */
export const sentenceEmbedder = (
  config: EmbedderConfig,
  tokenizer: () => Tokenizer,
  session: () => Promise<Session>,
): Embedder => {
  let window: ReturnType<typeof windowOf> | undefined;
  return {
    name: `onnx:${config.model}`,
    dimensions: config.dimensions,
    async embed(texts, keep) {
      try {
        window ??= windowOf(tokenizer(), config.max_tokens);
        const windows = await windowsOf(window, texts, keep);
        // neighbours of similar length waste the least padding
        const runs = runsOf(windows.sort((a, b) => a.ids.length - b.ids.length));
        const vectors = new Array<Float32Array<ArrayBuffer>>(texts.length);
        for (const [number, run] of runs.entries()) {
          if (number > 0) await pause();
          const ids = run.map((one) => one.ids);
          const rows = await runBatch(config, await session(), ids);
          for (const [i, { index }] of run.entries()) vectors[index] = at(rows, i);
        }
        return vectors;
      } catch (error) {
        if (error instanceof FaultError) throw error;
        const message = messageOf(error);
        throw new FaultError({ kind: 'embedder', message }, error);
      }
    },
  };
};
