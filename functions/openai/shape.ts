// What an answer of either route is made of: choices in its shape, in one object or in chunks. Nothing else about completions
// and chat differs after the request is parsed.
import type { UsageOnWire } from '../../wire/api/generation.ts';
import type { TokenLogprob, Truncation } from '../../wire/tune/responses.ts';

export interface Envelope {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
}

export type FinishReason = 'stop' | 'length';

/** A sample that is finished. */
export interface Sample {
  readonly index: number;
  readonly text: string;
  readonly finishReason: FinishReason;
  /** Absent where none were asked for. */
  readonly logprobs?: readonly TokenLogprob[] | undefined;
  readonly truncated?: Truncation | undefined;
}

/** A piece of a sample. */
export interface Piece {
  readonly index: number;
  readonly text: string;
  readonly logprobs?: readonly TokenLogprob[] | undefined;
  /** UTF-16 units of the sample before it. */
  readonly offset: number;
}

export interface Shape {
  /** The object of an answer that is not streamed. */
  whole(samples: readonly Sample[], usage: UsageOnWire | undefined): object;
  /** A chunk with these choices, or with none. */
  chunk(choices: readonly object[]): object;
  /** The choice that comes before a sample's first piece, where there is one. */
  begin?(index: number): object;
  piece(piece: Piece): object;
  end(index: number, finishReason: FinishReason): object;
}
