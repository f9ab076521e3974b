// Generated tokens as an answer (../text/answer.ts), for tokens that come in batches from elsewhere.
import type { Tokenizer } from '../../../tokenizer/index.ts';
import { FaultError } from '../../../wire/faults.ts';
import type { FinishReason, Generation, Piece } from '../contract.ts';
import type { Answer } from '../text/answer.ts';
import { toldAlone } from '../text/logprobs.ts';

/** Tokens, and how probable each was, where the server says so. */
export interface Batch {
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[] | undefined;
}

/** Tokens as they come; returns why the server ended. */
export type Tokens = AsyncGenerator<Batch, FinishReason, void>;

/** Leaving early, by a stop string or by the consumer, ends the tokens as well. */
export async function* pieces(
  batches: Tokens,
  tokenizer: Tokenizer,
  answer: Answer,
  told: boolean,
  signal: AbortSignal,
): AsyncGenerator<Piece, Generation, void> {
  try {
    for (;;) {
      const next = await batches.next();
      if (next.done) {
        const rest = answer.rest();
        if (rest !== undefined) yield rest;
        return answer.end(next.value);
      }
      const { tokens, logprobs } = next.value;
      if (told && logprobs?.length !== tokens.length) {
        throw new FaultError({ kind: 'backend', message: 'its server told no log-probabilities of what it generated' });
      }
      for (const [i, token] of tokens.entries()) {
        // a whole sample may be read long after it came
        signal.throwIfAborted();
        const logprob = told ? toldAlone(tokenizer, token, logprobs?.[i] ?? Number.NaN) : undefined;
        const { piece, finish } = answer.push(token, logprob);
        if (piece !== undefined) yield piece;
        if (finish !== undefined) return answer.end(finish);
      }
    }
  } finally {
    await batches.return('stop');
  }
}
