// An answer as its tokens come: text that is final, what is told of the tokens in it, and why it ends. One set of rules for
// every engine: an end token is no part of the text and not counted; a stop string ends the text before it; a token is told
// with the piece of text that its first byte is in, and not at all where a stop string took it away.
import type { Tokenizer } from '../../../tokenizer/index.ts';
import { byteLength } from '../../../wire/text.ts';
import type { TokenLogprob } from '../../../wire/tune/responses.ts';
import type { FinishReason, Generation, Piece } from '../contract.ts';
import { textStream } from './stream.ts';

export interface Answered {
  readonly tokenizer: Tokenizer;
  readonly prompt: readonly number[];
  /** Ids that end it. */
  readonly ends: readonly number[];
  readonly stop: readonly string[];
  /** Tokens at most. */
  readonly limit: number;
  /** Whether something is told of each token. */
  readonly told: boolean;
}

export interface Answer {
  /** With what is told of the token, where something is. */
  push(token: number, logprob?: TokenLogprob): { readonly piece?: Piece; readonly finish?: FinishReason };
  /** What was held back, when no token will follow. */
  rest(): Piece | undefined;
  end(finishReason: FinishReason): Generation;
}

export const createAnswer = ({ tokenizer, prompt, ends, stop, limit, told }: Answered): Answer => {
  const text = textStream(tokenizer.stream(prompt), stop);
  let count = 0;
  /** Bytes of the tokens so far, and of the text that was given out. */
  let [made, given] = [0, 0];
  let waiting: { readonly from: number; readonly logprob: TokenLogprob }[] = [];

  const pieceOf = (said: string, all: boolean): Piece | undefined => {
    if (!told) return said === '' ? undefined : { text: said, tokens: count };
    given += byteLength(said);
    const ready = waiting.filter(({ from }) => all || from < given);
    waiting = waiting.slice(ready.length);
    if (said === '' && ready.length === 0) return undefined;
    return { text: said, tokens: count, logprobs: ready.map(({ logprob }) => logprob) };
  };
  const rest = (): Piece | undefined => pieceOf(text.end(), true);
  const ended = (finish: FinishReason, piece: Piece | undefined) =>
    piece === undefined ? { finish } : { piece, finish };

  return {
    push(token, logprob) {
      if (ends.includes(token)) return ended('stop', rest());
      count += 1;
      if (logprob !== undefined) {
        waiting.push({ from: made, logprob });
        made += logprob.bytes.length;
      }
      const { text: said, stopped } = text.push(token);
      const piece = pieceOf(said, false);
      if (stopped) return ended('stop', piece);
      if (count < limit) return piece === undefined ? {} : { piece };
      // at the limit: two pieces may be due, of which the second was held back
      const held = rest();
      if (held === undefined || piece === undefined) return ended('length', held ?? piece);
      const logprobs = told ? { logprobs: [...(piece.logprobs ?? []), ...(held.logprobs ?? [])] } : {};
      return ended('length', { text: piece.text + held.text, tokens: count, ...logprobs });
    },
    rest,
    end: (finishReason) => ({ finishReason, promptTokens: prompt.length, completionTokens: count }),
  };
};
