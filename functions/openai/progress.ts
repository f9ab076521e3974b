// What an answer's reader is told of the work before and beside the tokens: as comments of the stream, which SDKs pass over,
// or, for a caller who asks for it, as data.
import type { SiftEvent } from '../../wire/api/generation.ts';
import type { TuneEvent } from '../../wire/tune/responses.ts';
import type { GuardReport } from '../../wire/tune/steps.ts';
import { chosenShort } from '../select/answer.ts';
import type { Selection } from '../select/selection.ts';

/** Progress in both forms. */
export interface Progress {
  readonly words: string;
  readonly data: SiftEvent;
}

/** A learning rate for people: a third of one has too many digits. */
const rateInWords = (rate: number): string => String(Number(rate.toPrecision(3)));

/** What the guard saw. */
const guarded = ({ outcome, kept_steps, rate, prequential, reason }: GuardReport): string => {
  const seen = prequential === null ? '' : `, ${prequential.toFixed(4)} nats a token from the base on new picks`;
  const why = reason === null ? '' : `; ${reason}`;
  return `guard ${outcome}: ${kept_steps} steps at learning_rate ${rateInWords(rate)}${seen}${why}`;
};

export const selected = (selection: Selection): Progress => {
  const { picks, pool, initialVariance, finalVariance, explained } = selection;
  const sigma2 = `sigma2 ${initialVariance.toFixed(4)} to ${finalVariance.toFixed(4)}`;
  return {
    words: `selected ${picks.length} of ${pool.size}, ${sigma2}, explained ${explained?.toFixed(3) ?? 'nothing'}`,
    data: { selection: chosenShort(selection) },
  };
};

/** What an event tells of the work; undefined for tokens and the end. */
export const progressOf = (event: TuneEvent): Progress | undefined => {
  switch (event.event) {
    case 'queued': {
      const { position } = event;
      return { words: `queued ${position}`, data: { queued: { position } } };
    }
    case 'step': {
      const { step } = event;
      const words = `step ${step.index + 1}/${step.of} loss ${step.loss.toFixed(4)} example ${step.id}`;
      return { words, data: { step } };
    }
    case 'restart': {
      const { undone, of, learning_rate, reason } = event.restart;
      const then = of === 0 ? 'the base model answers' : `${of} follow at learning_rate ${rateInWords(learning_rate)}`;
      return { words: `restart: ${undone} steps undone, ${then}: ${reason}`, data: { restart: event.restart } };
    }
    case 'adapter': {
      const { id, reused, steps } = event.adapter;
      const words = `adapter ${id} found: ${steps.length} steps need not be made again`;
      return { words, data: { adapter: { id, reused, steps: steps.length } } };
    }
    case 'truncated': {
      const { dropped_tokens, kept_tokens } = event;
      const words = `truncated: the prompt's first ${dropped_tokens} tokens are left out, ${kept_tokens} are read`;
      return { words, data: { truncated: { dropped_tokens, kept_tokens } } };
    }
    case 'context': {
      const { examples, dropped, tokens } = event;
      const words = `context ${examples} of ${examples + dropped} examples, ${tokens} tokens`;
      return { words, data: { context: { examples, dropped, tokens } } };
    }
    case 'usage': {
      const { guard } = event.usage.tuning;
      return guard === null ? undefined : { words: guarded(guard), data: { guard } };
    }
    default:
      return undefined;
  }
};
