// The limits and error codes of Vectorize, scenario by scenario, through both doors: the local RPC binding and workerd's own
// class for Vectorize. Each scenario states what must be answered; the neighbour just inside a limit is always stated too.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Index, outcome, type Started, startLocal, startRealBinding, type Vector } from './local.ts';

const D = 8;
const unit = (i = 0): number[] => Array.from({ length: D }, (_, j) => (j === i % D ? 1 : 0));
const vectors = (count: number): Vector[] =>
  Array.from({ length: count }, (_, i) => ({ id: `v${i}`, values: unit(i) }));
const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `v${i}`);
const metadataOf = (bytes: number): Record<string, unknown> => ({ t: 'x'.repeat(bytes - '{"t":""}'.length) });
const filterOf = (bytes: number): object => ({ lang: 'x'.repeat(bytes - '{"lang":""}'.length) });

let local: Started;
let real: Started;
beforeAll(async () => {
  local = await startLocal({ DIMENSIONS: String(D), METADATA_INDEXES: 'lang:string,year:number,a.b:boolean' });
  real = await startRealBinding(local.url);
});
afterAll(async () => {
  await real?.stop();
  await local?.stop();
});
beforeEach(() => local.index.clear());

type Scenario = [what: string, call: (index: Index) => Promise<unknown>, answer: string | RegExp];

