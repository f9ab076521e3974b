// A checkpoint made runnable: its compiled graphs, built at first use and kept, and its parameters as tensors.

import type { Tokenizer } from '../../../../tokenizer/index.ts';
import { type Chat, createChat } from '../../text/chat/chat.ts';
import { compile, type Feeds, floats, ints, type Runnable } from '../runtime.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Architecture } from './config.ts';
import { generationGraph } from './graphs.ts';
import { parameterShapes } from './parameters.ts';
import { angles, causalMask, maskName, rotationNames, usedRotations, usedWindows } from './positions.ts';
import { createScoring } from './scoring.ts';
import { createTraining, type Training } from './training.ts';
import type { Lora } from './transformer.ts';

/** Ranks whose graphs are kept, of each kind; a graph costs about 10 MB. */
const KEPT_RANKS = 4;
/** alpha = 2·rank, so B·A counts twice, whatever the rank. */
export const LORA_SCALE = 2;

export interface Model {
  readonly architecture: Architecture;
  readonly parameters: ReadonlyMap<string, Float32Array>;
  readonly tokenizer: Tokenizer;
  readonly chat: Chat;
  /** Rank 0 is full fine-tuning; as in the others, a graph without LoRA. */
  training(rank: number): Promise<Training>;
  scoring(rank: number): Promise<Runnable>;
  prompt(rank: number): Promise<Runnable>;
  next(rank: number): Promise<Runnable>;
}

/** Every weight of a session as a graph input. */
export const weightFeeds = (a: Architecture, weights: ReadonlyMap<string, Float32Array>): Feeds => {
  const feeds: Feeds = {};
  for (const [name, shape] of parameterShapes(a)) {
    const data = weights.get(name);
    if (data === undefined) throw new Error(`no weight ${name}`);
    feeds[name] = floats(data, shape);
  }
  return feeds;
};

/** The rotary angles of positions [from, from + count). */
export const rotationFeeds = (a: Architecture, from: number, count: number): Feeds => {
  const feeds: Feeds = {};
  for (const [index, rotation] of usedRotations(a)) {
    const { cos, sin } = angles(rotation, from, count);
    const names = rotationNames(index);
    feeds[names.cos] = floats(cos, [count, rotation.frequencies.length]);
    feeds[names.sin] = floats(sin, [count, rotation.frequencies.length]);
  }
  return feeds;
};

/** Ids with their positions and masks, for a pass without a past. */
export const sequenceFeeds = (a: Architecture, ids: readonly number[]): Feeds => {
  const count = ids.length;
  const repeats = a.heads / a.groups;
  const feeds: Feeds = { ids: ints(ids), ...rotationFeeds(a, 0, count) };
  for (const window of usedWindows(a)) {
    feeds[maskName(window)] = floats(causalMask(repeats, count, window), [repeats * count, count]);
  }
  return feeds;
};

/** What is compiled for a LoRA rank, the least recently used dropped. */
const byRank = <T extends Runnable>(make: (lora: Lora | undefined) => Promise<T>): ((rank: number) => Promise<T>) => {
  const kept = new Map<number, Promise<T>>();
  return async (rank) => {
    const known = kept.get(rank);
    if (known !== undefined) {
      kept.delete(rank); // and back to the end
      kept.set(rank, known);
      return known;
    }
    const made = make(rank === 0 ? undefined : { rank, scale: LORA_SCALE });
    kept.set(rank, made);
    const [oldest] = kept.keys();
    if (kept.size > KEPT_RANKS && oldest !== undefined) {
      const dropped = kept.get(oldest);
      kept.delete(oldest);
      await (await dropped)?.release();
    }
    return made;
  };
};

export const createModel = (
  { architecture: a, parameters, tokenizer, chat = createChat(undefined, tokenizer) }: Checkpoint,
  threads: number,
): Model => ({
  architecture: a,
  parameters,
  tokenizer,
  chat,
  training: byRank((lora) => createTraining(a, lora, threads)),
  scoring: byRank((lora) => createScoring(a, lora, threads)),
  prompt: byRank((lora) => compile(generationGraph(a, false, lora), threads)),
  next: byRank((lora) => compile(generationGraph(a, true, lora), threads)),
});
