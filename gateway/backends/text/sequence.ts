// Texts as the model reads them: the tokenizer's template around them, and always a token before the first one, since
// only what has a predecessor can be predicted. Where the template puts none, that is the model's start token.
// Every backend reads texts by this file, so that a model's losses and scores are of the same tokens wherever it runs.
import type { Tokenizer } from '../../../tokenizer/index.ts';
import { FaultError } from '../../../wire/faults.ts';
import type { Prompt } from '../contract.ts';
import type { Chat } from './chat/chat.ts';

export interface Reader {
  readonly tokenizer: Tokenizer;
  readonly architecture: {
    /** Tokens of context. */
    readonly context: number;
    /** Stands before the first token of a text where the tokenizer puts nothing there. */
    readonly start: number;
  };
}

/** Reads prompts too. */
export interface PromptReader extends Reader {
  readonly chat: Chat;
}

const beginning = ({ architecture, tokenizer }: Reader): readonly number[] =>
  tokenizer.before.length > 0 ? tokenizer.before : [architecture.start];

const idsOf = ({ tokenizer, chat }: PromptReader, prompt: Prompt): readonly number[] => {
  if (typeof prompt === 'string') return [...tokenizer.before, ...tokenizer.encode(prompt), ...tokenizer.after];
  return 'ids' in prompt ? prompt.ids : chat.ids(prompt.messages);
};

/** A prompt as transformers encodes it; an empty one begins with the start token: there must be something to go on from. */
export const promptIds = (model: PromptReader, prompt: Prompt): readonly number[] => {
  const ids = idsOf(model, prompt);
  return ids.length > 0 ? ids : [model.architecture.start];
};

export const tooLong = (prompt: Prompt, got: number, limit: number): FaultError => {
  const param = typeof prompt === 'object' && 'messages' in prompt ? 'messages' : 'prompt';
  return new FaultError({ kind: 'context_length', param, got, limit });
};

/** The same; throws where it leaves no room for a token more. */
export const fittingPrompt = (model: PromptReader, prompt: Prompt): readonly number[] => {
  const ids = promptIds(model, prompt);
  const { context } = model.architecture;
  if (ids.length >= context) throw tooLong(prompt, ids.length, context);
  return ids;
};

/** A training example: each token but the first is a target. */
export const exampleIds = (model: Reader, text: string): number[] => [
  ...beginning(model),
  ...model.tokenizer.encode(text),
  ...model.tokenizer.after,
];

/**
 * A context and a text, encoded together, and where the text's own tokens begin. A token that spans the border is the
 * text's: no byte of a text comes free, as in lm-evaluation-harness, where a context's last spaces go with the text.
 */
export const scoredIds = (model: Reader, context: string, text: string): { ids: number[]; from: number } => {
  const { tokenizer } = model;
  const before = beginning(model);
  const whole = tokenizer.encode(context + text);
  const sum = (lengths: readonly number[]): number => lengths.reduce((total, length) => total + length, 0);
  const contextBytes = context === '' ? 0 : sum(tokenizer.byteLengths(tokenizer.encode(context)));
  let end = 0;
  const own = tokenizer.byteLengths(whole).findIndex((length) => {
    end += length;
    return end > contextBytes;
  });
  return { ids: [...before, ...whole], from: before.length + (own < 0 ? whole.length : own) };
};

export interface Example {
  /** Each but the first is a target. */
  readonly ids: readonly number[];
  /** Targets. */
  readonly tokens: number;
  /** The text has more tokens than a step takes. */
  readonly truncated: boolean;
}

/** An example's tokens as far as a step reads them: up to `most` targets, or the context. */
export const trainedExample = (model: Reader, text: string, most: number): Example => {
  const all = exampleIds(model, text);
  const ids = all.slice(0, Math.min(most, model.architecture.context) + 1);
  return { ids, tokens: ids.length - 1, truncated: ids.length < all.length };
};

/** A pass over tokens `from` up to `end`, in which the targets from `next` on are scored. */
export interface Window {
  readonly from: number;
  readonly next: number;
  readonly end: number;
}

/** The passes that score all tokens from `first` on: each brings at least half a context before what it scores. */
export const scoringWindows = (count: number, first: number, context: number): Window[] => {
  const windows: Window[] = [];
  for (let next = first; next < count; ) {
    const end = Math.min(count, next + Math.max(1, Math.floor(context / 2)));
    windows.push({ from: Math.max(0, end - 1 - context), next, end });
    next = end;
  }
  return windows;
};
