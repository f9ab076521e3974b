// One GPU server of the simulation, as gateway/gpu/ works: each tick makes one training pass over the callers that wait,
// oldest first, within a budget of tokens, and one decoding step for all rows that generate. Times are assumptions that the
// caller gives; nothing here is measured.

export interface Times {
  /** Microseconds of a token that is trained on, forward and backward, when the pass is large. */
  readonly tokenUs: number;
  /** Milliseconds that a training pass takes at least, however small: what launching its kernels costs. */
  readonly floorMs: number;
  /** Milliseconds of one decoding step, whatever the number of rows: reading the weights. */
  readonly decodeMs: number;
}

export interface GpuOptions extends Times {
  /** Tokens of one training pass, padding included. */
  readonly budget: number;
  /** Adapters that are trained or generate at once. */
  readonly slots: number;
  /** Requests that wait for a slot; more are refused. */
  readonly queue: number;
  /** Finished adapters that are kept. */
  readonly cached: number;
}

export interface Job {
  /** Which selection it is: the same number, the same adapter. */
  readonly key: number;
  readonly arrivedMs: number;
  /** Tokens of each step that is left. */
  readonly steps: number[];
  /** Tokens left to generate. */
  tokens: number;
  firstTokenMs?: number;
  /** Its adapter was found. */
  found: boolean;
  /** Milliseconds on the way from another region and back. */
  readonly delayMs: number;
  attempts: number;
}

/** Lengths of a pass are padded to a multiple of this. */
const BUCKET = 64;
const padded = (tokens: number): number => Math.ceil(tokens / BUCKET) * BUCKET;

export class Gpu {
  readonly options: GpuOptions;
  readonly #waiting: Job[] = [];
  readonly #training: Job[] = [];
  readonly #decoding: Job[] = [];
  /** Adapters kept, the most recently used last. */
  readonly #kept = new Set<number>();
  /** The pass under way: who is in it. */
  #pass: readonly Job[] = [];
  alive = true;
  /** When the tick under way ends; undefined while there is nothing to do. */
  tickEndMs: number | undefined;

  constructor(options: GpuOptions) {
    this.options = options;
  }

  get load(): number {
    return this.#waiting.length + this.#training.length + this.#decoding.length;
  }

  has(key: number): boolean {
    return this.#kept.has(key);
  }

  /** False: it is full. */
  accept(job: Job, nowMs: number): boolean {
    if (this.#waiting.length >= this.options.queue) return false;
    this.#waiting.push(job);
    if (this.tickEndMs === undefined) this.#begin(nowMs);
    return true;
  }

  /** Ends the tick under way and begins the next; answers the jobs that are done. */
  tick(nowMs: number): Job[] {
    for (const job of this.#pass) {
      job.steps.shift();
      if (job.steps.length > 0) continue;
      this.#training.splice(this.#training.indexOf(job), 1);
      this.#decoding.push(job);
      this.#keep(job.key);
    }
    const inPass = new Set(this.#pass);
    const done: Job[] = [];
    for (const job of [...this.#decoding]) {
      // those that were trained in this very tick begin to generate in the next
      if (inPass.has(job)) continue;
      job.firstTokenMs ??= nowMs;
      job.tokens -= 1;
      if (job.tokens > 0) continue;
      this.#decoding.splice(this.#decoding.indexOf(job), 1);
      done.push(job);
    }
    this.#begin(nowMs);
    return done;
  }

  /** It dies: whoever was there is handed back, and what it kept is gone. */
  kill(): Job[] {
    this.alive = false;
    this.tickEndMs = undefined;
    this.#kept.clear();
    return [...this.#waiting.splice(0), ...this.#training.splice(0), ...this.#decoding.splice(0)];
  }

  #keep(key: number): void {
    if (this.options.cached === 0) return;
    this.#kept.delete(key);
    this.#kept.add(key);
    if (this.#kept.size <= this.options.cached) return;
    for (const oldest of this.#kept) {
      this.#kept.delete(oldest);
      break;
    }
  }

  #begin(nowMs: number): void {
    while (this.#waiting.length > 0 && this.#training.length + this.#decoding.length < this.options.slots) {
      const job = this.#waiting.shift();
      if (job === undefined) break;
      if (this.#kept.has(job.key)) {
        this.#keep(job.key);
        job.found = true;
        this.#decoding.push(job);
      } else this.#training.push(job);
    }
    const { tokenUs, floorMs, decodeMs, budget } = this.options;
    const pass: Job[] = [];
    const length = padded(this.#training[0]?.steps[0] ?? 0);
    let tokens = 0;
    for (const job of this.#training) {
      if (padded(job.steps[0] ?? 0) > length || (pass.length > 0 && tokens + length > budget)) continue;
      pass.push(job);
      tokens += length;
    }
    this.#pass = pass;
    const generating = this.#decoding.length > 0;
    if (pass.length === 0 && !generating) {
      this.tickEndMs = undefined;
      return;
    }
    const trainMs = pass.length === 0 ? 0 : Math.max(floorMs, (tokens * tokenUs) / 1_000);
    this.tickEndMs = nowMs + trainMs + (generating ? decodeMs : 0);
  }
}
