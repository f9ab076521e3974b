// What the pool and its worker processes say to each other. One call at a time in a worker; `cancel` is heard between
// tokens, because a run of the graph blocks the worker's event loop.
import type { Fault } from '../../../wire/faults.ts';
import type { Cut, Generation, Model, OpenOptions, Piece, Prompt, Sampling, Score, Step } from '../contract.ts';
import type { Adapter, Gradients } from './weights.ts';

/** A model as a worker has read it; its revision is found out once, not by each worker. */
export type LoadedModel = Omit<Model, 'revision'>;

export interface WorkerSetup {
  readonly models: Readonly<Record<string, string>>;
  readonly threads: number;
}

export type Call =
  | { readonly do: 'open'; readonly options: OpenOptions }
  | { readonly do: 'check'; readonly prompt: Prompt }
  | { readonly do: 'count'; readonly prompts: readonly Prompt[] }
  | { readonly do: 'cut'; readonly prompt: Prompt; readonly most: number }
  | { readonly do: 'fit'; readonly texts: readonly string[] }
  | { readonly do: 'step'; readonly text: string }
  | { readonly do: 'loss'; readonly text: string }
  | { readonly do: 'restart'; readonly learningRate: number }
  | { readonly do: 'score'; readonly context: string; readonly text: string }
  | { readonly do: 'generate'; readonly prompt: Prompt; readonly sampling: Sampling }
  | { readonly do: 'export' }
  | { readonly do: 'import'; readonly adapter: Adapter }
  | { readonly do: 'keep'; readonly maxBytes: number }
  | { readonly do: 'resume'; readonly copy: Gradients }
  | { readonly do: 'close' };

export type ToWorker =
  | { readonly setup: WorkerSetup }
  | { readonly call: number; readonly body: Call }
  | { readonly cancel: number };

export type Outcome = Step | Cut | Score | Generation | number | readonly number[] | Gradients | null;

export type FromWorker =
  | { readonly ready: readonly LoadedModel[] }
  | { readonly failed: string }
  | { readonly call: number; readonly piece: Piece }
  | { readonly call: number; readonly done: Outcome }
  | { readonly call: number; readonly fault: Fault };
