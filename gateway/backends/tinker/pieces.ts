// Generated tokens as final text: the same rules as the embedded engine's (embedded/generate.ts), for tokens that come in
// batches from elsewhere. An end token is no part of the text and not counted; a stop string ends the text before it.
import type { Tokenizer } from '../../../tokenizer/index.ts';
import type { Generation, Piece, Sampling } from '../contract.ts';
import { textStream } from '../text/stream.ts';

/** Tokens as they come; returns why the server ended. */
export type Tokens = AsyncGenerator<readonly number[], Generation['finishReason'], void>;

export interface Said {
  readonly tokenizer: Tokenizer;
  readonly ends: readonly number[];
  readonly prompt: readonly number[];
  /** Tokens at most. */
  readonly limit: number;
}

/** Leaving early, by a stop string or by the consumer, ends the tokens as well. */
export async function* pieces(
  tokens: Tokens,
  { tokenizer, ends, prompt, limit }: Said,
  { stop }: Pick<Sampling, 'stop'>,
  signal: AbortSignal,
): AsyncGenerator<Piece, Generation, void> {
  const text = textStream(tokenizer.stream(prompt), stop);
  let count = 0;
  const end = (finishReason: Generation['finishReason']): Generation => ({
    finishReason,
    promptTokens: prompt.length,
    completionTokens: count,
  });
  const rest = (): Piece[] => {
    const left = text.end();
    return left === '' ? [] : [{ text: left, tokens: count }];
  };
  try {
    for (;;) {
      const next = await tokens.next();
      if (next.done) {
        yield* rest();
        return end(next.value);
      }
      for (const token of next.value) {
        // a whole sample may be read long after it came
        signal.throwIfAborted();
        if (ends.includes(token)) {
          yield* rest();
          return end('stop');
        }
        count += 1;
        const piece = text.push(token);
        if (piece.text !== '') yield { text: piece.text, tokens: count };
        if (piece.stopped) return end('stop');
        if (count >= limit) {
          yield* rest();
          return end('length');
        }
      }
    }
  } finally {
    await tokens.return('stop');
  }
}
