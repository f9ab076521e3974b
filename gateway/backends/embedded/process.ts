// One worker process as an object with calls: replies matched to calls, a crash turned into the fault of the call that
// was running, an abort answered at once, and a process that does not come back from it killed.
// A process, not a worker thread: a thread that is terminated inside a native run aborts the whole gateway (SIGABRT,
// onnxruntime-node 1.30 on Node 26), and a disconnect has to end even a long step within a second.
import { fork } from 'node:child_process';
import { FaultError } from '../../../wire/faults.ts';
import type { Piece } from '../contract.ts';
import type { Call, FromWorker, LoadedModel, Outcome, ToWorker, WorkerSetup } from './messages.ts';

/** Milliseconds an aborted call may go on before its process is killed: a caller's leaving ends the work in 1 s. */
const ABORT_GRACE_MS = 700;

export interface WorkerProcess {
  readonly models: readonly LoadedModel[];
  readonly alive: boolean;
  call(body: Call, signal: AbortSignal, onPiece?: (piece: Piece) => void): Promise<Outcome>;
  /** Resolves when no call is running; by then the process may be dead. */
  idle(): Promise<void>;
  kill(): void;
}

const backendFault = (message: string): FaultError => new FaultError({ kind: 'backend', message });

interface Pending {
  resolve: (outcome: Outcome) => void;
  reject: (error: unknown) => void;
  onPiece: ((piece: Piece) => void) | undefined;
}

/** Starts a process; rejects if a model cannot be read. */
export const startWorker = async (setup: WorkerSetup): Promise<WorkerProcess> => {
  // advanced serialisation is structured clone, so that NaN and undefined arrive as they left
  const worker = fork(new URL('./worker.ts', import.meta.url), [], { serialization: 'advanced', execArgv: [] });
  const pending = new Map<number, Pending>();
  let waiters: (() => void)[] = [];
  let alive = true;
  let next = 0;

  const settled = (): void => {
    if (pending.size > 0) return;
    for (const waiter of waiters) waiter();
    waiters = [];
  };
  const die = (why: string): void => {
    alive = false;
    for (const { reject } of pending.values()) reject(backendFault(why));
    pending.clear();
    settled();
  };

  const post = (message: ToWorker): void => {
    // the callback keeps a closed channel from becoming an uncaught error; 'exit' tells the callers
    if (worker.connected) worker.send(message, () => {});
  };
  const models = await new Promise<readonly LoadedModel[]>((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      if ('ready' in message) resolve(message.ready);
      else if ('failed' in message) {
        reject(new Error(message.failed));
        worker.kill('SIGKILL');
      } else {
        const waiting = pending.get(message.call);
        if (waiting === undefined) return;
        if ('piece' in message) {
          waiting.onPiece?.(message.piece);
          return;
        }
        pending.delete(message.call);
        if ('fault' in message) waiting.reject(new FaultError(message.fault));
        else waiting.resolve(message.done);
        settled();
      }
    });
    post({ setup });
    worker.on('error', (error: Error) => {
      reject(error);
      die(`its worker crashed: ${error.message}`);
    });
    worker.on('exit', (code, signal) => {
      const how = signal === null ? `code ${code}` : `signal ${signal}`;
      reject(new Error(`the worker ended with ${how}`));
      die(`its worker ended with ${how}`);
    });
  });
  // a gateway with nothing else to do may end; the worker sees its channel close, and ends too
  worker.unref();
  worker.channel?.unref();

  return {
    models,
    get alive() {
      return alive;
    },
    async call(body, signal, onPiece) {
      signal.throwIfAborted();
      if (!alive) throw backendFault('its worker is gone');
      next += 1;
      const call = next;
      const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
      pending.set(call, { resolve, reject, onPiece });
      const aborted = (): void => {
        reject(signal.reason); // the caller knows at once; the process gets its grace
        const waiting = pending.get(call);
        if (waiting === undefined) return;
        post({ cancel: call });
        const timer = setTimeout(() => {
          if (pending.has(call)) worker.kill('SIGKILL');
        }, ABORT_GRACE_MS);
        timer.unref();
        waiters.push(() => clearTimeout(timer));
      };
      signal.addEventListener('abort', aborted, { once: true });
      post({ call, body });
      try {
        return await promise;
      } finally {
        signal.removeEventListener('abort', aborted);
      }
    },
    idle: () => (pending.size === 0 ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
    kill() {
      alive = false;
      worker.kill('SIGKILL');
    },
  };
};
