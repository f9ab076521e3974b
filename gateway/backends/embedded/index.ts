// The embedded backend: models from disk, trained and sampled on the CPU by onnxruntime in worker processes.
// A worker serves one session at a time; open() waits for a free one. A worker that crashed or had to be killed is
// replaced at the next open(), and only its own session ever notices.
import type {
  Backend,
  Cut,
  Generation,
  KeptWeights,
  OpenOptions,
  Piece,
  Prompt,
  Sampling,
  Score,
  Session,
  Step,
} from '../contract.ts';
import { fingerprintOf } from './fingerprint.ts';
import { startWorker, type WorkerProcess } from './process.ts';
import type { Adapter, Gradients } from './weights.ts';

/** What only this backend can: take LoRA's factors out of a session, and go on from others. No request reaches it. */
export interface EmbeddedSession extends Session {
  /** The factors as they are now. Throws for full fine-tuning. */
  exportAdapter(signal: AbortSignal): Promise<Adapter>;
  /** As if opened anew with these factors; throws where they are not of this model and the session's rank. */
  importAdapter(adapter: Adapter, signal: AbortSignal): Promise<void>;
}

export interface EmbeddedBackend extends Backend {
  open(options: OpenOptions, signal: AbortSignal): Promise<EmbeddedSession>;
}

export interface EmbeddedOptions {
  /** Model name → directory in Hugging Face layout. */
  readonly models: Readonly<Record<string, string>>;
  /** Worker processes, i.e. sessions at once. Each holds the models in memory. */
  readonly workers?: number;
  /** Threads inside one computation. More than one pays only on an otherwise idle machine. */
  readonly threads?: number;
}

/** Kept weights are arrays in this process, whichever worker made them; whoever drops the key drops them. */
const arraysOf = new WeakMap<KeptWeights, Gradients>();

const bytesOf = (arrays: Gradients): number => {
  let bytes = 0;
  for (const { byteLength } of arrays.values()) bytes += byteLength;
  return bytes;
};

interface Pool {
  take(signal: AbortSignal): Promise<WorkerProcess>;
  give(worker: WorkerProcess): void;
  close(): Promise<void>;
}

const createPool = (first: WorkerProcess, size: number, start: () => Promise<WorkerProcess>): Pool => {
  const free: WorkerProcess[] = [first];
  const waiting: { resolve: (worker: WorkerProcess) => void; reject: (error: unknown) => void }[] = [];
  const all = new Set<WorkerProcess>([first]);
  let starting = 0;
  let closed = false;

  const add = async (): Promise<void> => {
    starting += 1;
    try {
      const worker = await start();
      all.add(worker);
      give(worker);
    } catch (error) {
      waiting.shift()?.reject(error);
    } finally {
      starting -= 1;
    }
  };
  const give = (worker: WorkerProcess): void => {
    if (closed || !worker.alive) {
      all.delete(worker);
      worker.kill();
      if (!closed && waiting.length > 0) void add();
      return;
    }
    const next = waiting.shift();
    if (next === undefined) free.push(worker);
    else next.resolve(worker);
  };
  return {
    async take(signal) {
      signal.throwIfAborted();
      for (let worker = free.pop(); worker !== undefined; worker = free.pop()) {
        if (worker.alive) return worker;
        all.delete(worker);
      }
      const { promise, resolve, reject } = Promise.withResolvers<WorkerProcess>();
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
      for (const worker of all) worker.kill();
    },
  };
};

const createSession = (worker: WorkerProcess, pool: Pool): EmbeddedSession => {
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await worker.idle(); // a call that was aborted ends by itself or with its worker
    if (worker.alive) await worker.call({ do: 'close' }, new AbortController().signal).catch(() => {});
    pool.give(worker);
  };
  return {
    async check(prompt, signal) {
      await worker.call({ do: 'check', prompt }, signal);
    },
    count: async (prompts, signal) => (await worker.call({ do: 'count', prompts }, signal)) as readonly number[],
    cut: async (prompt, most, signal) => (await worker.call({ do: 'cut', prompt, most }, signal)) as Cut,
    async *train(examples, signal) {
      await worker.call({ do: 'fit', texts: examples }, signal);
      for (const text of examples) yield (await worker.call({ do: 'step', text }, signal)) as Step;
    },
    async *losses(examples, signal) {
      for (const text of examples) yield (await worker.call({ do: 'loss', text }, signal)) as number;
    },
    async restart(learningRate, signal) {
      await worker.call({ do: 'restart', learningRate }, signal);
    },
    exportAdapter: async (signal) => (await worker.call({ do: 'export' }, signal)) as Adapter,
    async importAdapter(adapter, signal) {
      await worker.call({ do: 'import', adapter }, signal);
    },
    keeping: {
      async keep(maxBytes, signal) {
        const arrays = (await worker.call({ do: 'keep', maxBytes }, signal)) as Gradients | null;
        if (arrays === null) return undefined;
        const kept: KeptWeights = { bytes: bytesOf(arrays) };
        arraysOf.set(kept, arrays);
        return kept;
      },
      async resume(kept, signal) {
        const copy = arraysOf.get(kept);
        if (copy === undefined) return false;
        await worker.call({ do: 'resume', copy }, signal);
        return true;
      },
    },
    score: async (context, text, signal) => (await worker.call({ do: 'score', context, text }, signal)) as Score,
    async *generate(prompt: Prompt, sampling: Sampling, signal: AbortSignal): AsyncGenerator<Piece, Generation, void> {
      const ended = new AbortController(); // aborted too when the consumer stops early
      const pieces: Piece[] = [];
      let wake = Promise.withResolvers<void>();
      const call = worker.call(
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
export const createEmbeddedBackend = async (options: EmbeddedOptions): Promise<EmbeddedBackend> => {
  const workers = options.workers ?? 1;
  const setup = { models: options.models, threads: options.threads ?? 1 };
  // hashed while the worker loads them; what cannot be read is the worker's to say
  const hashes = Object.entries(options.models).map(async ([id, directory]) => {
    return [id, await fingerprintOf(directory)] as const;
  });
  for (const hash of hashes) hash.catch(() => {});
  const first = await startWorker(setup);
  const revisions = new Map(await Promise.all(hashes));
  const pool = createPool(first, workers, () => startWorker(setup));
  return {
    models: first.models.map((model) => ({ ...model, revision: revisions.get(model.id) ?? '' })),
    concurrency: workers,
    async open(openOptions: OpenOptions, signal) {
      const worker = await pool.take(signal);
      const session = createSession(worker, pool);
      try {
        await worker.call({ do: 'open', options: openOptions }, signal);
        return session;
      } catch (error) {
        await session.close();
        throw error;
      }
    },
    close: () => pool.close(),
  };
};
