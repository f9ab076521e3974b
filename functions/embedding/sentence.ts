// An ONNX sentence embedder, whatever runs it: texts become windows of tokens, and runs of windows become vectors. Knows
// neither workerd nor Node: the session comes from outside.
import type { Encoder } from '../../tokenizer/encoder.ts';
import { FaultError } from '../../wire/faults.ts';
import {
  BACKGROUND_CHARACTERS,
  BACKGROUND_RUN_TOKENS,
  EMBED_BATCH,
  EMBED_RUN_TOKENS,
  TOKENISE_CHARACTERS,
} from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { messageOf } from '../../wire/message.ts';
import { giveWay, pause } from '../pause.ts';
import { runBatch } from './batch.ts';
import type { EmbedderConfig } from './config.ts';
import type { Embedder, EmbedOptions, Keep } from './embedder.ts';
import type { Session } from './session.ts';
import { type Window, windowOf } from './window.ts';

/** Runs of neighbouring windows: at most so many of them, and of tokens with their padding. */
const runsOf = <T extends { readonly ids: readonly number[] }>(
  sorted: readonly T[],
  most: number,
  mostTokens: number,
): T[][] => {
  const runs: T[][] = [];
  let run: T[] = [];
  for (const one of sorted) {
    // sorted by length, so this one is the longest of its run
    const tooLarge = run.length >= most || (run.length + 1) * one.ids.length > mostTokens;
    if (run.length > 0 && tooLarge) {
      runs.push(run);
      run = [];
    }
    run.push(one);
  }
  return run.length === 0 ? runs : [...runs, run];
};

/** Windows of all texts, with a pause after so many characters: tokenising a long batch takes a second. */
const windowsOf = async (
  cut: Window,
  texts: readonly string[],
  keep: Keep,
  { onCut, background = false }: EmbedOptions,
) => {
  const [most, turn] = background ? [BACKGROUND_CHARACTERS, giveWay] : [TOKENISE_CHARACTERS, pause];
  const windows: { readonly index: number; readonly ids: number[] }[] = [];
  let characters = 0;
  for (const [index, text] of texts.entries()) {
    if (characters > most) {
      await turn();
      characters = 0;
    }
    windows.push({ index, ids: cut(text, keep, (tokens) => onCut?.(index, tokens)) });
    characters += text.length;
  }
  return windows;
};

/** A run of the model is one block of work for the whole isolate, so runs are small and have pauses between them. */
export const sentenceEmbedder = (
  config: EmbedderConfig,
  encoder: () => Encoder,
  session: () => Promise<Session>,
): Embedder => {
  let window: Window | undefined;
  const cased = (text: string): string => (config.lowercase === true ? text.toLowerCase() : text);
  const most = config.one_at_a_time === true ? 1 : EMBED_BATCH;
  /** Tokens of lists that were embedded, as long as somebody holds the list. */
  const counted = new WeakMap<readonly string[], readonly number[]>();
  return {
    window: config.max_tokens,
    name: `onnx:${config.model}`,
    dimensions: config.dimensions,
    async embed(texts, keep, options = {}) {
      const background = options.background === true;
      try {
        window ??= windowOf(encoder(), config.max_tokens, config.prompts);
        const windows = await windowsOf(window, texts.map(cased), keep, options);
        counted.set(
          texts,
          windows.map(({ ids }) => ids.length),
        );
        // neighbours of similar length waste the least padding
        const runs = runsOf(
          windows.sort((a, b) => a.ids.length - b.ids.length),
          most,
          background ? BACKGROUND_RUN_TOKENS : EMBED_RUN_TOKENS,
        );
        const vectors = new Array<Float32Array<ArrayBuffer>>(texts.length);
        for (const [number, run] of runs.entries()) {
          if (background) await giveWay();
          else if (number > 0) await pause();
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
    tokensOf: (texts) => counted.get(texts),
  };
};
