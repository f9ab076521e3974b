// Compiles a model's graphs before somebody waits for them: after the worker has said that it is ready, one at a time, and
// never while a session is open, so that a request waits for the graphs that it needs and for the rest of one other at most.
// A graph that cannot be compiled fails here unheard: the call that needs it meets the same error.
import type { TuningDefaults } from '../contract.ts';
import type { Model } from './model/model.ts';

export type Graphs = Pick<Model, 'training' | 'prompt' | 'next' | 'scoring'>;

/** In the order in which a request tuned with the model's defaults needs them, then what serves the untuned model. */
export const warmUpTasks = (graphs: Graphs, { method, rank }: TuningDefaults): (() => Promise<unknown>)[] => {
  const own = method === 'lora' ? rank : 0;
  const ranks = own === 0 ? [0] : [own, 0];
  return [
    () => graphs.training(own),
    ...ranks.flatMap((of) => [() => graphs.prompt(of), () => graphs.next(of), () => graphs.scoring(of)]),
  ];
};

export interface WarmUp {
  add(tasks: readonly (() => Promise<unknown>)[]): void;
  /** Goes on, where nothing is in the way any more. */
  resume(): void;
}

/** `later` runs something once messages that wait have been heard; while `busy`, no task begins. */
export const createWarmUp = (later: (go: () => void) => void, busy: () => boolean): WarmUp => {
  const tasks: (() => Promise<unknown>)[] = [];
  let working = false;

  const go = (): void => {
    const task = busy() ? undefined : tasks.shift();
    if (task === undefined) {
      working = false;
      return;
    }
    const next = (): void => later(go);
    task().then(next, next);
  };
  const resume = (): void => {
    if (working || tasks.length === 0) return;
    working = true;
    later(go);
  };
  return {
    add(more) {
      tasks.push(...more);
      resume();
    },
    resume,
  };
};
