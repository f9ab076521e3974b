// Where kept selections are looked for and when they stand, without a Worker: the cache of a location, KV behind it, keys that
// may touch some corpora only, and an index that shows writes late.
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Standing } from '../../functions/corpora/contract.ts';
import { wireError } from '../../functions/http/errors.ts';
import type { Kept } from '../../functions/selections/record.ts';
import { DEFAULT_INDEX_SETTLE_S } from '../../wire/limits.ts';

/** Modules of workerd's side, which Node's compiler settings do not know. */
const load = (path: string): Promise<object> => import(path);
const { selectionRoute } = (await load('../../functions/selections/route.ts')) as {
  selectionRoute: (c: unknown) => Promise<Response>;
};
const { keep, selectionTtl } = (await load('../../functions/selections/store.ts')) as {
  keep(place: unknown, tenant: string, id: string, kept: Kept): void;
  selectionTtl(env: object): number;
};
const { isSettled } = (await load('../../functions/corpora/settled.ts')) as {
  isSettled(env: object, info: { changedAt: number }, now: number): boolean;
};
const { validatorOf } = (await load('../../functions/select/asked.ts')) as {
  validatorOf(env: object, tenant: string, asked: object, sources: readonly object[]): Promise<string>;
};
const { forgetCorpusInfo } = (await load('../../functions/corpora/store.ts')) as {
  forgetCorpusInfo(tenant: string, corpus: string): void;
};

/** Another one for each test: an isolate remembers which selections it asked about. */
let ID: string;
let tests = 0;
const ORIGIN = 'https://edge.example';

/** One location's cache, KV behind all locations, and a corpus whose examples have these hashes. */
const world = () => {
  const cache = new Map<string, Response>();
  const kv = new Map<string, string>();
  const asked: string[] = [];
  const work: Promise<unknown>[] = [];
  const corpus = { space: 's', version: 'v1', changedAt: 0, hashes: { a: 'h-a' } as Record<string, string> };
  vi.stubGlobal('caches', {
    default: {
      match: async (url: string) => cache.get(url)?.clone(),
      put: async (url: string, response: Response) => void cache.set(url, response),
    },
  });
  const catalogue = {
    info: () => ({ tenant: 't', name: 'c', space: corpus.space, version: corpus.version, changedAt: corpus.changedAt }),
    standing: (space: string, examples: readonly Standing[]) => {
      asked.push('standing');
      return space === corpus.space
        ? { ...corpus, stands: examples.every(({ id, hash }) => corpus.hashes[id] === hash) }
        : null;
    },
  };
  const env = {
    SELECTIONS: {
      get: async (key: string) => {
        asked.push(key);
        const found = kv.get(key);
        return found === undefined ? null : JSON.parse(found);
      },
      put: async (key: string, value: string) => void kv.set(key, value),
    },
    CATALOGUE: { getByName: () => catalogue },
    CORPORA: { getByName: () => ({ has: () => true }) },
  };
  const place = { env, origin: ORIGIN, waitUntil: (one: Promise<unknown>) => void work.push(one) };
  const app = new Hono();
  app.use(async (c, next) => {
    const corpora = c.req.header('x-corpora')?.split(',') ?? 'all';
    c.set('principal' as never, { tenant: c.req.header('x-tenant') ?? 't', corpora, scopes: [] } as never);
    await next();
  });
  app.get('/v1/selections/:id', (c) => selectionRoute(c));
  app.onError((error) => {
    const { status, body } = wireError(error);
    return Response.json(body, { status });
  });
  const get = (headers: Record<string, string> = {}, id = ID) =>
    app.request(`${ORIGIN}/v1/selections/${id}`, { headers }, env, {
      waitUntil: place.waitUntil,
      passThroughOnException: () => {},
      props: {},
    });
  return { cache, kv, asked, corpus, env, place, get, settle: () => Promise.all(work) };
};

const kept = (given: Partial<Kept['sources'][number]> = {}, expiresAt = Date.now() + 3_600_000): Kept => ({
  etag: '"e"',
  body: '{"object":"selection"}',
  expiresAt,
  sources: [{ corpus: 'c', space: 's', version: 'v1', settled: true, picks: [{ id: 'a', hash: 'h-a' }], ...given }],
});

let one: ReturnType<typeof world>;
beforeEach(() => {
  tests += 1;
  ID = `sel_${String(tests).padStart(24, 'a')}`;
  forgetCorpusInfo('t', 'c');
  one = world();
});
afterEach(() => vi.unstubAllGlobals());
const keeping = async (selection: Kept) => {
  keep(one.place, 't', ID, selection);
  await one.settle();
};

