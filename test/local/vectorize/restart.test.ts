// What outlives a restart: vectors, metadata, what filters see, writes that were still waiting, and the processed mutation.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outcome, type Started, startLocal, type Vector } from './local.ts';

const D = 12;
const VARS = { DIMENSIONS: String(D), METADATA_INDEXES: 'lang:string' };
const wave = (i: number): number[] => Array.from({ length: D }, (_, j) => Math.fround(Math.sin(i * 7 + j * 3)));
const vectors: Vector[] = Array.from({ length: 500 }, (_, i) => ({
  id: `v${i}`,
  values: wave(i),
  namespace: i % 2 === 0 ? 'even' : 'odd',
  metadata: { lang: i % 5 === 0 ? 'de' : 'en', i },
}));

let directory: string;
let running: Started | undefined;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vectorize-local-'));
});
afterAll(async () => {
  await running?.stop();
  await rm(directory, { recursive: true, force: true });
});

const restarted = async (vars: Record<string, string> = VARS): Promise<Started> => {
  await running?.stop();
  running = await startLocal(vars, directory);
  return running;
};

describe('a restart', () => {
  it('brings back every vector, query for query', async () => {
    const before = (await restarted()).index;
    await before.upsert(vectors);
    await before.deleteByIds(['v3', 'v4', 'v499']);
    const ask = async (index: typeof before) => [
      await index.describe(),
      await index.query(wave(9), { topK: 50, returnMetadata: 'all', returnValues: false }),
      await index.query(wave(9), { topK: 20, returnValues: true, namespace: 'odd', filter: { lang: 'de' } }),
      await index.query(wave(9), { topK: 100, returnMetadata: 'indexed', filter: { lang: { $ne: 'de' } } }),
      await index.getByIds(['v0', 'v3', 'v498']),
    ];
    const answers = await ask(before);
    expect(answers[0]).toMatchObject({ vectorCount: 497 });
    expect(await ask((await restarted()).index)).toEqual(answers);
  });

  it('keeps a waiting write waiting', async () => {
    const before = (await restarted({ ...VARS, VISIBLE_AFTER_MS: 'flush' })).index;
    await before.clear();
    await before.upsert([{ id: 'late', values: wave(1), metadata: { lang: 'en' } }]);
    await before.deleteByIds([]);
    const after = (await restarted()).index;
    expect((await after.query(wave(1))).count).toBe(0);
    expect(await after.flush()).toBe(2);
    expect((await after.query(wave(1), { returnMetadata: 'all' })).matches).toMatchObject([
      { id: 'late', metadata: { lang: 'en' } },
    ]);
  });

  it('with other dimensions says so instead of answering nonsense, until cleared', async () => {
    const { index } = await restarted({ DIMENSIONS: '3' });
    expect(await outcome(index.describe())).toBe(
      'INDEX_GET_ERROR: the stored index has 12 dimensions, cosine; this Worker is configured for 3 dimensions, cosine. clear() empties it',
    );
    await index.clear();
    expect(await index.describe()).toMatchObject({ vectorCount: 0, dimensions: 3 });
  });
});
