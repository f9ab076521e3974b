// The whole Worker in Node over bindings that record: every call to a store or a gateway is held until the clock of the
// test ticks, so that what a request waits for, one after the other or at once, can be counted. A file that uses it mocks
// what workerd alone has (hops.test.ts).
import { load, type ObjectClass } from './durable.ts';
import type { World } from './gateway-world.ts';
import { GATEWAY_SECRET, KEY } from './harness.ts';
import { FakeStorage, fakeState } from './objects.ts';

export const DIMENSIONS = 8;

/** One call that leaves the Worker. */
export interface Hop {
  readonly to: 'KV' | 'DO' | 'Vectorize' | 'R2' | 'gateway' | 'cache';
  /** Which of them, and what it was asked. */
  readonly what: string;
}

interface Held {
  readonly hop: Hop;
  readonly release: () => void;
}

interface Stored {
  readonly id: string;
  readonly values: ArrayLike<number>;
  readonly namespace?: string;
  readonly metadata?: object;
}

type Methods = Readonly<Record<string, (...args: unknown[]) => unknown>>;
interface Ctx {
  waitUntil(work: Promise<unknown>): void;
  passThroughOnException(): void;
}
interface App {
  fetch(request: Request, env: object, ctx: Ctx): Promise<Response>;
}
/** The table of contents, and the Durable Object classes beside it. */
interface Worker {
  readonly default: App;
}
const worker = () => load('../../functions/index.ts') as Promise<Worker>;

export interface Recorded {
  readonly response: Response;
  readonly text: string;
  /** What the caller waited for: of each tick what was on its way at once. */
  readonly waits: readonly (readonly Hop[])[];
  /** Calls that went on, or were made, after the answer was out. */
  readonly beside: readonly Hop[];
}

export interface HintedObject {
  readonly object: string;
  readonly name: string;
  readonly locationHint: string | undefined;
}

/** WebCrypto works on other threads: the test's clock ticks only while none is at work. */
let computing = 0;
const countCrypto = (): void => {
  const { subtle } = crypto;
  for (const name of ['digest', 'sign', 'verify', 'importKey'] as const) {
    const own = subtle[name].bind(subtle) as (...args: unknown[]) => Promise<unknown>;
    Object.defineProperty(subtle, name, {
      configurable: true,
      value: async (...args: unknown[]) => {
        computing += 1;
        try {
          return await own(...args);
        } finally {
          computing -= 1;
        }
      },
    });
  }
  Object.defineProperty(subtle, 'timingSafeEqual', {
    configurable: true,
    value: (a: Uint8Array, b: Uint8Array) => Buffer.from(a).equals(Buffer.from(b)),
  });
};
countCrypto();

/** Until nothing more happens by itself. */
const settled = async (): Promise<void> => {
  for (let quiet = 0; quiet < 4; ) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    quiet = computing === 0 ? quiet + 1 : 0;
  }
};

export class RecordedEdge {
  /** How objects were asked for. */
  readonly objects: HintedObject[] = [];
  #app: App;
  readonly #env: Readonly<Record<string, unknown>>;
  #held: Held[] = [];
  readonly #vectors = new Map<string, Stored>();
  readonly #texts = new Map<string, string>();
  readonly #cache = new Map<string, Response>();

