// Texts as the model reads them: the tokenizer's template around them, and always a token before the first one, since
// only what has a predecessor can be predicted. Where the template puts none, that is the model's start token.
import { FaultError } from '../../../wire/faults.ts';
import type { Model } from './model/model.ts';

type Reader = Pick<Model, 'architecture' | 'tokenizer'>;

const beginning = ({ architecture, tokenizer }: Reader): readonly number[] =>
  tokenizer.before.length > 0 ? tokenizer.before : [architecture.start];

/** A prompt as transformers encodes it; an empty one begins with the start token: there must be something to go on from. */
export const promptIds = ({ architecture, tokenizer }: Reader, text: string): number[] => {
  const ids = [...tokenizer.before, ...tokenizer.encode(text), ...tokenizer.after];
  return ids.length > 0 ? ids : [architecture.start];
};

/** The same; throws where it leaves no room for a token more. */
export const fittingPrompt = (model: Reader, text: string): number[] => {
  const ids = promptIds(model, text);
  const { context } = model.architecture;
  if (ids.length >= context) {
    throw new FaultError({ kind: 'context_length', param: 'prompt', got: ids.length, limit: context });
  }
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
