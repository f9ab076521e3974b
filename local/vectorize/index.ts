// The local Vectorize: a Worker that stands under the binding name VECTORIZE where there is no Cloudflare account.
// The default export has the methods of `Vectorize`, and speaks the real binding's internal HTTP as well (http.ts).
// It checks what callers send and hands it, packed, to the index, a Durable Object. It is no part of the production deployment.
import { WorkerEntrypoint } from 'cloudflare:workers';
import { readConfig, type Switches, type Vars } from './config.ts';
import { type Answer, type Operation, thrown } from './faults.ts';
import { handle } from './http.ts';
import { type Operations, operationsOn } from './operations.ts';
import type { VectorIndex } from './vector-index.ts';

export { VectorIndex } from './vector-index.ts';

export interface Env extends Vars {
  readonly INDEX: DurableObjectNamespace<VectorIndex>;
  /** What a request over HTTP must carry (http.ts); without it none is answered. */
  readonly DOOR_SECRET?: string;
}

const LEVELS: readonly unknown[] = ['none', 'indexed', 'all'];

/** What the real binding does to `returnMetadata` before it sends the query. */
const asSent = (options: VectorizeQueryOptions | undefined): VectorizeQueryOptions | undefined => {
  const level = options?.returnMetadata;
  if (!level) return options;
  if (level === true) return { ...options, returnMetadata: 'all' };
  if (LEVELS.includes(level)) return options;
  throw new Error(`Invalid returnMetadata option. Expected: true, false, "none", "indexed" or "all"; got: ${level}`);
};

const open = <T>(operation: Operation, result: Answer<T>): T => {
  if (result.ok) return result.value;
  throw thrown(operation, result.fault);
};

export default class VectorizeLocal extends WorkerEntrypoint<Env> implements Vectorize {
  override async fetch(request: Request): Promise<Response> {
    return handle(request, this.env.DOOR_SECRET, this.#operations(), this);
  }

  async describe(): Promise<VectorizeIndexInfo> {
    // the real service answers an ISO date and a UUID where its types say number; Info says what is true
    return open('INDEX_GET', await this.#operations().info()) as unknown as VectorizeIndexInfo;
  }

  async query(vector: VectorFloatArray | number[], options?: VectorizeQueryOptions): Promise<VectorizeMatches> {
    return open('VECTOR_QUERY', await this.#operations().query({ vector }, asSent(options)));
  }

  async queryById(vectorId: string, options?: VectorizeQueryOptions): Promise<VectorizeMatches> {
    return open('VECTOR_QUERY', await this.#operations().query({ vectorId }, asSent(options)));
  }

  async insert(vectors: VectorizeVector[]): Promise<VectorizeAsyncMutation> {
    return open('VECTOR_INSERT', await this.#operations().write('insert', vectors));
  }

  async upsert(vectors: VectorizeVector[]): Promise<VectorizeAsyncMutation> {
    return open('VECTOR_UPSERT', await this.#operations().write('upsert', vectors));
  }

  async getByIds(ids: string[]): Promise<VectorizeVector[]> {
    return open('VECTOR_GET', await this.#operations().get(ids));
  }

  async deleteByIds(ids: string[]): Promise<VectorizeAsyncMutation> {
    return open('VECTOR_DELETE', await this.#operations().remove(ids));
  }

  /** Not in the real service: changes the switches (config.ts) while running. */
  async configure(changes: Partial<Switches>): Promise<Switches> {
    return this.#index().configure(changes);
  }

  /** Not in the real service: makes delayed writes readable now; answers how many mutations. */
  async flush(): Promise<number> {
    return this.#index().flush();
  }

  /** Not in the real service: empties the index. */
  async clear(): Promise<void> {
    await this.#index().clear();
  }

  #index(): DurableObjectStub<VectorIndex> {
    return this.env.INDEX.getByName('index');
  }

  #operations(): Operations {
    return operationsOn(this.#index(), readConfig(this.env));
  }
}
