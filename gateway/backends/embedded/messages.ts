// What the pool and its worker processes say to each other. One call at a time in a worker; `cancel` is heard between
// tokens, because a run of the graph blocks the worker's event loop.
import type { Fault } from '../../../wire/faults.ts';
import type { Generation, Model, OpenOptions, Piece, Sampling, Score, Step } from '../contract.ts';
import type { Adapter } from './weights.ts';

export interface WorkerSetup {
  readonly models: Readonly<Record<string, string>>;
  readonly threads: number;
}

export type Call =
  | { readonly do: 'open'; readonly options: OpenOptions }
  | { readonly do: 'check'; readonly prompt: string }
  | { readonly do: 'count'; readonly texts: readonly string[] }
  | { readonly do: 'fit'; readonly texts: readonly string[] }
  | { readonly do: 'step'; readonly text: string }
  | { readonly do: 'loss'; readonly text: string }
  | { readonly do: 'restart'; readonly learningRate: number }
  | { readonly do: 'score'; readonly context: string; readonly text: string }
  | { readonly do: 'generate'; readonly prompt: string; readonly sampling: Sampling }
  | { readonly do: 'export' }
  | { readonly do: 'import'; readonly adapter: Adapter }
  | { readonly do: 'close' };

export type ToWorker =
  | { readonly setup: WorkerSetup }
  | { readonly call: number; readonly body: Call }
  | { readonly cancel: number };

export type Outcome = Step | Score | Generation | number | readonly number[] | Adapter | null;

export type FromWorker =
  | { readonly ready: readonly Model[] }
  | { readonly failed: string }
  | { readonly call: number; readonly piece: Piece }
  | { readonly call: number; readonly done: Outcome }
  | { readonly call: number; readonly fault: Fault };
