// A streamed completion or chat, as events: which examples were selected, the steps on them, then the text as it comes.
// Leaving the loop, or aborting, ends the work at the edge. A stream that ends without its end is an error, not an answer.
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { reasonOf, SiftError } from './error.ts';

export interface Chunk {
  readonly choices?: readonly {
    readonly index: number;
    readonly text?: string;
    readonly delta?: { readonly content?: string | null };
    readonly finish_reason?: string | null;
    readonly logprobs?: unknown;
  }[];
  readonly usage?: Record<string, unknown> | null;
  readonly sift?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

export type GenerateEvent =
  | { readonly type: 'text'; readonly index: number; readonly text: string; readonly logprobs?: unknown }
  | { readonly type: 'finish'; readonly index: number; readonly reason: string }
  | { readonly type: 'usage'; readonly usage: Record<string, unknown> }
  /** What was selected, a step on it, a restart by the guard, …: the member of the chunk's `sift` by its name. */
  | { readonly type: 'sift'; readonly name: string; readonly value: unknown };

function* eventsOf({ choices = [], usage, sift = {} }: Chunk): Generator<GenerateEvent, void, void> {
  for (const [name, value] of Object.entries(sift)) yield { type: 'sift', name, value };
  for (const { index, text, delta, finish_reason, logprobs } of choices) {
    const piece = text ?? delta?.content ?? '';
    if (piece !== '') yield { type: 'text', index, text: piece, ...(logprobs == null ? {} : { logprobs }) };
    if (finish_reason != null) yield { type: 'finish', index, reason: finish_reason };
  }
  if (usage != null) yield { type: 'usage', usage };
}

export async function* generated(response: Response, signal?: AbortSignal): AsyncGenerator<GenerateEvent, void, void> {
  const events = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  const reader = events?.getReader();
  try {
    for (;;) {
      const next = await reader?.read();
      if (next === undefined || next.done) throw new SiftError({ message: 'the stream ended before its end' });
      if (next.value.data === '[DONE]') return;
      const chunk = JSON.parse(next.value.data) as Chunk;
      if (chunk.error !== undefined) throw new SiftError(chunk.error);
      yield* eventsOf(chunk);
    }
  } catch (error) {
    if (error instanceof SiftError || signal?.aborted === true) throw error;
    throw new SiftError({ message: `the stream broke off: ${reasonOf(error)}` }, undefined, error);
  } finally {
    await reader?.cancel().catch(() => {});
  }
}