  private constructor({ default: app, ...classes }: Worker, vars: object, world: World) {
    this.#app = app;
    const namespace = (object: string) => {
      const made = new Map<string, Methods>();
      return {
        getByName: (name: string, options?: { readonly locationHint?: string }) => {
          this.objects.push({ object, name, locationHint: options?.locationHint });
          const Class = (classes as Readonly<Record<string, ObjectClass<object>>>)[object];
          if (Class === undefined) throw new Error(`no class ${object}`);
          const own = made.get(name) ?? (new Class(fakeState(new FakeStorage()), this.#env) as Methods);
          made.set(name, own);
          return new Proxy(own, {
            // it is no promise
            get: (_, method: string) =>
              method === 'then'
                ? undefined
                : (...args: unknown[]) =>
                    this.#hop({ to: 'DO', what: `${object}.${method}` }, async () => own[method]?.(...args)),
          });
        },
      };
    };
    const kv = (name: string) => {
      const held = new Map<string, string>();
      return {
        get: (key: string) =>
          this.#hop({ to: 'KV', what: `${name}.get` }, async () => {
            const value = held.get(key);
            return value === undefined ? null : JSON.parse(value);
          }),
        put: (key: string, value: string) =>
          this.#hop({ to: 'KV', what: `${name}.put` }, async () => void held.set(key, value)),
        delete: (key: string) => this.#hop({ to: 'KV', what: `${name}.delete` }, async () => void held.delete(key)),
      };
    };
    const vectorize = (what: string, work: () => unknown) => this.#hop({ to: 'Vectorize', what }, async () => work());
    this.#env = {
      ...{
        API_KEY: KEY,
        GATEWAY_SECRET,
        EMBEDDER: 'onnx',
        INDEX_SETTLE_S: '0',
        LOG_LEVEL: 'off',
        STEPS_PER_MINUTE: '6000',
      },
      CATALOGUE: namespace('Catalogue'),
      CORPORA: namespace('CorpusList'),
      KEY_RING: namespace('KeyRing'),
      METER: namespace('Meter'),
      IDEMPOTENCY: namespace('Idempotency'),
      KEYS: kv('KEYS'),
      SELECTIONS: kv('SELECTIONS'),
      // counted where the Worker runs: no way to anywhere
      RATE_LIMIT: { limit: async () => ({ success: true }) },
      TEXTS: {
        put: (key: string, text: string) =>
          this.#hop({ to: 'R2', what: 'put' }, async () => void this.#texts.set(key, text)),
        get: (key: string) =>
          this.#hop({ to: 'R2', what: 'get' }, async () => {
            const text = this.#texts.get(key);
            return text === undefined ? null : { text: async () => text };
          }),
        delete: () => this.#hop({ to: 'R2', what: 'delete' }, async () => {}),
      },
      VECTORIZE: {
        upsert: (vectors: readonly Stored[]) =>
          vectorize('upsert', () => {
            for (const one of vectors) this.#vectors.set(one.id, one);
            return { mutationId: 'm' };
          }),
        query: (query: ArrayLike<number>, { topK, namespace: space }: { topK: number; namespace: string }) =>
          vectorize('query', () => {
            const score = ({ values }: Stored) =>
              Array.from(values).reduce((sum, v, i) => sum + v * (query[i] ?? 0), 0);
            const matches = [...this.#vectors.values()]
              .filter((one) => one.namespace === space)
              .map((one) => ({ id: one.id, score: score(one), metadata: one.metadata }))
              .sort((a, b) => b.score - a.score)
              .slice(0, topK);
            return { matches, count: matches.length };
          }),
        getByIds: (ids: readonly string[]) =>
          vectorize('getByIds', () => ids.flatMap((id) => this.#vectors.get(id) ?? [])),
        deleteByIds: (ids: readonly string[]) =>
          vectorize('deleteByIds', () => ({ mutationId: 'm', count: ids.length })),
      },
      ...vars,
    };
    Object.assign(globalThis, {
      fetch: (url: URL, init: RequestInit) =>
        this.#hop({ to: 'gateway', what: `${init.method} ${new URL(url).pathname}` }, () => world.fetch(url, init)),
      caches: {
        default: {
          match: (url: string) =>
            this.#hop({ to: 'cache', what: 'match' }, async () => this.#cache.get(String(url))?.clone()),
          put: (url: string, response: Response) =>
            this.#hop({ to: 'cache', what: 'put' }, async () => void this.#cache.set(String(url), response)),
        },
      },
    });
  }

  static async start(world: World, vars: object): Promise<RecordedEdge> {
    return new RecordedEdge(await worker(), vars, world);
  }

  /** The same deployment in an isolate that remembers nothing; the caller resets the modules before. */
  async anotherIsolate(): Promise<void> {
    this.#app = (await worker()).default;
  }

  async #hop<T>(hop: Hop, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((release) => this.#held.push({ hop, release }));
    return work();
  }

  #tick(): Hop[] {
    const now = this.#held;
    this.#held = [];
    for (const { release } of now) release();
    return now.map(({ hop }) => hop);
  }

  async send(path: string, init: RequestInit = {}, cf?: object): Promise<Recorded> {
    const headers = new Headers(init.headers);
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${KEY}`);
    const request = new Request(`https://edge.test${path}`, { ...init, headers });
    if (cf !== undefined) Object.defineProperty(request, 'cf', { value: cf });
    let open = 1;
    const ctx: Ctx = {
      passThroughOnException: () => {},
      waitUntil: (work) => {
        open += 1;
        void work.finally(() => {
          open -= 1;
        });
      },
    };
    let answered: { response: Response; text: string } | undefined;
    const done = (async () => {
      const response = await this.#app.fetch(request, this.#env, ctx);
      const text = await response.text();
      answered = { response, text };
      open -= 1;
    })();
    const waits: Hop[][] = [];
    const beside: Hop[] = [];
    while (open > 0) {
      await settled();
      if (answered !== undefined) beside.push(...this.#tick());
      else if (this.#held.length > 0) waits.push(this.#tick());
    }
    await done;
    if (answered === undefined) throw new Error('no answer');
    return { ...answered, waits, beside };
  }

  /** JSON to a route. */
  post(path: string, body: object, cf?: object): Promise<Recorded> {
    return this.send(path, { method: 'POST', body: JSON.stringify(body) }, cf);
  }
}

/** A unit vector by a number, and all of them different. */
export const vectorOf = (seed: number): number[] => {
  const values = Array.from({ length: DIMENSIONS }, (_, i) => Math.sin(1 + seed * 7.3 + i * i * (1 + seed * 0.11)));
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
};
