// Search and writes against a model in plain JavaScript: the right neighbours with the right scores, whatever was written before.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Index, type Match, type Started, startLocal, type Vector } from './local.ts';

const D = 19; // no multiple of the SIMD width
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
};
const SCORES: Record<string, (a: ArrayLike<number>, b: ArrayLike<number>) => number> = {
  cosine: (a, b) => dot(a, b) / (Math.sqrt(dot(a, a) * dot(b, b)) || 1),
  'dot-product': dot,
  euclidean: (a, b) => Math.sqrt(Array.from(a, (x, i) => (x - (b[i] ?? 0)) ** 2).reduce((sum, x) => sum + x, 0)),
};

const values = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: D, maxLength: D });
const id = fc.integer({ min: 0, max: 24 }).map((n) => `id${n}`);
const vector: fc.Arbitrary<Vector> = fc.record({ id, values, namespace: fc.constantFrom('', 'n1', 'n2') });
const step = fc.oneof(
  fc.record({ kind: fc.constantFrom('insert', 'upsert'), vectors: fc.array(vector, { minLength: 1, maxLength: 8 }) }),
  fc.record({ kind: fc.constant('delete'), ids: fc.array(id, { maxLength: 6 }) }),
);
type Step = { kind: string; vectors?: Vector[]; ids?: string[] };

const applyToModel = (model: Map<string, Vector>, { kind, vectors = [], ids = [] }: Step): void => {
  for (const one of vectors) if (kind === 'upsert' || !model.has(one.id)) model.set(one.id, one);
  for (const one of ids) model.delete(one);
};
const applyToIndex = async (index: Index, { kind, vectors = [], ids = [] }: Step): Promise<void> => {
  if (kind === 'delete') await index.deleteByIds(ids);
  else if (kind === 'insert') await index.insert(vectors);
  else await index.upsert(vectors);
};

const checkMatches = (
  matches: Match[],
  model: Map<string, Vector>,
  query: number[],
  metric: string,
  topK: number,
  namespace: string | null,
) => {
  const score = SCORES[metric] ?? dot;
  const better = metric === 'euclidean' ? (a: number, b: number) => a - b : (a: number, b: number) => b - a;
  const candidates = [...model.values()].filter((one) => namespace === null || one.namespace === namespace);
  const best = candidates
    .map((one) => score(query, one.values))
    .sort(better)
    .slice(0, topK);
  expect(matches).toHaveLength(best.length);
  expect(new Set(matches.map((match) => match.id)).size).toBe(matches.length);
  matches.forEach((match, place) => {
    const own = model.get(match.id);
    expect(own, match.id).toBeDefined();
    expect(match.namespace ?? '').toBe(own?.namespace ?? '');
    // ties may come in either order, so scores are compared place by place and each with its own vector
    const scale = 1e-5 * Math.max(1, Math.abs(best[place] ?? 0));
    expect(Math.abs(match.score - (best[place] ?? 0))).toBeLessThan(scale);
    expect(Math.abs(match.score - score(query, own?.values ?? []))).toBeLessThan(scale);
  });
};

describe.each(Object.keys(SCORES))('an index of metric %s', (metric) => {
  let local: Started;
  beforeAll(async () => {
    local = await startLocal({ DIMENSIONS: String(D), METRIC: metric });
  });
  afterAll(() => local?.stop());

  it('answers as the model does after any sequence of insert, upsert and delete', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 8 }),
        values,
        fc.integer({ min: 1, max: 30 }),
        async (steps, query, topK) => {
          await local.index.clear();
          const model = new Map<string, Vector>();
          for (const one of steps) {
            applyToModel(model, one);
            await applyToIndex(local.index, one);
          }
          expect((await local.index.describe()).vectorCount).toBe(model.size);
          for (const namespace of [null, 'n1']) {
            const options = namespace === null ? { topK } : { topK, namespace };
            const { matches, count } = await local.index.query(query, options);
            expect(count).toBe(matches.length);
            checkMatches(matches, model, query, metric, topK, namespace);
          }
        },
      ),
      { numRuns: 40, seed: 11 },
    );
  });

  it('scores a zero vector without NaN', async () => {
    await local.index.clear();
    await local.index.upsert([{ id: 'zero', values: new Array(D).fill(0) }]);
    const { matches } = await local.index.query(new Array(D).fill(0));
    expect(matches).toMatchObject([{ id: 'zero', score: 0 }]);
  });
});

describe('ids, namespaces and what comes back', () => {
  let local: Started;
  beforeAll(async () => {
    local = await startLocal({ DIMENSIONS: '2' });
  });
  afterAll(() => local?.stop());

  it('ids are unique in the index, not in a namespace: an upsert elsewhere moves the vector', async () => {
    await local.index.upsert([{ id: 'a', values: [1, 0], namespace: 'one' }]);
    await local.index.upsert([{ id: 'a', values: [0, 1], namespace: 'two' }]);
    expect((await local.index.describe()).vectorCount).toBe(1);
    expect((await local.index.query([1, 0], { namespace: 'one' })).matches).toEqual([]);
    expect((await local.index.query([0, 1], { namespace: 'two' })).matches).toMatchObject([{ id: 'a', score: 1 }]);
  });

  it('insert keeps the first, in one batch and across batches', async () => {
    await local.index.clear();
    await local.index.insert([
      { id: 'a', values: [1, 0], metadata: { n: 1 } },
      { id: 'a', values: [0, 1], metadata: { n: 2 } },
    ]);
    await local.index.insert([{ id: 'a', values: [0, 1], metadata: { n: 3 } }]);
    expect(await local.index.getByIds(['a'])).toEqual([{ id: 'a', values: [1, 0], metadata: { n: 1 } }]);
  });

  it('an upsert without metadata or namespace drops the old ones', async () => {
    await local.index.clear();
    await local.index.upsert([{ id: 'a', values: [1, 0], namespace: 'n', metadata: { x: 1 } }]);
    await local.index.upsert([{ id: 'a', values: [1, 0] }]);
    expect(await local.index.getByIds(['a'])).toEqual([{ id: 'a', values: [1, 0] }]);
  });

  it('brings a whole pool of 50 with full metadata, up to 10 KiB each, in one query', async () => {
    await local.index.clear();
    const text = 'pool '.repeat(2_000);
    const pool = Array.from({ length: 60 }, (_, i) => ({ id: `p${i}`, values: [1, i / 60], metadata: { text, i } }));
    await local.index.upsert(pool);
    const { matches } = await local.index.query([1, 0], { topK: 50, returnMetadata: 'all' });
    expect(matches.map((match) => match.id)).toEqual(pool.slice(0, 50).map((vector) => vector.id));
    expect(matches.every((match) => match.metadata?.text === text)).toBe(true);
  });

  it('queryById finds the vector itself first, within a namespace too', async () => {
    await local.index.clear();
    await local.index.upsert([
      { id: 'a', values: [3, 1], namespace: 'n' },
      { id: 'b', values: [1, 0] },
    ]);
    expect((await local.index.queryById('a')).matches.map((match) => match.id)).toEqual(['a', 'b']);
    expect((await local.index.queryById('b', { namespace: 'n' })).matches.map((match) => match.id)).toEqual(['a']);
  });

  it('returns 5 matches when topK is not named', async () => {
    await local.index.clear();
    await local.index.upsert(Array.from({ length: 9 }, (_, i) => ({ id: `v${i}`, values: [1, i] })));
    expect((await local.index.query([1, 0])).count).toBe(5);
  });
});