describe('a kept selection', () => {
  it('is there while it is still being written', async () => {
    keep(one.place, 't', ID, kept());
    expect((await one.get()).status).toBe(200);
  });

  it('comes from the cache of this location, without asking KV or the catalogue', async () => {
    await keeping(kept());
    expect(await (await one.get()).json()).toEqual({ object: 'selection' });
    expect(one.asked).toEqual([]);
  });

  it('comes from KV elsewhere, once', async () => {
    await keeping(kept());
    one.cache.clear();
    expect((await one.get()).status).toBe(200);
    await one.settle();
    expect((await one.get()).status).toBe(200);
    expect(one.asked).toEqual([`selection/t/${ID}`]);
  });

  it('is not found by another tenant, by a key for other corpora, or when its time is over', async () => {
    await keeping(kept());
    const unknown = await one.get({}, `sel_${'b'.repeat(24)}`);
    const expected = [404, (await unknown.text()).replaceAll(`sel_${'b'.repeat(24)}`, ID)];
    for (const headers of [{ 'x-tenant': 'other' }, { 'x-corpora': 'd,e' }]) {
      const answer = await one.get(headers);
      expect([answer.status, await answer.text()]).toEqual(expected);
    }
    expect((await one.get({ 'x-corpora': 'd,c' })).status).toBe(200);
    await keeping(kept({}, Date.now() - 1000));
    expect((await one.get()).status).toBe(404);
  });

  it('that was made while the index was behind is asked about, though the version is the same', async () => {
    // the catalogue knows the new version of `a`, the index showed the one before
    one.corpus.hashes = { a: 'h-new' };
    await keeping(kept({ settled: false }));
    expect((await one.get()).status).toBe(410);
  });

  it('is asked about once for each version', async () => {
    await keeping(kept({ settled: false }));
    for (let i = 0; i < 3; i++) expect((await one.get()).status).toBe(200);
    expect(one.asked).toEqual(['standing']);
  });

  it('that is gone keeps none of its texts, here or in KV', async () => {
    await keeping({ ...kept({ version: 'v0' }), body: '{"text":"secret"}' });
    one.corpus.hashes = {};
    expect((await one.get()).status).toBe(410);
    await one.settle();
    expect([...one.kv.values()].join()).not.toContain('secret');
    expect(await [...one.cache.values()][0]?.clone().text()).not.toContain('secret');
    one.corpus.hashes = { a: 'h-a' };
    expect((await one.get()).status).toBe(410);
  });
});

describe('a deployment', () => {
  it('says how long selections are kept, from a minute on, or not at all', () => {
    const ttl = (SELECTION_TTL_S?: string) => selectionTtl({ SELECTIONS: {}, SELECTION_TTL_S });
    expect([ttl(), ttl('0'), ttl('60'), selectionTtl({})]).toEqual([86_400, 0, 60, 0]);
    for (const wrong of ['59', '-1', 'a day', '1e9']) expect(() => ttl(wrong)).toThrow(/SELECTION_TTL_S \(0, or 60/);
  });

  it('says when the index shows a write', () => {
    const settled = (seconds: number, INDEX_SETTLE_S?: string) =>
      isSettled({ INDEX_SETTLE_S }, { changedAt: 1_000_000 }, 1_000_000 + 1000 * seconds);
    expect([settled(DEFAULT_INDEX_SETTLE_S), settled(DEFAULT_INDEX_SETTLE_S - 1)]).toEqual([true, false]);
    expect([settled(0, '0'), settled(9, '10')]).toEqual([true, false]);
    expect(() => settled(0, 'soon')).toThrow(/INDEX_SETTLE_S/);
  });
});

describe('a validator', () => {
  const source = { corpus: 'c', space: 's', version: 'v', settled: true };
  const etag = (given: object = {}, asked: object = {}, env: object = {}, tenant = 't') =>
    validatorOf(env, tenant, { digest: 'd', lines: false, ...asked }, [{ ...source, ...given }]);

  it('is of all that the answer depends on', async () => {
    const all = await Promise.all([
      etag(),
      etag({ version: 'w' }),
      etag({ space: 'z' }),
      etag({}, { digest: 'e' }),
      etag({}, { lines: true }),
      etag({}, {}, { EMBEDDER: 'none' }),
      etag({}, {}, { CODE_VERSION: { id: 'next' } }),
      etag({}, {}, {}, 'u'),
    ]);
    expect(new Set(all).size).toBe(all.length);
    expect(await etag()).toBe(all[0]);
  });

  it('can never be named again while the index may be behind the corpus', async () => {
    const young = { settled: false };
    expect(await etag(young)).not.toBe(await etag(young));
    expect(await etag(young)).not.toBe(await etag());
  });
});
