// The gateway's events as a stream of chunks, in SSE's text. Pure over an async iterable of events.
// Progress goes out as comments, because SDKs parse every `data:` line, or as data for a caller who asks for it. A failed
// stream says `data: {"error":…}` and never [DONE], so that no client takes half an answer for a whole one.
import { at } from '../../wire/list.ts';
import { wireError } from '../http/errors.ts';
import { Account, usageOf } from './account.ts';
import { type Progress, progressOf } from './progress.ts';
import type { Told } from './run.ts';
import type { Shape } from './shape.ts';
import type { Asked } from './whole.ts';

const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

/** The comment's text must not end the comment. */
const comment = (text: string): string => `: ${text.replaceAll(/[\r\n]+/g, ' ')}\n\n`;

function* filled(text: string): Generator<string, void, void> {
  if (text !== '') yield text;
}

export interface StreamOptions extends Asked {
  readonly includeUsage: boolean;
  /** Progress as data. */
  readonly includeSift: boolean;
  /** Said of each prompt before its events. */
  readonly prefaces?: readonly (Progress | undefined)[];
  /** Told what a stream failed of, beside its reader. */
  readonly onFailure?: (error: unknown) => void;
}

export async function* answerStream(
  shape: Shape,
  told: AsyncIterable<Told>,
  { prompts, n, includeUsage, includeSift, prefaces = [], onFailure }: StreamOptions,
): AsyncGenerator<string, void, void> {
  const accounts = Array.from({ length: prompts }, () => new Account());
  const begun = new Set<number>();
  const finished = new Set<number>();
  const offsets = new Map<number, number>();
  const chunk = (choices: readonly object[], more: object = {}): string =>
    data({ ...shape.chunk(choices), ...(includeUsage ? { usage: null } : {}), ...more });
  const say = (prompt: number, progress: Progress | undefined): string => {
    if (progress === undefined) return '';
    const of = prompts === 1 ? {} : { prompt };
    return includeSift ? chunk([], { sift: { ...of, ...progress.data } }) : comment(progress.words);
  };
  const begin = (index: number): string => {
    if (begun.has(index)) return '';
    begun.add(index);
    return shape.begin === undefined ? '' : chunk([shape.begin(index)]);
  };
  const end = (index: number, reason: 'stop' | 'length'): string => {
    if (finished.has(index)) return '';
    finished.add(index);
    return begin(index) + chunk([shape.end(index, reason)]);
  };
  const pieceOf = ({ prompt, event }: Told): string => {
    switch (event.event) {
      case 'token': {
        const index = prompt * n + event.index;
        const offset = offsets.get(index) ?? 0;
        offsets.set(index, offset + event.text.length);
        return begin(index) + chunk([shape.piece({ index, text: event.text, logprobs: event.logprobs, offset })]);
      }
      case 'finish':
        return end(prompt * n + event.index, event.finish_reason);
      case 'done':
        // a gateway that knows one sample only has no `finish`
        return end(prompt * n, event.finish_reason);
      default:
        return say(prompt, progressOf(event));
    }
  };
  let current = 0;
  try {
    yield* filled(say(0, prefaces[0]));
    for await (const one of told) {
      if (one.prompt > current) {
        current = one.prompt;
        yield* filled(say(current, prefaces[current]));
      }
      at(accounts, one.prompt).see(one.event);
      yield* filled(pieceOf(one));
    }
    const usage = usageOf(accounts);
    if (includeUsage && usage !== undefined) yield data({ ...shape.chunk([]), usage });
    yield 'data: [DONE]\n\n';
  } catch (error) {
    onFailure?.(error);
    yield data(wireError(error).body);
  }
}
