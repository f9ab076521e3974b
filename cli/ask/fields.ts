// Flags into fields of a request. Only what was given is said, so that an edge's own defaults hold.
import {
  MAX_DEGREE,
  MAX_LAMBDA,
  MAX_NEW_TOKENS,
  MAX_PICKS,
  MAX_RANK,
  MAX_ROUNDS,
  MAX_SAMPLES,
  MIN_LAMBDA,
  MIN_LEARNING_RATE,
} from '../../wire/limits.ts';
import { UsageError } from '../../wire/usage.ts';
import type { Values } from '../commands/command.ts';
import { flag, given, json, number, text, texts } from '../commands/values.ts';

type Fields = Record<string, unknown>;

/** A word in place of a number. */
const numberOr = (values: Values, name: string, word: string, limits: Parameters<typeof number>[2]) =>
  text(values, name) === word ? word : number(values, name, limits);

/** How to select. */
export const selectionFields = (values: Values): Fields =>
  given({
    n: number(values, 'n', { least: 1, most: MAX_PICKS }),
    strategy: text(values, 'strategy'),
    lambda: number(values, 'lambda', { least: MIN_LAMBDA, most: MAX_LAMBDA, whole: false }),
    degree: number(values, 'degree', { least: 1, most: MAX_DEGREE }),
    rounds: number(values, 'rounds', { least: 1, most: MAX_ROUNDS }),
    alpha: number(values, 'alpha', { least: Number.MIN_VALUE, most: 1e9, whole: false }),
    min_similarity: numberOr(values, 'minSimilarity', 'auto', { least: -1e9, most: 1e9, whole: false }),
    repeat: flag(values, 'repeat') ? true : undefined,
    filter: json(values, 'filter'),
  });

/** How to learn from what is selected. */
const learningFields = (values: Values): Fields =>
  given({
    use: text(values, 'use'),
    method: text(values, 'method'),
    rank: number(values, 'rank', { least: 1, most: MAX_RANK }),
    learning_rate: numberOr(values, 'learningRate', 'auto', { least: MIN_LEARNING_RATE, most: 1, whole: false }),
    guard: values.guard === false ? false : undefined,
  });

export const samplingFields = (values: Values): Fields => {
  const stop = texts(values, 'stop');
  return given({
    temperature: number(values, 'temperature', { least: 0, most: 2, whole: false }),
    top_p: number(values, 'topP', { least: 0, most: 1, whole: false }),
    seed: number(values, 'seed', { least: Number.MIN_SAFE_INTEGER, most: Number.MAX_SAFE_INTEGER }),
    n: number(values, 'samples', { least: 1, most: MAX_SAMPLES }),
    stop: stop.length === 0 ? undefined : stop,
  });
};

export const maxTokensOf = (values: Values, otherwise?: number): number | undefined =>
  number(values, 'maxTokens', { least: 0, most: MAX_NEW_TOKENS }) ?? otherwise;

const SIFT = ':sift';

/** What to learn from before answering; undefined: from nothing. */
export const siftFields = (values: Values): Fields | undefined => {
  const corpus = text(values, 'corpus');
  const fields = { ...selectionFields(values), ...learningFields(values) };
  const isWanted = corpus !== undefined || flag(values, 'tune') || text(values, 'model')?.endsWith(SIFT) === true;
  if (isWanted) return { ...given({ corpus }), ...fields };
  const [lone] = Object.keys(fields);
  if (lone === undefined) return undefined;
  throw new UsageError(`--${lone.replaceAll('_', '-')} is about examples: give --corpus NAME or --tune as well`);
};

/** The model's name, with what says that it learns from examples first. */
export const modelOf = (values: Values, learns: boolean): string => {
  const name = text(values, 'model') ?? 'base';
  return learns && !name.endsWith(SIFT) ? name + SIFT : name;
};

const typedValue = (typed: string): unknown => {
  try {
    return JSON.parse(typed);
  } catch {
    return typed;
  }
};

/** The request with what --set says; `sift.rank=8` is a field of a field. */
export const withSet = <Body extends Readonly<Record<string, unknown>>>(body: Body, values: Values): Body => {
  const changed: Fields = structuredClone(body);
  for (const one of texts(values, 'set')) {
    const at = one.indexOf('=');
    const path = one.slice(0, at).split('.');
    if (at <= 0 || path.some((part) => !/^[a-z][a-z0-9_]*$/.test(part))) {
      throw new UsageError(`--set is '${one}', it must be FIELD=VALUE, such as top_k=20 or sift.rank=8`);
    }
    let place = changed;
    for (const part of path.slice(0, -1)) {
      const inner = place[part] ?? {};
      if (typeof inner !== 'object' || Array.isArray(inner))
        throw new UsageError(`--set ${one}: ${part} has no fields`);
      place[part] = inner;
      place = inner as Fields;
    }
    place[path.at(-1) ?? ''] = typedValue(one.slice(at + 1));
  }
  return changed as Body;
};
