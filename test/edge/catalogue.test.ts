// The catalogue of a corpus and the list of a tenant's corpora, each on its own: what they write, sweep and leave behind.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { CatalogueMethods, CorpusListMethods, Entry } from '../../functions/corpora/contract.ts';
import { q15ToBase64 } from '../../functions/corpora/record.ts';
import { markOf } from '../../functions/corpora/sample.ts';
import { toQ15 } from '../../functions/kernel/q15.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { FakeStorage, fakeState } from './objects.ts';
import { randomUnit } from './vectors.ts';

vi.mock('cloudflare:workers', () => ({
  DurableObject: class {
    readonly ctx: unknown;
    readonly env: unknown;
    constructor(ctx: unknown, env: unknown) {
      this.ctx = ctx;
      this.env = env;
    }
  },
}));
type ObjectClass<Methods> = new (state: unknown, env: unknown) => Methods;
/** A module of workerd's side, which Node's compiler settings do not know. */
const load = (path: string): Promise<object> => import(path);
const { Catalogue } = (await load('../../functions/corpora/catalogue.ts')) as {
  Catalogue: ObjectClass<CatalogueMethods & { alarm(): Promise<void> }>;
};
const { CorpusList } = (await load('../../functions/corpora/list.ts')) as {
  CorpusList: ObjectClass<CorpusListMethods>;
};

const WANTED = { tenant: 'one', name: 'corpus', stripes: 1, dimensions: 4, embedder: 'e' };
const entry = (id: string): Entry => ({ id, vector: `v-${id}`, hash: `h-${id}`, stripe: 0, bytes: 3, long: false });
const reservation = (id: string) => ({ id, fingerprint: `h-${id}`, vector: `v-${id}` });

/** The index and the bucket, as far as a sweep uses them. */
const sweepable = () => {
  const deleted = { vectors: [] as string[], texts: [] as string[] };
  const env = {
    failures: 0,
    /** Runs while a sweep waits for the index. */
    meanwhile: async () => {},
    deleted,
    VECTORIZE: {
      deleteByIds: async (ids: string[]) => {
        await env.meanwhile();
        if (env.failures > 0) {
          env.failures -= 1;
          throw new Error('VECTOR_DELETE_ERROR (code = 40000): down');
        }
        deleted.vectors.push(...ids);
      },
    },
    TEXTS: { delete: async (keys: string[]) => void deleted.texts.push(...keys) },
  };
  return env;
};

let storage: FakeStorage;
let env: ReturnType<typeof sweepable>;
beforeEach(() => {
  storage = new FakeStorage();
  env = sweepable();
});
const catalogueOn = (on: FakeStorage) => new Catalogue(fakeState(on), env);

const filled = async (ids: readonly string[]) => {
  const catalogue = catalogueOn(storage);
  const { info } = catalogue.open(WANTED);
  catalogue.reserve(info.space, 'w', ids.map(reservation));
  await catalogue.commit(info.space, 'w', ids.map(entry), 'texts/under');
  return { catalogue, info };
};

