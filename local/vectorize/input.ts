// What callers send, checked against the real service's limits and packed for the index: after this nothing is re-checked.
// A batch stands or falls as a whole, as in the real service: one bad vector refuses all of them.
// Values become one Float32Array a batch: crossing to the Durable Object as numbers would cost more than storing them.
import {
  VECTORIZE_DEFAULT_TOP_K,
  VECTORIZE_MAX_ID_BYTES,
  VECTORIZE_MAX_METADATA_BYTES,
  VECTORIZE_MAX_UPSERT,
  VECTORIZE_TOP_K_FULL,
  VECTORIZE_TOP_K_IDS,
} from '../../wire/limits.ts';
import type { IndexConfig } from './config.ts';
import {
  type Answer,
  answer,
  BAD_METADATA_KEY,
  ID_TOO_LONG,
  NAMESPACE_TOO_LONG,
  OVERSIZED_METADATA,
  refuse,
  TOO_MANY_ITEMS,
  TOP_K_TOO_LARGE,
  UNREADABLE_QUERY,
  UNREADABLE_VECTORS,
  WRONG_DIMENSIONS,
  WRONG_QUERY_DIMENSIONS,
} from './faults.ts';
import { type Clause, parseFilter } from './filter.ts';
import { badKey, indexedOf, isRecord, utf8Length } from './metadata.ts';

export type MetadataLevel = 'none' | 'indexed' | 'all';

export interface Query {
  readonly by: { readonly vector: Float32Array } | { readonly id: string };
  readonly topK: number;
  readonly namespace: string | null;
  readonly clauses: readonly Clause[];
  readonly returnValues: boolean;
  readonly returnMetadata: MetadataLevel;
}

/** Column by column; `values` is count × dimensions. `indexed` and `metadata` are compact JSON or null. */
export interface Batch {
  readonly ids: readonly string[];
  readonly namespaces: readonly string[];
  readonly indexed: readonly (string | null)[];
  readonly metadata: readonly (string | null)[];
  readonly values: Float32Array;
}

/** The vectors of a batch at these places, in this order. */
export const pick = (batch: Batch, places: readonly number[], dimensions: number): Batch => {
  const values = new Float32Array(places.length * dimensions);
  places.forEach((place, i) => {
    values.set(batch.values.subarray(place * dimensions, (place + 1) * dimensions), i * dimensions);
  });
  return {
    ids: places.map((place) => batch.ids[place] ?? ''),
    namespaces: places.map((place) => batch.namespaces[place] ?? ''),
    indexed: places.map((place) => batch.indexed[place] ?? null),
    metadata: places.map((place) => batch.metadata[place] ?? null),
    values,
  };
};

const idProblem = (id: string): Answer<never> | null => {
  const bytes = utf8Length(id);
  return bytes > VECTORIZE_MAX_ID_BYTES
    ? refuse(ID_TOO_LONG, `id too long; max is ${VECTORIZE_MAX_ID_BYTES} bytes, got ${bytes} bytes`)
    : null;
};

const namespaceProblem = (namespace: string): Answer<never> | null => {
  const bytes = utf8Length(namespace);
  return bytes > VECTORIZE_MAX_ID_BYTES
    ? refuse(NAMESPACE_TOO_LONG, `namespace too long; max is ${VECTORIZE_MAX_ID_BYTES} bytes, got ${bytes} bytes`)
    : null;
};

const isNumbers = (value: unknown): value is ArrayLike<number> =>
  Array.isArray(value) || value instanceof Float32Array || value instanceof Float64Array;

/** Writes `values` to `target`; false when one of them is not a number that float32 can hold. */
const copyFinite = (values: ArrayLike<unknown>, target: Float32Array): boolean => {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== 'number') return false;
    target[i] = value;
    // NaN and infinities reach the real service as JSON null; what overflows float32 has no place in the index
    if (!Number.isFinite(target[i])) return false;
  }
  return true;
};

/** JSON.stringify writes a lone surrogate, and nothing else, as a lower-case \ud8xx…\udfxx escape. */
const hasLoneSurrogate = (json: string): boolean =>
  json.includes('\\ud') && /(?:^|[^\\])(?:\\\\)*\\ud[89a-f]/.test(json);

export const parseIds = (ids: unknown, limit: number): Answer<readonly string[]> => {
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string')) {
    return refuse(UNREADABLE_QUERY, 'Failed to parse the request body as JSON: ids: expected a sequence of strings');
  }
  if (ids.length > limit) {
    return refuse(TOO_MANY_ITEMS, `too many ids in payload; max id count is ${limit}, got ${ids.length}`);
  }
  for (const id of ids) {
    const problem = idProblem(id);
    if (problem !== null) return problem;
  }
  return answer(ids);
};

