// Generation with a key-value cache: the prompt in one pass, then a token at a time. A prompt is never cut: one that
// leaves no room is refused, one that leaves less than maxTokens ends by length.
// The cache of a layer is [groups, capacity, E], zero where unused; the mask hides what is unused, so that one graph
// serves every length, and a step copies one token's keys and values, not the whole past.

import { seededRandom } from '../../../wire/random.ts';
import type { Generation, Piece, Prompt, Sampling } from '../contract.ts';
import { createAnswer } from '../text/answer.ts';
import { answerEnds } from '../text/chat/chat.ts';
import { toldOf } from '../text/logprobs.ts';
import { fittingPrompt } from '../text/sequence.ts';
import { allFinite } from './finite.ts';
import type { Architecture } from './model/config.ts';
import { type Model, rotationFeeds, sequenceFeeds } from './model/model.ts';
import { maskName, showCached, usedWindows } from './model/positions.ts';
import { createPenalties } from './penalties.ts';
import { type Feeds, floats, ints } from './runtime.ts';
import { sample } from './sampler.ts';
import type { Tuned } from './weights.ts';

/** Tokens by which a cache grows. */
const BLOCK = 128;

interface Cache {
  readonly length: number;
  readonly feeds: Feeds;
  /** Appends `count` tokens' keys and values, as the graph gave them. */
  append(outputs: Record<string, Float32Array>, count: number): void;
}

const createCache = (a: Architecture): Cache => {
  const names = Array.from({ length: a.layers }, (_, i) => [`keys:${i}`, `values:${i}`]).flat();
  const repeats = a.heads / a.groups;
  const E = a.headSize;
  let capacity = 0;
  let length = 0;
  const arrays = new Map<string, Float32Array>();
  const feeds: Feeds = {};
  const masks = usedWindows(a).map((window) => ({ window, data: new Float32Array(0) }));
  const show = (): void => {
    for (const { window, data } of masks) showCached(data, capacity, length, window);
  };

  const grow = (least: number): void => {
    const next = Math.ceil(least / BLOCK) * BLOCK;
    for (const name of names) {
      const before = arrays.get(name);
      const after = new Float32Array(a.groups * next * E);
      for (let g = 0; before !== undefined && g < a.groups; g++) {
        after.set(before.subarray(g * capacity * E, (g * capacity + length) * E), g * next * E);
      }
      arrays.set(name, after);
      feeds[name] = floats(after, [a.groups, next, E]);
    }
    for (const mask of masks) {
      mask.data = new Float32Array(repeats * (next + 1));
      feeds[maskName(mask.window)] = floats(mask.data, [repeats, next + 1]);
    }
    capacity = next;
  };

  return {
    get length() {
      return length;
    },
    feeds,
    append(outputs, count) {
      if (length + count > capacity) grow(length + count);
      for (const name of names) {
        const target = arrays.get(name);
        const source = outputs[name.replace('keys', 'newKeys').replace('values', 'newValues')];
        if (target === undefined || source === undefined) throw new Error(`no ${name} came out of the graph`);
        for (let g = 0; g < a.groups; g++) {
          target.set(source.subarray(g * count * E, (g + 1) * count * E), (g * capacity + length) * E);
        }
      }
      length += count;
      show();
    },
  };
};

/** What the prompt's pass gave, for further samples of it. */
export interface Prefill {
  readonly ids: readonly number[];
  readonly outputs: Record<string, Float32Array>;
}

export interface Generating {
  readonly tuned: Tuned;
  readonly prompt: Prompt;
  readonly sampling: Sampling;
  cancelled(): boolean;
  notFinite(what: string): Error;
  /** Kept by the session while its weights stay as they are and more samples follow. */
  readonly prefill: { last?: Prefill };
}

const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((id, i) => id === b[i]);

export async function* generate(
  model: Model,
  { tuned: { rank, feeds: weights }, prompt, sampling, cancelled, notFinite, prefill }: Generating,
): AsyncGenerator<Piece, Generation, void> {
  const { architecture: a, tokenizer, chat } = model;
  const ids = fittingPrompt(model, prompt);
  const limit = Math.min(sampling.maxTokens, a.context - ids.length);
  const { logprobs } = sampling;
  const ending = answerEnds(chat, a.ends, prompt, sampling);
  const answer = createAnswer({ tokenizer, prompt: ids, ...ending, limit, told: logprobs !== undefined });
  if (limit <= 0) return answer.end('length');

  const random = seededRandom(sampling.seed);
  const penalties = createPenalties(sampling);
  const cache = createCache(a);
  const known = prefill.last !== undefined && same(prefill.last.ids, ids) ? prefill.last.outputs : undefined;
  const first = known ?? (await (await model.prompt(rank)).run({ ...weights, ...sequenceFeeds(a, ids) }));
  if (sampling.moreFollow === true) prefill.last = { ids, outputs: first };
  else delete prefill.last;
  cache.append(first, ids.length);
  let { logits } = first;
  const next = await model.next(rank);
  for (;;) {
    if (logits === undefined) throw new Error('no logits came out of the graph');
    if (!allFinite(logits)) throw notFinite('the logits');
    const token = sample(penalties.of(logits), sampling, random);
    penalties.add(token);
    const told = logprobs === undefined ? undefined : toldOf(tokenizer, logits, token, logprobs);
    const { piece, finish } = answer.push(token, told);
    if (piece !== undefined) yield piece;
    if (finish !== undefined) return answer.end(finish);
    if (cancelled()) {
      const rest = answer.rest();
      if (rest !== undefined) yield rest;
      return answer.end('length');
    }
    const outputs = await next.run({
      ...weights,
      ...cache.feeds,
      ...rotationFeeds(a, cache.length, 1),
      ids: ints([token]),
    });
    cache.append(outputs, 1);
    ({ logits } = outputs);
  }
}
