// Generation with a key-value cache: the prompt in one pass, then a token at a time. A prompt is never cut: one that
// leaves no room is refused, one that leaves less than maxTokens ends by length.
// The cache of a layer is [groups, capacity, E], zero where unused; the mask hides what is unused, so that one graph
// serves every length, and a step copies one token's keys and values, not the whole past.

import { seededRandom } from '../../../wire/random.ts';
import type { Generation, Piece, Sampling } from '../contract.ts';
import { fittingPrompt } from '../text/sequence.ts';
import { textStream } from '../text/stream.ts';
import { allFinite } from './finite.ts';
import type { Architecture } from './model/config.ts';
import { type Model, rotationFeeds, sequenceFeeds } from './model/model.ts';
import { maskName, showCached, usedWindows } from './model/positions.ts';
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

export async function* generate(
  model: Model,
  { rank, feeds: weights }: Tuned,
  prompt: string,
  sampling: Sampling,
  cancelled: () => boolean,
  notFinite: (what: string) => Error,
): AsyncGenerator<Piece, Generation, void> {
  const { architecture: a } = model;
  const ids = fittingPrompt(model, prompt);
  const limit = Math.min(sampling.maxTokens, a.context - ids.length);
  const end = (finishReason: Generation['finishReason'], completionTokens: number): Generation => ({
    finishReason,
    promptTokens: ids.length,
    completionTokens,
  });
  if (limit <= 0) return end('length', 0);

  const random = seededRandom(sampling.seed);
  const text = textStream(model.tokenizer.stream(ids), sampling.stop);
  const cache = createCache(a);
  const first = await (await model.prompt(rank)).run({ ...weights, ...sequenceFeeds(a, ids) });
  cache.append(first, ids.length);
  let { logits } = first;
  const next = await model.next(rank);
  for (let count = 1; ; count++) {
    if (logits === undefined) throw new Error('no logits came out of the graph');
    if (!allFinite(logits)) throw notFinite('the logits');
    const token = sample(logits, sampling, random);
    if (a.ends.includes(token)) {
      const rest = text.end();
      if (rest !== '') yield { text: rest, tokens: count - 1 };
      return end('stop', count - 1);
    }
    const piece = text.push(token);
    if (piece.text !== '') yield { text: piece.text, tokens: count };
    if (piece.stopped) return end('stop', count);
    if (count >= limit || cancelled()) {
      const rest = text.end();
      if (rest !== '') yield { text: rest, tokens: count };
      return end('length', count);
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
