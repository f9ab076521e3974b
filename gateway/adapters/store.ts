// Adapters of earlier requests, by their key, so that a request with the same selection makes no step again.
// Bounded in bytes, number and age. Who holds most gives way first: the adapter used longest ago of the tenant with the most
// bytes, so that one tenant's requests never drive out those of another that holds less.
// Trade-off: two requests with the same selection at the same time both tune; the later one's adapter stays.
import { MAX_ADAPTERS } from '../../wire/limits.ts';
import type { StepReport } from '../../wire/tune/steps.ts';
import type { KeptWeights } from '../backends/contract.ts';
import type { Made } from '../steps.ts';

/** What tuning made, and of what. */
export interface Adapter {
  readonly tenant: string;
  /** Which corpus the examples came from, as the edge names it; undefined for a caller's own picks. */
  readonly origin: string | undefined;
  /** Ids of the examples that it was made of. */
  readonly examples: ReadonlySet<string>;
  /** Undefined where no step was kept: the base model answers. */
  readonly weights: KeptWeights | undefined;
  /** The steps that the weights come from, and what the guard said of them. */
  readonly steps: readonly StepReport[];
  readonly guard: Made['guard'];
  /** Frees the weights in their backend. */
  release(): void;
}

export interface Forgotten {
  readonly tenant: string;
  readonly origin: string;
  /** Of these examples; all of the origin without them. */
  readonly examples?: readonly string[] | undefined;
}

export interface StoreOptions {
  /** 0: nothing is kept. */
  readonly maxBytes: number;
  readonly ttlMs: number;
  readonly now: () => number;
  /** Adapters in all. */
  readonly most?: number;
}

/** What an adapter takes beside its weights: its steps' reports, counted so that even empty ones are bounded. */
const OVERHEAD_BYTES = 4_096;

const sizeOf = ({ weights }: Adapter): number => OVERHEAD_BYTES + (weights?.bytes ?? 0);

interface Entry {
  readonly adapter: Adapter;
  readonly madeAt: number;
}

export class AdapterStore {
  /** The most recently used last. */
  readonly #entries = new Map<string, Entry>();
  readonly #bytesOf = new Map<string, number>();
  readonly #options: StoreOptions;
  #bytes = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The most bytes that weights may have to be kept at all. */
  get maxBytes(): number {
    return Math.max(0, this.#options.maxBytes - OVERHEAD_BYTES);
  }

  find(key: string): Adapter | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#expired(entry)) {
      this.drop(key);
      return undefined;
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.adapter;
  }

  /** False: there is no room for it, and it was released. */
  add(key: string, adapter: Adapter): boolean {
    this.drop(key);
    const size = sizeOf(adapter);
    if (size > this.#options.maxBytes) {
      adapter.release();
      return false;
    }
    this.#entries.set(key, { adapter, madeAt: this.#options.now() });
    this.#count(adapter.tenant, size);
    this.#makeRoom();
    return true;
  }

  /** Its weights are gone, or it is wanted no more. */
  drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#count(entry.adapter.tenant, -sizeOf(entry.adapter));
    entry.adapter.release();
  }

  /** Examples were deleted; answers how many adapters went with them. */
  forget({ tenant, origin, examples }: Forgotten): number {
    const gone = Array.from(this.#entries).filter(
      ([, { adapter }]) =>
        adapter.tenant === tenant &&
        adapter.origin === origin &&
        (examples === undefined || examples.some((id) => adapter.examples.has(id))),
    );
    for (const [key] of gone) this.drop(key);
    return gone.length;
  }

  /** Drops what is too old: memory is given back though nobody asks any more. */
  sweep(): void {
    for (const [key, entry] of this.#entries) if (this.#expired(entry)) this.drop(key);
  }

  clear(): void {
    for (const key of [...this.#entries.keys()]) this.drop(key);
  }

  #expired({ madeAt }: Entry): boolean {
    return this.#options.now() - madeAt > this.#options.ttlMs;
  }

  #count(tenant: string, bytes: number): void {
    this.#bytes += bytes;
    const now = (this.#bytesOf.get(tenant) ?? 0) + bytes;
    if (now > 0) this.#bytesOf.set(tenant, now);
    else this.#bytesOf.delete(tenant);
  }

  #makeRoom(): void {
    const most = this.#options.most ?? MAX_ADAPTERS;
    while (this.#bytes > this.#options.maxBytes || this.#entries.size > most) {
      let [largest, bytes] = ['', -1];
      for (const [tenant, held] of this.#bytesOf) if (held > bytes) [largest, bytes] = [tenant, held];
      for (const [key, { adapter }] of this.#entries) {
        if (adapter.tenant !== largest) continue;
        this.drop(key);
        break;
      }
    }
  }
}
