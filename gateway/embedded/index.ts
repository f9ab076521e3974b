// The embedded backend: models from disk, trained and sampled on the CPU by onnxruntime in worker threads.
// A thread serves one session at a time; open() waits for a free one. A thread that crashed or had to be terminated is
// replaced at the next open(), and only its own session ever notices.
import type { Backend, Generation, OpenOptions, Piece, Sampling, Score, Session, Step } from '../backend.ts';
import { startThread, type Thread } from './thread.ts';

export interface EmbeddedOptions {
  /** Model name → directory in Hugging Face layout. */
  readonly models: Readonly<Record<string, string>>;
  /** Worker threads, i.e. sessions at once. Each holds the models in memory. */
  readonly workers?: number;
  /** Threads inside one computation. More than one pays only on an otherwise idle machine. */
  readonly threads?: number;
}

interface Pool {
  take(signal: AbortSignal): Promise<Thread>;
  give(thread: Thread): void;
  close(): Promise<void>;
}

const createPool = (first: Thread, size: number, start: () => Promise<Thread>): Pool => {
  const free: Thread[] = [first];
  const waiting: { resolve: (thread: Thread) => void; reject: (error: unknown) => void }[] = [];
  const all = new Set<Thread>([first]);
  let starting = 0;
  let closed = false;

  const add = async (): Promise<void> => {
    starting += 1;
    try {
      const thread = await start();
      all.add(thread);
      give(thread);
    } catch (error) {
      waiting.shift()?.reject(error);
    } finally {
      starting -= 1;
    }
  };
  const give = (thread: Thread): void => {
    if (closed || !thread.alive) {
      all.delete(thread);
      void thread.terminate();
      if (!closed && waiting.length > 0) void add();
      return;
    }
    const next = waiting.shift();
    if (next === undefined) free.push(thread);
    else next.resolve(thread);
  };
  return {
    async take(signal) {
      signal.throwIfAborted();
      for (let thread = free.pop(); thread !== undefined; thread = free.pop()) {
        if (thread.alive) return thread;
        all.delete(thread);
      }
      const { promise, resolve, reject } = Promise.withResolvers<Thread>();
      const entry = { resolve, reject };
      waiting.push(entry);
      const leave = (): void => {
        const at = waiting.indexOf(entry);
        if (at >= 0) waiting.splice(at, 1);
        reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      if (all.size + starting < size) void add();
      try {
        return await promise;
      } finally {
        signal.removeEventListener('abort', leave);
      }
    },
    give,
    async close() {
      closed = true;
      await Promise.all(Array.from(all, (thread) => thread.terminate()));
    },
  };
};

const createSession = (thread: Thread, pool: Pool): Session => {
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await thread.idle(); // a call that was aborted ends by itself or with its thread
    if (thread.alive) await thread.call({ do: 'close' }, new AbortController().signal).catch(() => {});
    pool.give(thread);
  };
  return {
    step: async (text, signal) => (await thread.call({ do: 'step', text }, signal)) as Step,
    score: async (context, text, signal) => (await thread.call({ do: 'score', context, text }, signal)) as Score,
    async *generate(prompt: string, sampling: Sampling, signal: AbortSignal): AsyncGenerator<Piece, Generation, void> {
      const ended = new AbortController(); // aborted too when the consumer stops early
      const pieces: Piece[] = [];
      let wake = Promise.withResolvers<void>();
      const call = thread.call(
        { do: 'generate', prompt, sampling },
        AbortSignal.any([signal, ended.signal]),
        (piece) => {
          pieces.push(piece);
          wake.resolve();
        },
      );
      let over = false;
      call
        .catch(() => {})
        .finally(() => {
          over = true;
          wake.resolve();
        });
      try {
        for (;;) {
          await wake.promise;
          wake = Promise.withResolvers<void>();
          if (over) wake.resolve();
          for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) yield piece;
          if (over) return (await call) as Generation;
        }
      } finally {
        ended.abort();
      }
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
};

/** Reads the models in one worker and serves; rejects with a sentence if one cannot be read. */
export const createEmbeddedBackend = async (options: EmbeddedOptions): Promise<Backend> => {
  const workers = options.workers ?? 1;
  const setup = { models: options.models, threads: options.threads ?? 1 };
  const first = await startThread(setup);
  const pool = createPool(first, workers, () => startThread(setup));
  return {
    models: first.models,
    concurrency: workers,
    async open(openOptions: OpenOptions, signal) {
      const thread = await pool.take(signal);
      const session = createSession(thread, pool);
      try {
        await thread.call({ do: 'open', options: openOptions }, signal);
        return session;
      } catch (error) {
        await session.close();
        throw error;
      }
    },
    close: () => pool.close(),
  };
};
