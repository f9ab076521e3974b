// The operations of the service: parse what was sent, then ask the index. The RPC methods and the HTTP door share them.
import { VECTORIZE_MAX_DELETE_IDS, VECTORIZE_MAX_GET_IDS } from '../../wire/limits.ts';
import type { IndexConfig } from './config.ts';
import type { Answer } from './faults.ts';
import { parseIds, parseQuery, parseVectors } from './input.ts';
import type { Info, VectorIndex } from './vector-index.ts';

export interface Operations {
  info(): Promise<Answer<Info>>;
  query(
    by: { readonly vector: unknown } | { readonly vectorId: unknown },
    options: unknown,
  ): Promise<Answer<VectorizeMatches>>;
  write(kind: 'insert' | 'upsert', vectors: unknown): Promise<Answer<VectorizeAsyncMutation>>;
  get(ids: unknown): Promise<Answer<VectorizeVector[]>>;
  remove(ids: unknown): Promise<Answer<VectorizeAsyncMutation>>;
}

export const operationsOn = (index: DurableObjectStub<VectorIndex>, config: IndexConfig): Operations => ({
  info: () => index.info(),
  query: async (by, options) => {
    const query = parseQuery(by, options, config);
    return query.ok ? index.query(query.value) : query;
  },
  write: async (kind, vectors) => {
    const batch = parseVectors(vectors, config);
    return batch.ok ? index.write(kind, batch.value) : batch;
  },
  get: async (ids) => {
    const parsed = parseIds(ids, VECTORIZE_MAX_GET_IDS);
    return parsed.ok ? index.get(parsed.value) : parsed;
  },
  remove: async (ids) => {
    const parsed = parseIds(ids, VECTORIZE_MAX_DELETE_IDS);
    return parsed.ok ? index.remove(parsed.value) : parsed;
  },
});
