// The bounded queue in front of the backend: `concurrency` run, up to `limit` wait, the next is told 503 at once.
// First come, first served; whoever goes away while waiting leaves the line without taking a turn.
import { fail, ok, type Result } from '../wire/faults.ts';

export interface Ticket {
  /** 0: it is running; n: n-th in line. */
  readonly position: number;
  /** Resolves at the ticket's turn; rejects with the signal's reason if the caller goes away first. */
  readonly turn: Promise<void>;
  /** Called with every new position while waiting. */
  onMove(listener: (position: number) => void): void;
  /** Gives the place back; safe to call twice. */
  leave(): void;
}

interface Waiting {
  start: () => void;
  moved: (position: number) => void;
}

export class Queue {
  readonly #concurrency: number;
  readonly #limit: number;
  readonly #waiting: Waiting[] = [];
  readonly #now: () => number;
  #running = 0;
  #closed = false;
  /** Mean milliseconds of a turn, as an exponential average: what Retry-After is made from. */
  #meanMs = 2_000;

  constructor(options: { concurrency: number; limit: number; now?: () => number }) {
    this.#concurrency = options.concurrency;
    this.#limit = options.limit;
    this.#now = options.now ?? (() => performance.now());
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** From now on every newcomer is refused; those inside finish. */
  close(): void {
    this.#closed = true;
  }

  #retryAfterS(): number {
    const ahead = this.#waiting.length + this.#running;
    return Math.min(60, Math.max(1, Math.ceil((ahead * this.#meanMs) / this.#concurrency / 1000)));
  }

  enter(signal: AbortSignal): Result<Ticket> {
    if (this.#closed) return fail({ kind: 'shutting_down', retryAfterS: 5 });
    if (signal.aborted) return fail({ kind: 'cancelled', stage: 'queue' });
    const mustWait = this.#running >= this.#concurrency;
    if (mustWait && this.#waiting.length >= this.#limit) {
      return fail({
        kind: 'queue_full',
        waiting: this.#waiting.length,
        limit: this.#limit,
        retryAfterS: this.#retryAfterS(),
      });
    }
    return ok(this.#ticket(signal, mustWait));
  }

  #ticket(signal: AbortSignal, mustWait: boolean): Ticket {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => {}); // a caller that left may never look at its turn
    const listeners: ((position: number) => void)[] = [];
    let startedAt: number | undefined;
    let left = false;
    let position = mustWait ? this.#waiting.length + 1 : 0;

    const waiting: Waiting = {
      start: () => {
        position = 0;
        this.#running += 1;
        startedAt = this.#now();
        resolve();
      },
      moved: (next) => {
        position = next;
        for (const listener of listeners) listener(next);
      },
    };
    const leave = (): void => {
      if (left) return;
      left = true;
      signal.removeEventListener('abort', gone);
      if (startedAt === undefined) {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      } else {
        this.#running -= 1;
        this.#meanMs = 0.8 * this.#meanMs + 0.2 * (this.#now() - startedAt);
        this.#waiting.shift()?.start();
      }
      this.#waiting.forEach((other, index) => {
        other.moved(index + 1);
      });
    };
    const gone = (): void => {
      if (startedAt !== undefined) return; // its owner is running and will leave by itself
      leave();
      reject(signal.reason);
    };
    signal.addEventListener('abort', gone, { once: true });

    if (mustWait) this.#waiting.push(waiting);
    else waiting.start();
    return {
      get position() {
        return position;
      },
      turn: promise,
      onMove: (listener) => listeners.push(listener),
      leave,
    };
  }
}
