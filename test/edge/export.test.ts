// An export in Node over plain objects in place of the bindings: it reads on only as it is read, and breaks off rather than
// end short.
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { CorpusInfo, Entry } from '../../functions/corpora/contract.ts';
import { EXPORT_LOOK_MS, EXPORT_LOOKS, WALK_ENTRIES } from '../../wire/limits.ts';

/** A module of workerd's side, which Node's compiler settings do not know. */
const load = (path: string): Promise<object> => import(path);
const { exported } = (await load('../../functions/corpora/export.ts')) as {
  exported(env: unknown, info: CorpusInfo, options: object): ReadableStream<Uint8Array>;
};

const INFO: CorpusInfo = {
  tenant: 'one',
  name: 'c',
  space: 'space',
  stripes: 1,
  dimensions: 2,
  embedder: 'fake',
  createdAt: '2026-11-26T00:00:00.000Z',
  version: '',
  changedAt: 0,
};
const entryOf = (i: number): Entry => {
  const id = String(i).padStart(6, '0');
  return { id, vector: `v${id}`, hash: 'h', stripe: 0, bytes: 1, long: false };
};

/** A corpus of `count` examples, of which the index shows those up to `shown`. */
const corpusOf = (count: number, shown = count) => {
  const calls = { pages: 0, gets: 0 };
  const catalogue = {
    page: async (after: string, limit: number) => {
      calls.pages += 1;
      const from = after === '' ? 0 : Number(after) + 1;
      return Array.from({ length: Math.max(0, Math.min(limit, count - from)) }, (_, i) => entryOf(from + i));
    },
    find: async (id: string) => ({ info: INFO, entry: entryOf(Number(id)) }),
  };
  const env = {
    CATALOGUE: { getByName: () => catalogue },
    VECTORIZE: {
      getByIds: async (ids: readonly string[]) => {
        calls.gets += 1;
        return ids
          .filter((id) => Number(id.slice(1)) < shown)
          .map((id) => ({
            id,
            values: [1, 0],
            metadata: { q15: 'AAAAAA==', id: id.slice(1), bytes: 1, hash: 'h', text: 't' },
          }));
      },
    },
  };
  return { env, calls };
};
const OPTIONS = { after: '', limit: Number.POSITIVE_INFINITY, vectors: false };

afterEach(() => vi.useRealTimers());

describe('an export', () => {
  it('reads no more of the corpus than its reader takes', async () => {
    const { env, calls } = corpusOf(50 * WALK_ENTRIES);
    const reader = exported(env, INFO, OPTIONS).getReader();
    await reader.read();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(calls.pages).toBeLessThanOrEqual(3);
    await reader.cancel();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(calls.pages).toBeLessThanOrEqual(3);
  });

  it.each([0, 1, WALK_ENTRIES - 1, WALK_ENTRIES, WALK_ENTRIES + 1])('of %d examples holds each once', async (count) => {
    const text = await new Response(exported(corpusOf(count).env, INFO, OPTIONS)).text();
    const ids =
      text === ''
        ? []
        : text
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line).id);
    expect(ids).toEqual(Array.from({ length: count }, (_, i) => entryOf(i).id));
  });

  it('breaks off where the index does not come to show an example', async () => {
    vi.useFakeTimers();
    const { env, calls } = corpusOf(3, 2);
    const text = new Response(exported(env, INFO, OPTIONS)).text();
    const ended = expect(text).rejects.toThrow('the index does not show 1 examples');
    await vi.advanceTimersByTimeAsync(EXPORT_LOOKS * EXPORT_LOOK_MS);
    await ended;
    expect(calls.gets).toBe(EXPORT_LOOKS);
  });
});
