// One streamed answer as a value that grows: what happened before the first token, the steps' losses, the text.
import type { GenerateEvent } from '../../client/index.ts';
import type { SiftEvent } from '../../wire/api/generation.ts';

export interface Answer {
  readonly state: 'idle' | 'busy' | 'done' | 'stopped' | 'failed';
  readonly text: string;
  /** What is going on, in words. */
  readonly stage: string;
  /** Loss of each step on its example, before the step. */
  readonly losses: readonly number[];
  /** Milliseconds to the first token, and to the end. */
  readonly firstMs?: number;
  readonly totalMs?: number;
  readonly tokens?: number;
  readonly guard?: string;
  readonly problem?: string;
}

export const IDLE: Answer = { state: 'idle', text: '', stage: '', losses: [] };

const withSift = (answer: Answer, name: string, value: unknown): Answer => {
  const { queued, selection, step, restart, context, adapter, guard } = { [name]: value } as SiftEvent;
  if (queued !== undefined) return { ...answer, stage: `waits, place ${queued.position}` };
  if (selection !== undefined) return { ...answer, stage: `${selection.picks.length} examples selected` };
  if (step !== undefined) {
    const losses = [...answer.losses.slice(0, step.index), step.loss];
    return { ...answer, losses, stage: `step ${step.index + 1} of ${step.of}` };
  }
  if (restart !== undefined)
    return { ...answer, losses: [], stage: `${restart.undone} steps undone: ${restart.reason}` };
  if (adapter?.reused === true) return { ...answer, stage: 'the same steps were made before' };
  if (context !== undefined) return { ...answer, stage: `${context.examples} examples in the context` };
  if (guard !== undefined) return { ...answer, guard: guard.outcome };
  return answer;
};

export const withEvent = (answer: Answer, event: GenerateEvent, ms: number): Answer => {
  switch (event.type) {
    case 'text':
      return { ...answer, text: answer.text + event.text, firstMs: answer.firstMs ?? ms, stage: 'writes' };
    case 'usage':
      return { ...answer, tokens: Number(event.usage.completion_tokens) };
    case 'sift':
      return withSift(answer, event.name, event.value);
    default:
      return answer;
  }
};
