// What the index is (dimensions, metric, metadata indexes) and how it misbehaves (the switches), read from the Worker's vars.
// Refuses a var it cannot read, by name, at the first call: a misspelt metric must not pass as cosine.
import { VECTORIZE_MAX_DIMENSIONS, VECTORIZE_MAX_METADATA_INDEXES } from '../../wire/limits.ts';

export type Metric = 'cosine' | 'euclidean' | 'dot-product';
export type IndexedType = 'string' | 'number' | 'boolean';

export interface IndexConfig {
  readonly dimensions: number;
  readonly metric: Metric;
  /** Property (nested ones with dots) → the type it is indexed as. */
  readonly metadataIndexes: Readonly<Record<string, IndexedType>>;
}

export interface Switches {
  /** Milliseconds until a write can be read, or `'flush'`: not before `flush()` is called. */
  readonly visibleAfterMs: number | 'flush';
  /** Largest error of a score without `returnValues`; also reorders neighbours that are closer than that. 0 is exact. */
  readonly approximate: number;
  /** Milliseconds added to every operation. */
  readonly latencyMs: number;
  /** The next `calls` operations fail. Code null is an answer without a readable body ("Status + 500"). */
  readonly fail: {
    readonly calls: number;
    readonly code: number | null;
    readonly error?: string;
    /** Only this operation fails, and only it is counted. */
    readonly only?: string;
  };
  /** Inserts and upserts with this text in the metadata of one of their vectors are refused; '' refuses none. */
  readonly refuseHolding: string;
}

export interface Vars {
  readonly DIMENSIONS?: string | number;
  readonly METRIC?: string;
  /** `name:type` pairs, comma-separated: `meta.lang:string,year:number`. */
  readonly METADATA_INDEXES?: string;
  readonly VISIBLE_AFTER_MS?: string | number;
  readonly APPROXIMATE?: string | number;
  readonly LATENCY_MS?: string | number;
  readonly FAIL_CALLS?: string | number;
  readonly FAIL_CODE?: string | number;
}

const wrong = (name: string, value: unknown, want: string): Error =>
  new Error(`vectorize-local: ${name} is ${JSON.stringify(value)}, it must be ${want}`);

const number = (name: string, value: string | number | undefined, fallback: number): number => {
  const parsed = value === undefined || value === '' ? fallback : Number(value);
  if (!Number.isFinite(parsed) || parsed < 0) throw wrong(name, value, 'a number from 0 up');
  return parsed;
};

const isMetric = (value: string): value is Metric => ['cosine', 'euclidean', 'dot-product'].includes(value);
const isIndexedType = (value: string): value is IndexedType => ['string', 'number', 'boolean'].includes(value);

export const parseMetadataIndexes = (list: string): Record<string, IndexedType> => {
  const indexes: Record<string, IndexedType> = {};
  for (const pair of list.split(',')) {
    if (pair.trim() === '') continue;
    const colon = pair.lastIndexOf(':');
    const name = pair.slice(0, colon).trim();
    const type = pair.slice(colon + 1).trim();
    if (colon < 1 || name === '' || !isIndexedType(type)) {
      throw wrong('METADATA_INDEXES', list, 'name:string|number|boolean, comma-separated');
    }
    indexes[name] = type;
  }
  const count = Object.keys(indexes).length;
  if (count > VECTORIZE_MAX_METADATA_INDEXES) {
    throw wrong('METADATA_INDEXES', list, `at most ${VECTORIZE_MAX_METADATA_INDEXES} properties (it has ${count})`);
  }
  return indexes;
};

export const readConfig = (vars: Vars): IndexConfig => {
  const dimensions = number('DIMENSIONS', vars.DIMENSIONS, 384);
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > VECTORIZE_MAX_DIMENSIONS) {
    throw wrong('DIMENSIONS', vars.DIMENSIONS, `a whole number from 1 to ${VECTORIZE_MAX_DIMENSIONS}`);
  }
  const metric = vars.METRIC ?? 'cosine';
  if (!isMetric(metric)) throw wrong('METRIC', metric, 'cosine, euclidean or dot-product');
  return { dimensions, metric, metadataIndexes: parseMetadataIndexes(vars.METADATA_INDEXES ?? '') };
};

export const readSwitches = (vars: Vars): Switches => ({
  visibleAfterMs: vars.VISIBLE_AFTER_MS === 'flush' ? 'flush' : number('VISIBLE_AFTER_MS', vars.VISIBLE_AFTER_MS, 0),
  approximate: number('APPROXIMATE', vars.APPROXIMATE, 0),
  latencyMs: number('LATENCY_MS', vars.LATENCY_MS, 0),
  fail: {
    calls: number('FAIL_CALLS', vars.FAIL_CALLS, 0),
    code: vars.FAIL_CODE === undefined || vars.FAIL_CODE === '' ? null : number('FAIL_CODE', vars.FAIL_CODE, 0),
  },
  refuseHolding: '',
});
