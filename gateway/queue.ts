// The bounded queue in front of one backend: `concurrency` run, up to `limit` wait, of one tenant up to `tenantLimit`; the
// next is told 503 at once. Who starts next is fair-order.ts's business. When the queue is full of one tenant's requests,
// a newcomer of another tenant still gets in: the newest waiting request of the tenant furthest beyond its share is told
// 503 instead, as if it had been refused at the door. Whoever goes away while waiting leaves without taking a turn.
import { type Fault, FaultError, fail, ok, type Result } from '../wire/faults.ts';
import { MAX_EXPECTED_WAIT_S, SHUTDOWN_RETRY_S } from '../wire/limits.ts';
import { FairOrder, type Waiting } from './fair-order.ts';

export interface Ticket {
  /** 0: it is running; n: as things stand it is the n-th to start. A newcomer of another tenant may start before it. */
  readonly position: number;
  /**
   * Resolves at the ticket's turn. Rejects with the signal's reason if the caller goes away first, and with queue_full if
   * its place went to another tenant.
   */
  readonly turn: Promise<void>;
  /** Called with every new position while waiting. */
  onMove(listener: (position: number) => void): void;
  /** Gives the place back; safe to call twice. */
  leave(): void;
}

export interface QueueOptions {
  readonly concurrency: number;
  readonly limit: number;
  /** Waiting requests of one tenant; the whole queue if absent. */
  readonly tenantLimit?: number;
  /** A tenant's share of the work, beside others; 1 if absent. */
  readonly weightOf?: (tenant: string) => number;
  readonly now?: () => number;
}

interface Entry extends Waiting {
  position: number;
  startedAt: number | undefined;
  readonly start: () => void;
  readonly refuse: (fault: Fault) => void;
  readonly moved: (position: number) => void;
}

/** Milliseconds a unit of cost takes until something was measured: a token scored on one CPU core (cost.ts). */
const FIRST_MS_PER_COST = 0.35;
/** How much the newest request counts in the mean. */
const NEWEST = 0.2;

export class Queue {
  readonly #limit: number;
  readonly #tenantLimit: number;
  readonly #concurrency: number;
  readonly #now: () => number;
  readonly #weightOf: (tenant: string) => number;
  readonly #order: FairOrder<Entry>;
  readonly #running = new Set<Entry>();
  readonly #idle: (() => void)[] = [];
  #closed = false;
  #msPerCost = FIRST_MS_PER_COST;

  constructor(options: QueueOptions) {
    this.#concurrency = options.concurrency;
    this.#limit = options.limit;
    this.#tenantLimit = options.tenantLimit ?? options.limit;
    this.#now = options.now ?? (() => performance.now());
    this.#weightOf = options.weightOf ?? (() => 1);
    this.#order = new FairOrder(options.concurrency, this.#weightOf);
  }

  get running(): number {
    return this.#order.running;
  }

  get waiting(): number {
    return this.#order.waiting;
  }

  /** Tenants whose work is remembered, so that their turns can be shared. */
  get tenants(): number {
    return this.#order.tenants;
  }

  /** From now on every newcomer is refused; those inside finish. */
  close(): void {
    this.#closed = true;
  }

