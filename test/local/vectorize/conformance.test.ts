// workerd's own class for Vectorize and the local RPC binding, over one index: the same calls get the same answers.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Index, type Started, startLocal, startRealBinding, type Vector } from './local.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const VECTORS: Vector[] = [
  { id: 'a', values: [1, 0, 0.1], metadata: { lang: 'en', text: 'Ünïcode\nand "quotes"', deep: { year: 2024 } } },
  { id: 'b', values: new Float32Array([0.9, 0.1, 0]), namespace: 'n', metadata: { lang: 'de' } },
  { id: 'c', values: [0, 1, 0], namespace: 'n' },
];

let local: Started;
let real: Started;
beforeAll(async () => {
  local = await startLocal({ DIMENSIONS: '3', METADATA_INDEXES: 'lang:string,deep.year:number' });
  real = await startRealBinding(local.url);
});
afterAll(async () => {
  await real?.stop();
  await local?.stop();
});

describe.each([
  ['local binding first', () => [local.index, real.index] as const],
  ["workerd's own class first", () => [real.index, local.index] as const],
])('%s', (_name, doors) => {
  const agreed = async (call: (index: Index) => Promise<unknown>): Promise<unknown> => {
    const [first, second] = doors();
    const answer = await call(first);
    expect(await call(second)).toEqual(answer);
    return answer;
  };

  it('writes through one door, reads the same through both', async () => {
    const [writer] = doors();
    await local.index.clear();
    const { mutationId } = await writer.upsert(VECTORS);
    expect(mutationId).toMatch(UUID);

    const info = await agreed((x) => x.describe());
    expect(info).toMatchObject({ vectorCount: 3, dimensions: 3, processedUpToMutation: mutationId });

    const query = await agreed((x) => x.query([1, 0, 0], { topK: 2, returnMetadata: 'all', returnValues: true }));
    expect(query).toMatchObject({
      count: 2,
      matches: [
        { id: 'a', values: [1, 0, Math.fround(0.1)], metadata: VECTORS[0]?.metadata },
        { id: 'b', namespace: 'n', metadata: { lang: 'de' } },
      ],
    });
    await agreed((x) => x.query(new Float32Array([1, 0, 0])));
    await agreed((x) => x.query([1, 0, 0], { returnMetadata: true }));
    expect(
      await agreed((x) => x.query([1, 0, 0], { returnMetadata: 'indexed', filter: { 'deep.year': 2024 } })),
    ).toMatchObject({
      matches: [{ id: 'a', metadata: { lang: 'en', deep: { year: 2024 } } }],
    });
    await agreed((x) => x.query([1, 0, 0], { namespace: 'n', filter: { lang: { $nin: ['de'] } } }));
    await agreed((x) => x.queryById('c', { topK: 3 }));
    expect(await agreed((x) => x.getByIds(['c', 'nobody', 'a', 'c']))).toMatchObject([{ id: 'c' }, { id: 'a' }]);
  });

  it('inserts and deletes through either door', async () => {
    const [writer] = doors();
    await local.index.clear();
    await writer.insert(VECTORS);
    await writer.insert([{ id: 'a', values: [0, 0, 1] }]);
    expect(await agreed((x) => x.getByIds(['a']))).toMatchObject([{ values: [1, 0, Math.fround(0.1)] }]);
    expect((await writer.deleteByIds(['a', 'nobody'])).mutationId).toMatch(UUID);
    expect(await agreed((x) => x.query([1, 0, 0]))).toMatchObject({ count: 2, matches: [{ id: 'b' }, { id: 'c' }] });
  });

  it('fails alike, with and without a readable body', async () => {
    for (const fail of [
      { calls: 2, code: 40041, error: 'Too Many Requests' },
      { calls: 2, code: null },
    ]) {
      await local.index.configure({ fail });
      const messages = await Promise.all(doors().map((x) => x.query([1, 0, 0]).catch((error: Error) => error.message)));
      expect(messages[0]).toBe(messages[1]);
      expect(messages[0]).toBe(
        fail.code === null
          ? 'VECTOR_QUERY_ERROR: Status + 500'
          : 'VECTOR_QUERY_ERROR (code = 40041): Too Many Requests',
      );
    }
  });
});