export const parseVectors = (vectors: unknown, config: IndexConfig): Answer<Batch> => {
  const unreadable = (why: string) =>
    refuse(UNREADABLE_VECTORS, `failed to parse upsert vectors request in json format: ${why}`);
  if (!Array.isArray(vectors) || vectors.length === 0) return unreadable('expected a non-empty array of vectors');
  if (vectors.length > VECTORIZE_MAX_UPSERT) {
    const counts = `max vector count is ${VECTORIZE_MAX_UPSERT}, got ${vectors.length}`;
    return refuse(TOO_MANY_ITEMS, `too many vectors in payload; ${counts}`);
  }
  const { dimensions } = config;
  const ids: string[] = [];
  const namespaces: string[] = [];
  const indexed: (string | null)[] = [];
  const metadata: (string | null)[] = [];
  const values = new Float32Array(vectors.length * dimensions);
  for (let row = 0; row < vectors.length; row++) {
    const vector: unknown = vectors[row];
    if (!isRecord(vector)) return unreadable(`vector ${row} is not an object`);
    const { id, namespace = '', values: numbers, metadata: data } = vector;
    if (typeof id !== 'string' || id === '') return unreadable(`vector ${row} has no id`);
    if (typeof namespace !== 'string') return unreadable(`namespace of ${JSON.stringify(id)} is not a string`);
    const problem = idProblem(id) ?? namespaceProblem(namespace);
    if (problem !== null) return problem;
    if (!isNumbers(numbers)) return unreadable(`values of ${JSON.stringify(id)} are not an array`);
    if (numbers.length !== dimensions) {
      const got = `expected ${dimensions} dimensions, and got ${numbers.length} dimensions`;
      return refuse(WRONG_DIMENSIONS, `invalid vector for id=${JSON.stringify(id)}, ${got}`);
    }
    if (!copyFinite(numbers, values.subarray(row * dimensions, (row + 1) * dimensions))) {
      return unreadable(`values of ${JSON.stringify(id)} are not all finite numbers`);
    }
    let json: string | null = null;
    let kept: string | null = null;
    if (data !== undefined && data !== null) {
      if (!isRecord(data)) return unreadable(`metadata of ${JSON.stringify(id)} is not an object`);
      json = JSON.stringify(data);
      if (hasLoneSurrogate(json)) return unreadable(`metadata of ${JSON.stringify(id)} has a lone surrogate`);
      const bytes = utf8Length(json);
      if (bytes > VECTORIZE_MAX_METADATA_BYTES) {
        const rule = `the compact JSON representation of the metadata must not exceed ${VECTORIZE_MAX_METADATA_BYTES} bytes`;
        return refuse(
          OVERSIZED_METADATA,
          `oversized metadata for vector id=${JSON.stringify(id)}; ${rule}, got ${bytes} bytes`,
        );
      }
      const key = badKey(data);
      if (key !== null) return refuse(BAD_METADATA_KEY, `invalid metadata for vector id=${JSON.stringify(id)}: ${key}`);
      const own = indexedOf(data, config.metadataIndexes);
      kept = own === null ? null : JSON.stringify(own);
    }
    ids.push(id);
    namespaces.push(namespace);
    indexed.push(kept);
    metadata.push(json);
  }
  return answer({ ids, namespaces, indexed, metadata, values });
};

/** `vector` or `vectorId`, and the options, as the real service reads them from one JSON object. */
export const parseQuery = (
  by: { readonly vector: unknown } | { readonly vectorId: unknown },
  options: unknown,
  config: IndexConfig,
): Answer<Query> => {
  const unreadable = (why: string) => refuse(UNREADABLE_QUERY, `Failed to parse the request body as JSON: ${why}`);
  if (options !== undefined && options !== null && !isRecord(options)) return unreadable('options: expected an object');
  const {
    topK = VECTORIZE_DEFAULT_TOP_K,
    namespace,
    filter,
    returnValues = false,
    returnMetadata = 'none',
  } = options ?? {};
  // `true` never gets here: the binding turns it into 'all'. `false` does, and the real service refuses it.
  if (returnMetadata !== 'none' && returnMetadata !== 'indexed' && returnMetadata !== 'all') {
    return unreadable('returnMetadata: expected value');
  }
  if (typeof returnValues !== 'boolean') return unreadable('returnValues: expected a boolean');
  if (typeof topK !== 'number' || !Number.isInteger(topK) || topK < 1)
    return unreadable('topK: expected a number from 1 up');
  const full = returnValues || returnMetadata === 'all';
  if (full && topK > VECTORIZE_TOP_K_FULL) {
    const retry = `for a top K up to ${VECTORIZE_TOP_K_IDS}, retry with returnValues=false and returnMetadata=indexed`;
    const most = `with returnValues=true or returnMetadata=all, max top K is ${VECTORIZE_TOP_K_FULL}`;
    return refuse(TOP_K_TOO_LARGE, `${most}, but got ${topK}; ${retry}`);
  }
  if (topK > VECTORIZE_TOP_K_IDS) {
    return refuse(TOP_K_TOO_LARGE, `max top K is ${VECTORIZE_TOP_K_IDS}, but got ${topK}`);
  }
  if (namespace !== undefined && typeof namespace !== 'string') return unreadable('namespace: expected a string');
  const tooLong = namespace === undefined ? null : namespaceProblem(namespace);
  if (tooLong !== null) return tooLong;
  const clauses = filter === undefined || filter === null ? answer([]) : parseFilter(filter);
  if (!clauses.ok) return clauses;

  let target: Query['by'];
  if ('vectorId' in by) {
    if (typeof by.vectorId !== 'string') return unreadable('vectorId: expected a string');
    const problem = idProblem(by.vectorId);
    if (problem !== null) return problem;
    target = { id: by.vectorId };
  } else {
    if (!isNumbers(by.vector)) return unreadable('vector: expected an array of numbers');
    if (by.vector.length !== config.dimensions) {
      const got = `expected ${config.dimensions} dimensions, and got ${by.vector.length} dimensions`;
      return refuse(WRONG_QUERY_DIMENSIONS, `invalid query vector, ${got}`);
    }
    const vector = new Float32Array(config.dimensions);
    if (!copyFinite(by.vector, vector)) return unreadable('vector: expected finite numbers');
    target = { vector };
  }
  return answer({
    by: target,
    topK,
    namespace: namespace ?? null,
    clauses: clauses.value,
    returnValues,
    returnMetadata,
  });
};
