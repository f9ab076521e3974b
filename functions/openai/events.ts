// The gateway's events in OpenAI's shapes: a stream of chunks, or one completion. Pure over an async iterable of events.
// Progress of queueing and tuning goes out as SSE comments, because SDKs parse every `data:` line. A failed stream says
// `data: {"error":…}` and never [DONE], so that no client takes half an answer for a whole one.
import { FaultError } from '../../wire/faults.ts';
import type { TuneEvent, Usage } from '../../wire/tune.ts';
import { RelayedError, wireError } from '../http/errors.ts';

export interface Envelope {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
}

const usageOnWire = ({ prompt_tokens, completion_tokens, tuning_tokens, steps }: Usage) => ({
  prompt_tokens,
  completion_tokens,
  total_tokens: prompt_tokens + completion_tokens,
  // the steps' tokens are no part of the total that SDKs know
  prompt_tokens_details: { tuning_tokens, tuning_steps: steps },
});

const choice = (text: string, finish: 'stop' | 'length' | null) => ({
  text,
  index: 0,
  logprobs: null,
  finish_reason: finish,
});

const completion = (envelope: Envelope, choices: unknown[]) => ({ ...envelope, object: 'text_completion', choices });

const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

/** The comment's text must not end the comment. */
const comment = (text: string): string => `: ${text.replaceAll(/[\r\n]+/g, ' ')}\n\n`;

/** What the caller asked wrong (a prompt that the context cannot hold) is 400, whatever else broke is the backend's. */
const errorFromGateway = ({ error }: Extract<TuneEvent, { event: 'error' }>): RelayedError =>
  new RelayedError({ status: error.type === 'invalid_request_error' ? 400 : 502, body: { error }, headers: {} });

/** SSE text of a completion, piece by piece. `preface` is said first, as comments. */
export async function* completionStream(
  envelope: Envelope,
  events: AsyncIterable<TuneEvent>,
  options: { includeUsage: boolean; preface?: readonly string[] },
): AsyncGenerator<string, void, void> {
  for (const line of options.preface ?? []) yield comment(line);
  const withUsage = options.includeUsage ? { usage: null } : {};
  let usage: Usage | undefined;
  try {
    for await (const event of events) {
      switch (event.event) {
        case 'queued':
          yield comment(`queued ${event.position}`);
          break;
        case 'step': {
          const { index, of, loss, id } = event.step;
          yield comment(`step ${index + 1}/${of} loss ${loss.toFixed(4)} example ${id}`);
          break;
        }
        case 'token':
          yield data({ ...completion(envelope, [choice(event.text, null)]), ...withUsage });
          break;
        case 'usage':
          usage = event.usage;
          break;
        case 'done':
          yield data({ ...completion(envelope, [choice('', event.finish_reason)]), ...withUsage });
          if (options.includeUsage && usage !== undefined) {
            yield data({ ...completion(envelope, []), usage: usageOnWire(usage) });
          }
          yield 'data: [DONE]\n\n';
          return;
        case 'error':
          throw errorFromGateway(event);
      }
    }
    throw new FaultError({ kind: 'backend', message: 'the work ended without a result' });
  } catch (error) {
    yield data(wireError(error).body);
  }
}

/** The whole completion in one object. Throws what the events ended in. */
export const completionObject = async (envelope: Envelope, events: AsyncIterable<TuneEvent>) => {
  let text = '';
  let usage: Usage | undefined;
  for await (const event of events) {
    if (event.event === 'token') text += event.text;
    else if (event.event === 'usage') usage = event.usage;
    else if (event.event === 'error') throw errorFromGateway(event);
    else if (event.event === 'done') {
      return {
        ...completion(envelope, [choice(text, event.finish_reason)]),
        ...(usage === undefined ? {} : { usage: usageOnWire(usage) }),
      };
    }
  }
  throw new FaultError({ kind: 'backend', message: 'the work ended without a result' });
};
