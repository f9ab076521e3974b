// How long one call to another server may last: the whole of it, and each wait for its next sign of life. One signal ends
// the call, by whichever comes first: the caller leaves, the deadline passes, a wait takes too long. Its reason is the
// fault. Every timer and listener ends with its wait or with the call.
import { type Fault, FaultError } from '../../wire/faults.ts';

export class Patience {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  readonly #deadline: ReturnType<typeof setTimeout>;

  constructor(caller: AbortSignal, deadlineMs: number) {
    this.#caller = caller;
    this.#deadline = setTimeout(() => {
      this.stop({ kind: 'deadline', afterMs: deadlineMs, stage: 'gateway' });
    }, deadlineMs);
    if (caller.aborted) this.#left();
    else caller.addEventListener('abort', this.#left, { once: true });
  }

  /** Ends the call's own I/O. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the call now, for this reason. */
  stop(fault: Fault): void {
    this.end();
    this.#controller.abort(new FaultError(fault));
  }

  /** Whatever is still to come is not wanted: the connection is given up. */
  abandon(): void {
    this.stop({ kind: 'cancelled', stage: 'gateway' });
  }

  /** The call is over: nothing of it stays behind. */
  end(): void {
    clearTimeout(this.#deadline);
    this.#caller.removeEventListener('abort', this.#left);
  }

  /** The work's result; rejects with the call's fault as soon as it is stopped, whatever the work does. */
  wait<T>(work: Promise<T>, afterMs: number, stage: 'first byte' | 'idle'): Promise<T> {
    const { signal } = this;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => this.stop({ kind: 'gateway_timeout', stage, afterMs }), afterMs);
      const over = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', stopped);
      };
      const stopped = (): void => {
        over();
        reject(signal.reason);
      };
      signal.addEventListener('abort', stopped, { once: true });
      // looked at in any case, so that work that fails after the call was stopped is no unhandled rejection
      work.then(resolve, reject).finally(over);
      if (signal.aborted) stopped();
    });
  }

  /** Resolves after so many milliseconds, or rejects like any other wait. */
  async pause(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    try {
      await this.wait(over, ms + 1_000, 'idle');
    } finally {
      if (timer !== undefined) clearTimeout(timer);
    }
  }

  readonly #left = (): void => this.abandon();
}