const SCENARIOS: Scenario[] = [
  ['topK of 50 with full metadata', (x) => x.query(unit(), { topK: 50, returnMetadata: 'all' }), 'ok'],
  [
    'topK of 51 with full metadata',
    (x) => x.query(unit(), { topK: 51, returnMetadata: 'all' }),
    'VECTOR_QUERY_ERROR (code = 40025): with returnValues=true or returnMetadata=all, max top K is 50, but got 51; for a top K up to 100, retry with returnValues=false and returnMetadata=indexed',
  ],
  ['topK of 51 with returnMetadata true', (x) => x.query(unit(), { topK: 51, returnMetadata: true }), /code = 40025/],
  ['topK of 51 with values', (x) => x.query(unit(), { topK: 51, returnValues: true }), /code = 40025/],
  ['topK of 100 with indexed metadata', (x) => x.query(unit(), { topK: 100, returnMetadata: 'indexed' }), 'ok'],
  ['topK of 100 with ids only', (x) => x.query(unit(), { topK: 100 }), 'ok'],
  [
    'topK of 101',
    (x) => x.query(unit(), { topK: 101 }),
    'VECTOR_QUERY_ERROR (code = 40025): max top K is 100, but got 101',
  ],
  ['topK of 0', (x) => x.query(unit(), { topK: 0 }), /^VECTOR_QUERY_ERROR \(code = 40026\)/],
  ['topK of 1.5', (x) => x.query(unit(), { topK: 1.5 }), /^VECTOR_QUERY_ERROR \(code = 40026\)/],
  [
    'a query vector of the wrong length',
    (x) => x.query([1, 2, 3]),
    'VECTOR_QUERY_ERROR (code = 40006): invalid query vector, expected 8 dimensions, and got 3 dimensions',
  ],
  ['a query vector with NaN', (x) => x.query([...unit().slice(1), Number.NaN]), /^VECTOR_QUERY_ERROR \(code = 40026\)/],
  ['a float32 query vector', (x) => x.query(new Float32Array(unit())), 'ok'],
  [
    'returnMetadata false, which the real service refuses',
    (x) => x.query(unit(), { returnMetadata: false }),
    /^VECTOR_QUERY_ERROR \(code = 40026\): .*returnMetadata/,
  ],
  [
    'returnMetadata of another word',
    (x) => x.query(unit(), { returnMetadata: 'some' }),
    'Invalid returnMetadata option. Expected: true, false, "none", "indexed" or "all"; got: some',
  ],
  ['a namespace of 65 bytes to ask', (x) => x.query(unit(), { namespace: 'n'.repeat(65) }), /code = 40009/],
  ['queryById of an unknown id', (x) => x.queryById('nobody'), /^VECTOR_QUERY_ERROR \(code = 40024\)/],

  ['a filter of 2,047 bytes', (x) => x.query(unit(), { filter: filterOf(2_047) }), 'ok'],
  [
    'a filter of 2,048 bytes',
    (x) => x.query(unit(), { filter: filterOf(2_048) }),
    /^VECTOR_QUERY_ERROR \(code = 40019\)/,
  ],
  ['an empty filter', (x) => x.query(unit(), { filter: {} }), /code = 40019/],
  ['an unknown operator', (x) => x.query(unit(), { filter: { lang: { $regex: 'x' } } }), /code = 40019.*\$regex/],
  ['$in without an array', (x) => x.query(unit(), { filter: { lang: { $in: 'en' } } }), /code = 40019/],
  ['a range over a boolean', (x) => x.query(unit(), { filter: { 'a.b': { $gt: true } } }), /code = 40019/],
  ['an upper with a lower bound', (x) => x.query(unit(), { filter: { year: { $gte: 1, $lt: 2 } } }), 'ok'],
  ['two upper bounds', (x) => x.query(unit(), { filter: { year: { $lte: 1, $lt: 2 } } }), /code = 40019/],
  ['$eq with a bound', (x) => x.query(unit(), { filter: { year: { $eq: 1, $lt: 2 } } }), /code = 40019/],
  ['a filter key that starts with $', (x) => x.query(unit(), { filter: { $or: 1 } }), /code = 40019/],
  ['a filter key with an empty part', (x) => x.query(unit(), { filter: { 'a..b': 1 } }), /code = 40019/],
  ['a filter key of 513 characters', (x) => x.query(unit(), { filter: { ['k'.repeat(513)]: 1 } }), /code = 40019/],

  ['getByIds of 20 ids', (x) => x.getByIds(ids(20)), 'ok'],
  [
    'getByIds of 21 ids',
    (x) => x.getByIds(ids(21)),
    'VECTOR_GET_ERROR (code = 40007): too many ids in payload; max id count is 20, got 21',
  ],
  ['deleteByIds of 100 ids', (x) => x.deleteByIds(ids(100)), 'ok'],
  [
    'deleteByIds of 101 ids',
    (x) => x.deleteByIds(ids(101)),
    'VECTOR_DELETE_ERROR (code = 40007): too many ids in payload; max id count is 100, got 101',
  ],
  ['getByIds of a 65-byte id', (x) => x.getByIds(['i'.repeat(65)]), /^VECTOR_GET_ERROR \(code = 40008\)/],

  ['an upsert of 1,000 vectors', (x) => x.upsert(vectors(1_000)), 'ok'],
  [
    'an upsert of 1,001 vectors',
    (x) => x.upsert(vectors(1_001)),
    /^VECTOR_UPSERT_ERROR \(code = 40007\): .*1000, got 1001/,
  ],
  ['an upsert of none', (x) => x.upsert([]), /^VECTOR_UPSERT_ERROR \(code = 40023\)/],
  ['an id of 64 bytes', (x) => x.upsert([{ id: 'é'.repeat(32), values: unit() }]), 'ok'],
  [
    'an id of 65 bytes in 33 characters',
    (x) => x.upsert([{ id: `${'é'.repeat(32)}x`, values: unit() }]),
    'VECTOR_UPSERT_ERROR (code = 40008): id too long; max is 64 bytes, got 65 bytes',
  ],
  ['an empty id', (x) => x.insert([{ id: '', values: unit() }]), /^VECTOR_INSERT_ERROR \(code = 40023\)/],
  ['a namespace of 64 bytes', (x) => x.upsert([{ id: 'a', values: unit(), namespace: 'n'.repeat(64) }]), 'ok'],
  [
    'a namespace of 65 bytes',
    (x) => x.upsert([{ id: 'a', values: unit(), namespace: 'n'.repeat(65) }]),
    /code = 40009/,
  ],
  [
    'a vector of the wrong length',
    (x) => x.insert([{ id: 'a', values: [1, 2] }]),
    'VECTOR_INSERT_ERROR (code = 40012): invalid vector for id="a", expected 8 dimensions, and got 2 dimensions',
  ],
  ['NaN among the values', (x) => x.upsert([{ id: 'a', values: [...unit().slice(1), Number.NaN] }]), /code = 40023/],
  ['Infinity among the values', (x) => x.upsert([{ id: 'a', values: unit().map((v) => v / 0) }]), /code = 40023/],
  ['a value beyond float32', (x) => x.upsert([{ id: 'a', values: unit().map((v) => v * 1e39) }]), /code = 40023/],
  ['metadata of 10,240 bytes', (x) => x.upsert([{ id: 'a', values: unit(), metadata: metadataOf(10_240) }]), 'ok'],
  [
    'metadata of 10,241 bytes',
    (x) => x.upsert([{ id: 'a', values: unit(), metadata: metadataOf(10_241) }]),
    'VECTOR_UPSERT_ERROR (code = 40016): oversized metadata for vector id="a"; the compact JSON representation of the metadata must not exceed 10240 bytes, got 10241 bytes',
  ],
  ['a metadata key with a dot', (x) => x.upsert([{ id: 'a', values: unit(), metadata: { 'a.b': 1 } }]), /code = 40018/],
  [
    'a nested key with a quote',
    (x) => x.upsert([{ id: 'a', values: unit(), metadata: { a: { '"': 1 } } }]),
    /code = 40018/,
  ],
  ['a metadata key with $ first', (x) => x.upsert([{ id: 'a', values: unit(), metadata: { $a: 1 } }]), /code = 40018/],
  [
    'a lone surrogate in the text',
    (x) => x.upsert([{ id: 'a', values: unit(), metadata: { t: '\ud835' } }]),
    /code = 40023/,
  ],
  ['a text that spells an escape', (x) => x.upsert([{ id: 'a', values: unit(), metadata: { t: '\\ud835' } }]), 'ok'],
];

describe.each([
  ['the local binding', () => local.index],
  ["workerd's own Vectorize class", () => real.index],
])('through %s', (_name, door) => {
  it.each(SCENARIOS)('%s', async (_what, call, answer) => {
    const got = await outcome(call(door()));
    if (typeof answer === 'string') expect(got).toBe(answer);
    else expect(got).toMatch(answer);
  });

  it('refuses a whole batch for one bad vector', async () => {
    const batch = [...vectors(3), { id: 'bad', values: [1] }];
    expect(await outcome(door().upsert(batch))).toMatch(/40012/);
    expect((await local.index.describe()).vectorCount).toBe(0);
  });
});