describe('a catalogue', () => {
  it('writes nothing when it is only looked at', async () => {
    const catalogue = catalogueOn(storage);
    expect([
      catalogue.info(),
      catalogue.describe(),
      catalogue.page('', 10),
      catalogue.find('a'),
      catalogue.reserve('s', 'w', [reservation('a')]),
      await catalogue.drop(),
    ]).toEqual([null, null, null, null, null, null]);
    catalogue.forget('a');
    expect([storage.tables(), storage.alarm]).toEqual([[], null]);
  });

  it('says whether it made the corpus, and keeps the first', () => {
    const catalogue = catalogueOn(storage);
    const first = catalogue.open(WANTED);
    const second = catalogue.open({ ...WANTED, stripes: 6 });
    expect([first.made, second.made]).toEqual([true, false]);
    expect(second.info).toEqual(first.info);
    // also when the object was evicted in between
    expect(catalogueOn(storage).open(WANTED)).toEqual({ info: first.info, made: false });
  });

  it('leaves a row unsettled that another writer reserved since', async () => {
    const { catalogue, info } = await filled([]);
    catalogue.reserve(info.space, 'a', [reservation('x')]);
    catalogue.reserve(info.space, 'b', [{ ...reservation('x'), fingerprint: 'h-other' }]);
    await catalogue.commit(info.space, 'a', [entry('x')], 'under');
    // it stands, but which version the index holds is not known: an upload of either writes again
    expect(catalogue.find('x')?.entry).toMatchObject({ id: 'x', hash: '' });
    expect(catalogue.reserve(info.space, 'c', [reservation('x')])).toEqual(['updated']);
    await catalogue.commit(info.space, 'c', [entry('x')], 'under');
    expect(catalogue.reserve(info.space, 'd', [reservation('x')])).toEqual(['unchanged']);
  });

  it('has another version after every write, and the same after every look', async () => {
    const { catalogue, info } = await filled(['a']);
    const seen = [info.version];
    const changed = (what: string, expected: boolean) => {
      const version = catalogue.info()?.version ?? 'none';
      expect(version, what).not.toBe('');
      expect(seen.at(-1) !== version, what).toBe(expected);
      if (expected) expect(seen, what).not.toContain(version);
      seen.push(version);
    };
    changed('a first example', true);
    catalogue.page('', 10);
    catalogue.find('a');
    catalogue.describe();
    expect(catalogue.open(WANTED).info.version).toBe(seen.at(-1));
    expect(catalogueOn(storage).info()?.version).toBe(seen.at(-1));
    changed('looking', false);
    catalogue.reserve(info.space, 'w', [reservation('a')]);
    changed('an unchanged example', false);
    // from here on the index may show the new version
    catalogue.reserve(info.space, 'w', [{ ...reservation('a'), fingerprint: 'h-new' }]);
    changed('an example being written', true);
    await catalogue.commit(info.space, 'w', [{ ...entry('a'), hash: 'h-new' }], 'under');
    changed('an updated example', true);
    catalogue.forget('a');
    changed('a deleted example', true);
    await catalogue.drop();
    catalogue.open(WANTED);
    changed('the corpus made anew', true);
    await catalogue.drop();
    await catalogue.alarm();
    catalogue.open(WANTED);
    changed('the corpus made anew after its storage was emptied', true);
  });

  it('says whether examples stand in the versions that are named', async () => {
    const { catalogue, info } = await filled(['a', 'b']);
    const standing = (...pairs: [id: string, hash: string][]) =>
      catalogue.standing(
        info.space,
        pairs.map(([id, hash]) => ({ id, hash })),
      )?.stands ?? null;
    expect(standing()).toBe(true);
    expect(standing(['a', 'h-a'], ['b', 'h-b'])).toBe(true);
    expect(standing(['a', 'h-a'], ['c', 'h-c'])).toBe(false);
    expect(standing(['a', 'h-other'])).toBe(false);
    expect(catalogue.standing('another space', [])).toBeNull();
    catalogue.reserve(info.space, 'w', [{ ...reservation('b'), fingerprint: 'h-new' }]);
    // which version the index holds is not known
    expect([standing(['b', 'h-b']), standing(['b', ''])]).toEqual([false, false]);
    await catalogue.drop();
    expect(standing(['a', 'h-a'])).toBeNull();
  });

  describe('measures how its vectors lie', () => {
    const next = seededRandom(3);
    const rows = Array.from({ length: 60 }, () => randomUnit(4, next));
    const sampled = (i: number) => ({ id: `${i}`, mark: markOf(`${i}`), q15: q15ToBase64(toQ15(at(rows, i))) });
    const measured = async (count: number) => {
      const { catalogue, info } = await filled([]);
      const entries = Array.from({ length: count }, (_, i) => entry(`${i}`));
      const offered = entries.map((_, i) => sampled(i));
      await catalogue.commit(info.space, 'w', entries, 'under', offered);
      return { catalogue, info };
    };

    it('from fifty on, the same when it is woken again, until an example goes', async () => {
      expect((await measured(49)).catalogue.info()).not.toHaveProperty('geometry');
      storage = new FakeStorage();
      const { catalogue } = await measured(50);
      expect(catalogue.info()?.geometry?.sample).toBe(50);
      expect(catalogue.describe()?.info.geometry).toEqual(catalogue.info()?.geometry);
      expect(catalogueOn(storage).info()).toEqual(catalogue.info());
      catalogue.forget('7');
      expect(catalogue.info()).not.toHaveProperty('geometry');
    });

    it('again after more were written', async () => {
      const { catalogue, info } = await measured(50);
      const before = catalogue.info()?.geometry?.random.p50;
      await catalogue.commit(info.space, 'w', [entry('55')], 'under', [sampled(55)]);
      expect(catalogue.info()?.geometry?.sample).toBe(51);
      expect(catalogue.info()?.geometry?.random.p50).not.toBe(before);
    });

    it('and leaves nothing of it in the next corpus of the name, nor in the storage', async () => {
      const { catalogue } = await measured(60);
      await catalogue.drop();
      catalogue.open(WANTED);
      expect(catalogue.info()).not.toHaveProperty('geometry');
      await catalogue.drop();
      await catalogue.alarm();
      expect(storage.tables()).toEqual([]);
      // the same object goes on after a sweep
      const { info } = catalogue.open(WANTED);
      const ids = Array.from({ length: 60 }, (_, i) => i);
      await catalogue.commit(
        info.space,
        'w',
        ids.map((i) => entry(`${i}`)),
        'under',
        ids.map(sampled),
      );
      expect(catalogue.info()?.geometry?.sample).toBe(60);
    });

    it('but not of a corpus that an earlier version wrote', async () => {
      const { catalogue } = await filled(Array.from({ length: 60 }, (_, i) => `${i}`));
      expect(storage.tables()).not.toContain('sample');
      expect(catalogue.info()).not.toHaveProperty('geometry');
      catalogue.forget('3');
      expect(await catalogue.drop()).toBe(59);
    });
  });

  it('sweeps a deleted corpus, reservations too, and empties its storage', async () => {
    const ids = Array.from({ length: 250 }, (_, i) => `${i}`);
    const { catalogue, info } = await filled(ids);
    catalogue.reserve(info.space, 'w', [reservation('reserved only')]);
    expect(await catalogue.drop()).toBe(250);
    expect(storage.alarm).not.toBeNull();
    await catalogue.alarm();
    expect(env.deleted.vectors.sort()).toEqual([...ids.map((id) => `v-${id}`), 'v-reserved only'].sort());
    expect(env.deleted.texts).toContain(`texts/one/corpus/${info.space}/v-0`);
    expect([storage.tables(), storage.alarm]).toEqual([[], null]);
    expect(catalogue.info()).toBeNull();
    // and the name can be used again
    expect(catalogue.open(WANTED).info.space).not.toBe(info.space);
  });

  it('tries a failed sweep again until nothing is left', async () => {
    const { catalogue } = await filled(['a', 'b']);
    env.failures = 2;
    await catalogue.drop();
    for (const left of [1, 0]) {
      storage.alarm = null; // it rings
      await catalogue.alarm();
      expect([env.failures, env.deleted.vectors]).toEqual([left, []]);
      expect(storage.alarm).toBeGreaterThan(Date.now());
    }
    await catalogue.alarm();
    expect(env.deleted.vectors).toEqual(['v-a', 'v-b']);
    expect(storage.tables()).toEqual([]);
  });

  it('goes on with a sweep that was cut off, after it was started anew', async () => {
    const { catalogue } = await filled(Array.from({ length: 150 }, (_, i) => `${i}`));
    await catalogue.drop();
    let calls = 0;
    env.meanwhile = async () => {
      calls += 1;
      if (calls === 2) throw new Error('evicted');
    };
    await catalogue.alarm();
    expect(env.deleted.vectors).toHaveLength(100);
    env.meanwhile = async () => {};
    await catalogueOn(storage).alarm();
    expect(env.deleted.vectors).toHaveLength(150);
    expect(storage.tables()).toEqual([]);
  });

  it('keeps a corpus that is opened while its predecessor is swept', async () => {
    const { catalogue, info } = await filled(['a']);
    await catalogue.drop();
    env.meanwhile = async () => {
      const again = catalogue.open(WANTED).info;
      catalogue.reserve(again.space, 'w', [reservation('b')]);
      await catalogue.commit(again.space, 'w', [entry('b')], 'under');
    };
    await catalogue.alarm();
    expect(env.deleted.vectors).toEqual(['v-a']);
    expect(catalogue.info()?.space).not.toBe(info.space);
    expect(catalogue.page('', 10)?.map(({ id }) => id)).toEqual(['b']);
  });

  it('sweeps what an upload wrote into a corpus that is gone, even after its storage was emptied', async () => {
    const { catalogue, info } = await filled(['a']);
    await catalogue.drop();
    await catalogue.alarm();
    expect(await catalogue.commit(info.space, 'w', [entry('late')], 'under')).toBe(false);
    expect(storage.alarm).not.toBeNull();
    await catalogue.alarm();
    expect(env.deleted.vectors).toEqual(['v-a', 'v-late']);
    expect(env.deleted.texts).toContain('under/v-late');
    expect(storage.tables()).toEqual([]);
  });
});

describe('the list of a tenant’s corpora', () => {
  const list = () => new CorpusList(fakeState(storage), env);

  it('writes nothing when it is only looked at', async () => {
    const empty = list();
    expect([empty.has('a'), empty.page('', 10)]).toEqual([false, []]);
    await empty.leave('a');
    expect(storage.tables()).toEqual([]);
  });

  it('knows its names until they leave, and keeps nothing without names', async () => {
    const names = list();
    for (const name of ['b', 'a', 'b']) names.enter(name);
    expect([names.has('a'), names.has('c'), names.page('', 10)]).toEqual([true, false, ['a', 'b']]);
    expect(list().has('b')).toBe(true);
    await names.leave('a');
    expect(names.page('', 10)).toEqual(['b']);
    await names.leave('b');
    expect(storage.tables()).toEqual([]);
    names.enter('c');
    expect(at(names.page('', 10), 0)).toBe('c');
  });
});
