// The gateway's events in OpenAI's shapes: a stream of chunks, or one completion. Pure over an async iterable of events.
// Progress of queueing and tuning goes out as SSE comments, because SDKs parse every `data:` line. A failed stream says
// `data: {"error":…}` and never [DONE], so that no client takes half an answer for a whole one.
import type { ContextReport } from '../../wire/context.ts';
import type { GuardReport, TuneEvent, Usage } from '../../wire/tune.ts';
import { upstreamFault, wireError } from '../http/errors.ts';
import { refusal } from '../upstream/refusal.ts';

export interface Envelope {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
}

const usageOnWire = ({ prompt_tokens, completion_tokens, tuning_tokens, steps, tuning }: Usage) => ({
  prompt_tokens,
  completion_tokens,
  total_tokens: prompt_tokens + completion_tokens,
  // the steps' tokens are no part of the total that SDKs know
  prompt_tokens_details: {
    tuning_tokens,
    tuning_steps: steps,
    tuning: steps === 0 && tuning.adapter === null ? null : tuning,
  },
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

/** A learning rate for people: a third of one has too many digits. */
const rateInWords = (rate: number): string => String(Number(rate.toPrecision(3)));

/** What the guard saw, as a stream tells it. */
const guarded = ({ outcome, kept_steps, rate, prequential, reason }: GuardReport): string => {
  const seen = prequential === null ? '' : `, ${prequential.toFixed(4)} nats a token from the base on new picks`;
  const why = reason === null ? '' : `; ${reason}`;
  return `guard ${outcome}: ${kept_steps} steps at learning_rate ${rateInWords(rate)}${seen}${why}`;
};

const noResult = () => upstreamFault({ kind: 'backend', message: 'the work ended without a result' }, true);

export interface StreamOptions {
  readonly includeUsage: boolean;
  /** Said first, as comments. */
  readonly preface?: readonly string[];
  /** Told what a stream failed of, beside its reader. */
  readonly onFailure?: (error: unknown) => void;
}

/** SSE text of a completion, piece by piece. */
export async function* completionStream(
  envelope: Envelope,
  events: AsyncIterable<TuneEvent>,
  options: StreamOptions,
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
        case 'restart': {
          const { undone, of, learning_rate, reason } = event.restart;
          const then =
            of === 0 ? 'the base model answers' : `${of} follow at learning_rate ${rateInWords(learning_rate)}`;
          yield comment(`restart: ${undone} steps undone, ${then}: ${reason}`);
          break;
        }
        case 'adapter': {
          const { id, steps } = event.adapter;
          yield comment(`adapter ${id} found: ${steps.length} steps need not be made again`);
          break;
        }
        case 'context': {
          const { examples, dropped, tokens } = event;
          yield comment(`context ${examples} of ${examples + dropped} examples, ${tokens} tokens`);
          break;
        }
        case 'token':
          yield data({ ...completion(envelope, [choice(event.text, null)]), ...withUsage });
          break;
        case 'usage': {
          usage = event.usage;
          const { guard } = usage.tuning;
          if (guard !== null) yield comment(guarded(guard));
          break;
        }
        case 'done':
          yield data({ ...completion(envelope, [choice('', event.finish_reason)]), ...withUsage });
          if (options.includeUsage && usage !== undefined) {
            yield data({ ...completion(envelope, []), usage: usageOnWire(usage) });
          }
          yield 'data: [DONE]\n\n';
          return;
        case 'error':
          throw refusal(event.error, { atWork: true });
      }
    }
    throw noResult();
  } catch (error) {
    options.onFailure?.(error);
    yield data(wireError(error).body);
  }
}

/** The whole completion in one object, and what went into its context. Throws what the events ended in. */
export const completionObject = async (envelope: Envelope, events: AsyncIterable<TuneEvent>) => {
  let text = '';
  let usage: Usage | undefined;
  let context: ContextReport | undefined;
  for await (const event of events) {
    if (event.event === 'context') {
      const { examples, dropped, tokens } = event;
      context = { examples, dropped, tokens };
    } else if (event.event === 'token') text += event.text;
    else if (event.event === 'usage') usage = event.usage;
    else if (event.event === 'error') throw refusal(event.error, { atWork: true });
    else if (event.event === 'done') {
      return {
        completion: {
          ...completion(envelope, [choice(text, event.finish_reason)]),
          ...(usage === undefined ? {} : { usage: usageOnWire(usage) }),
        },
        context,
        adapter: usage?.tuning.adapter ?? null,
      };
    }
  }
  throw noResult();
};
