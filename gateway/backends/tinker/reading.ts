// Texts become ids in a thread of their own, by the same rules as the embedded engine's (../text/sequence.ts): a text of the
// largest size without a blank takes seconds, in which the gateway would hear nobody else. One thread a model: such a text
// keeps other requests of its model waiting to be read, and nothing else. A thread, not a process, because it is plain
// JavaScript; one that ends is replaced when it is next needed.
import { Worker } from 'node:worker_threads';
import { FaultError } from '../../../wire/faults.ts';
import type { Cut, Prompt } from '../contract.ts';
import { orAborted } from '../pause.ts';
import type { Example } from '../text/sequence.ts';
import type { Job, ReadingOptions, Reply } from './reading-messages.ts';

export interface Reading {
  /** A prompt's ids; throws where it leaves no room in the context. */
  prompt(prompt: Prompt, signal: AbortSignal): Promise<readonly number[]>;
  count(prompt: Prompt, signal: AbortSignal): Promise<number>;
  cut(prompt: Prompt, most: number, signal: AbortSignal): Promise<Cut>;
  /** An example as far as a step of so many tokens reads it. */
  example(text: string, most: number, signal: AbortSignal): Promise<Example>;
  scored(context: string, text: string, signal: AbortSignal): Promise<{ ids: readonly number[]; from: number }>;
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export const createReading = (options: ReadingOptions): Reading => {
  const pending = new Map<number, Pending>();
  let closed = false;
  let last = 0;

  function start(): Worker {
    const made = new Worker(new URL('./reading-thread.ts', import.meta.url), { workerData: options, execArgv: [] });
    const ended = (why: string): void => {
      if (worker !== made) return;
      worker = undefined;
      for (const { reject } of pending.values()) reject(new FaultError({ kind: 'backend', message: why }));
      pending.clear();
    };
    made.on('message', (reply: Reply) => {
      const waiting = pending.get(reply.id);
      pending.delete(reply.id);
      if ('fault' in reply) waiting?.reject(new FaultError(reply.fault));
      else waiting?.resolve(reply.done);
    });
    made.on('error', (error: Error) => ended(`its tokenizer crashed: ${error.message}`));
    made.on('exit', () => ended('its tokenizer ended'));
    // a gateway with nothing else to do may end
    made.unref();
    return made;
  }

  // at once, so that the first request does not wait for it
  let worker: Worker | undefined = start();

  const ask = (job: Job, signal: AbortSignal): Promise<unknown> => {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (closed) return Promise.reject(new FaultError({ kind: 'backend', message: 'the backend is closed' }));
    worker ??= start();
    last += 1;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    pending.set(last, { resolve, reject });
    worker.postMessage({ id: last, job });
    return orAborted(promise, signal);
  };

  // the thread answers each job with its own kind of result
  return {
    prompt: async (prompt, signal) => (await ask({ do: 'prompt', prompt }, signal)) as readonly number[],
    count: async (prompt, signal) => (await ask({ do: 'count', prompt }, signal)) as number,
    cut: async (prompt, most, signal) => (await ask({ do: 'cut', prompt, most }, signal)) as Cut,
    example: async (text, most, signal) => (await ask({ do: 'example', text, most }, signal)) as Example,
    scored: async (context, text, signal) =>
      (await ask({ do: 'scored', context, text }, signal)) as { ids: readonly number[]; from: number },
    async close() {
      closed = true;
      const before = worker;
      worker = undefined;
      for (const { reject } of pending.values()) {
        reject(new FaultError({ kind: 'backend', message: 'the backend is closed' }));
      }
      pending.clear();
      await before?.terminate();
    },
  };
};