  /** Resolves as soon as nobody waits or runs. */
  idle(): Promise<void> {
    return this.running + this.waiting === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  enter({ tenant, cost }: Waiting, signal: AbortSignal): Result<Ticket> {
    if (this.#closed) return fail({ kind: 'shutting_down', retryAfterS: SHUTDOWN_RETRY_S });
    if (signal.aborted) return fail({ kind: 'cancelled', stage: 'queue' });
    if (this.#order.full) {
      const own = this.#order.waitingOf(tenant);
      if (own >= this.#tenantLimit) return fail(this.#tenantFull(tenant, cost, own, this.#tenantLimit));
      if (this.waiting >= this.#limit) {
        const beyond = this.#order.beyondShare(tenant);
        if (beyond === undefined) {
          const retryAfterS = this.#retryAfterS({ tenant, cost });
          return fail({ kind: 'queue_full', waiting: this.waiting, limit: this.#limit, retryAfterS });
        }
        const held = this.#order.waitingOf(beyond.tenant);
        this.#order.remove(beyond);
        const share = this.#order.share(beyond.tenant, tenant, this.#limit);
        beyond.refuse(this.#tenantFull(beyond.tenant, beyond.cost, held, share));
      }
    }
    return ok(this.#ticket(tenant, cost, signal));
  }

  #tenantFull(tenant: string, cost: number, waiting: number, limit: number): Fault {
    return { kind: 'queue_full', waiting, limit, yours: true, retryAfterS: this.#retryAfterS({ tenant, cost }) };
  }

  /** Seconds until a request of this tenant would start if it had got in. */
  #retryAfterS(request: Waiting): number {
    const newcomer: Entry = {
      ...request,
      position: 0,
      startedAt: undefined,
      start: () => {},
      refuse: () => {},
      moved: () => {},
    };
    const start = this.#forecast(newcomer).find(({ entry }) => entry === newcomer);
    return Math.min(MAX_EXPECTED_WAIT_S, Math.max(1, Math.ceil((start?.inMs ?? 0) / 1000)));
  }

  /** Those who wait in the order of their starts, and when, if every request takes what its cost says and nobody comes. */
  #forecast(newcomer?: Entry): { entry: Entry; inMs: number }[] {
    const order = this.#order.copy();
    if (newcomer !== undefined) order.add(newcomer);
    const now = this.#now();
    const ends = Array.from(this.#running, ({ tenant, cost, startedAt = now }) => ({
      tenant,
      atMs: Math.max(0, cost * this.#msPerCost - (now - startedAt)),
    }));
    const starts: { entry: Entry; inMs: number }[] = [];
    let inMs = 0;
    while (order.waiting > 0) {
      const entry = order.next();
      if (entry !== undefined) {
        starts.push({ entry, inMs });
        ends.push({ tenant: entry.tenant, atMs: inMs + entry.cost * this.#msPerCost });
        continue;
      }
      // ties keep the order of the starts
      const first = ends.reduce((best, end) => (end.atMs < best.atMs ? end : best));
      ends.splice(ends.indexOf(first), 1);
      inMs = Math.max(inMs, first.atMs);
      order.end(first.tenant);
    }
    return starts;
  }

  /** Starts whoever can be started, and tells those who wait where they are now. */
  #advance(): void {
    for (let entry = this.#order.next(); entry !== undefined; entry = this.#order.next()) {
      this.#running.add(entry);
      entry.start();
    }
    this.#forecast().forEach(({ entry }, index) => {
      if (entry.position !== index + 1) entry.moved(index + 1);
    });
    if (this.running + this.waiting === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #ticket(tenant: string, cost: number, signal: AbortSignal): Ticket {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => {}); // a caller that left may never look at its turn
    const listeners: ((position: number) => void)[] = [];
    let left = false;
    const entry: Entry = {
      tenant,
      cost,
      position: 0,
      startedAt: undefined,
      start: () => {
        entry.position = 0;
        entry.startedAt = this.#now();
        resolve();
      },
      refuse: (fault) => {
        left = true;
        signal.removeEventListener('abort', gone);
        reject(new FaultError(fault));
      },
      moved: (position) => {
        entry.position = position;
        for (const listener of listeners) listener(position);
      },
    };
    const leave = (): void => {
      if (left) return;
      left = true;
      signal.removeEventListener('abort', gone);
      if (entry.startedAt === undefined) this.#order.remove(entry);
      else {
        this.#running.delete(entry);
        this.#order.end(tenant);
        // what was cut short says nothing about how long such work takes
        if (!signal.aborted) {
          const msPerCost = (this.#now() - entry.startedAt) / cost;
          this.#msPerCost += NEWEST * (msPerCost - this.#msPerCost);
        }
      }
      this.#advance();
    };
    const gone = (): void => {
      if (entry.startedAt !== undefined) return; // its owner is running and will leave by itself
      leave();
      reject(signal.reason);
    };
    signal.addEventListener('abort', gone, { once: true });
    this.#order.add(entry);
    this.#advance();
    return {
      get position() {
        return entry.position;
      },
      turn: promise,
      onMove: (listener) => listeners.push(listener),
      leave,
    };
  }
}
