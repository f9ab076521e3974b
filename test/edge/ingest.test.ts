// An upload in Node over plain objects in place of the bindings: batches, caps, halving, and what is remembered of a corpus.

import { afterEach, describe, expect, it, vi } from 'vitest';
import { nextBatchLines } from '../../functions/corpora/batch-size.ts';
import type { CorpusInfo, Entry, Reservation } from '../../functions/corpora/contract.ts';
import { byHalves } from '../../functions/corpora/halves.ts';
import { catalogueName, textKey, textsUnder } from '../../functions/corpora/keys.ts';
import { lossOf } from '../../functions/corpora/lossless.ts';
import { Offer } from '../../functions/corpora/sample.ts';
import type { Keep } from '../../functions/embedding/embedder.ts';
import { beforeUploads, giveWay, pause } from '../../functions/pause.ts';
import { Remembered } from '../../functions/remembered.ts';
import type { Fault } from '../../wire/faults.ts';
import { FaultError } from '../../wire/faults.ts';
import {
  CORPUS_CACHE_S,
  GIVE_WAY_TURNS,
  INGEST_BATCH_BYTES,
  INGEST_BATCH_LINES,
  INGEST_BATCH_MS,
  INGEST_FIRST_LINES,
  MAX_UPLOAD_BYTES,
} from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';

/** A module of workerd's side, which Node's compiler settings do not know. */
const load = (path: string): Promise<object> => import(path);
const { ingest } = (await load('../../functions/corpora/ingest.ts')) as {
  ingest(upload: unknown, shape: object, body: ReadableStream<Uint8Array>): unknown;
};
const { uploaded } = (await load('../../functions/corpora/uploaded.ts')) as {
  uploaded(source: unknown, options: object): Promise<{ status: number; body: ReadableStream<Uint8Array> }>;
};
const { corpusInfo, forgetCorpusInfo } = (await load('../../functions/corpora/store.ts')) as {
  corpusInfo(env: unknown, tenant: string, corpus: string): Promise<CorpusInfo>;
  forgetCorpusInfo(tenant: string, corpus: string): void;
};

const INFO: CorpusInfo = {
  tenant: 'one',
  name: 'c',
  space: 'space',
  stripes: 1,
  dimensions: 2,
  embedder: 'fake',
  createdAt: '2026-11-26T00:00:00.000Z',
  version: 'v',
  changedAt: 0,
};

/** An upload whose stores note what they are asked; texts with `bad` in them are more than the embedder can take. */
const noting = (refusal?: Error) => {
  const batches: number[] = [];
  const committed: string[] = [];
  const kept: Keep[] = [];
  const catalogue = {
    reserve: async (_space: string, _writer: string, batch: readonly Reservation[]) => {
      batches.push(batch.length);
      return batch.map(() => 'created');
    },
    commit: async (_space: string, _writer: string, entries: readonly Entry[]) => {
      committed.push(...entries.map(({ id }) => id));
      return true;
    },
  };
  const upload = {
    env: {
      CATALOGUE: { getByName: () => catalogue },
      VECTORIZE: {
        upsert: async (vectors: readonly { metadata: { id: string } }[]) => {
          if (refusal !== undefined && vectors.some(({ metadata }) => metadata.id === '40')) throw refusal;
          return { mutationId: 'm' };
        },
      },
      TEXTS: {
        put: async (_key: string, text: string) => {
          if (text.startsWith('unstorable')) throw new Error('R2 is down');
        },
      },
    },
    corpus: { info: async () => INFO, end: async () => {} },
    cuts: false,
    gateway: {},
    replaced: [],
    embedder: {
      name: 'fake',
      dimensions: 2,
      embed: async (texts: readonly string[], keep: Keep) => {
        kept.push(keep);
        if (texts.some((text) => text.includes('bad'))) throw new Error('a token beyond the vocabulary');
        return texts.map(() => Float32Array.of(1, 0));
      },
    },
    writer: 'w',
    offer: new Offer(),
  };
  return { upload, batches, committed, kept };
};

type Result = { line: number; id: string | null; status: string; error?: { code: string; message: string } };

const run = async (upload: { embedder: object }, chunks: Iterable<Uint8Array | string>): Promise<Result[]> => {
  const utf8 = new TextEncoder();
  const pieces = chunks[Symbol.iterator]();
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = pieces.next();
      if (next.done) controller.close();
      else controller.enqueue(typeof next.value === 'string' ? utf8.encode(next.value) : next.value);
    },
  });
  const answer = await uploaded(ingest(upload, { dimensions: 2, embedder: 'fake' }, body), { summary: false });
  const text = await new Response(answer.body).text();
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Result);
};

const lines = (count: number, more: object = {}): string =>
  Array.from({ length: count }, (_, i) => `${JSON.stringify({ id: `${i}`, text: `text ${i}`, ...more })}\n`).join('');

describe('the batches of an upload', () => {
  it('begin small and grow to 200 lines', async () => {
    const { upload, batches, committed } = noting();
    expect(await run(upload, [lines(600)])).toHaveLength(600);
    expect([batches, committed.length]).toEqual([[25, 50, 100, 200, 200, 25], 600]);
  });

  it.each([
    ['no line is lost at the border', INGEST_FIRST_LINES - 1, [24]],
    ['of just the first batch', INGEST_FIRST_LINES, [25]],
    ['of one more', INGEST_FIRST_LINES + 1, [25, 1]],
  ])('hold what there is: %s', async (_, count, expected) => {
    const { upload, batches, committed } = noting();
    expect(await run(upload, [lines(count)])).toHaveLength(count);
    expect([batches, committed.length]).toEqual([expected, count]);
  });

  it.each([
    ['a fast batch doubles', 25, 25, 10, 50],
    ['a batch without measurable time doubles', 25, 25, 0, 50],
    ['no batch exceeds the limit', 200, 200, 10, INGEST_BATCH_LINES],
    ['a slow batch shrinks to what fits the time', 200, 200, 4 * INGEST_BATCH_MS, 50],
    ['one line that takes a minute is still sent', 25, 25, 60 * 60_000, 1],
    ['few lines in little time leave the size', 100, 3, 4_000, 100],
    ['few large lines that are slow shrink it', 100, 10, 2 * INGEST_BATCH_MS, 5],
  ])('follow the time of the last: %s', (_, most, count, ms, expected) => {
    expect(nextBatchLines(most, count, ms)).toBe(expected);
  });

  it('hold 8 MiB of lines at most', async () => {
    const { upload, batches } = noting();
    const one = (i: number, bytes: number): string => {
      const bare = JSON.stringify({ id: `${i}`, text: '' });
      return `${JSON.stringify({ id: `${i}`, text: 'x'.repeat(bytes - bare.length) })}\n`;
    };
    const bytes = 256 * 1024;
    const count = INGEST_BATCH_BYTES / bytes;
    await run(upload, [lines(INGEST_FIRST_LINES), ...Array.from({ length: count + 1 }, (_, i) => one(100 + i, bytes))]);
    expect(batches).toEqual([INGEST_FIRST_LINES, count, 1]);
  });

  it('are embedded from the beginning of each text', async () => {
    const { upload, kept } = noting();
    await run(upload, [lines(3)]);
    expect(kept).toEqual(['head']);
  });

  it('lose only the lines that the embedder cannot take, or whose text cannot be stored', async () => {
    const { upload, committed } = noting();
    const all = Array.from({ length: 50 }, (_, i) => {
      const text = i === 7 || i === 31 ? `bad ${i}` : i === 12 ? `unstorable ${'z'.repeat(12_000)}` : `good ${i}`;
      return { id: `${i}`, text };
    });
    const results = await run(upload, [all.map((one) => JSON.stringify(one)).join('\n')]);
    const failed = results.filter(({ status }) => status === 'error');
    expect(failed.map(({ id }) => id)).toEqual(['7', '12', '31']);
    expect(failed[0]?.error?.message).toContain('a token beyond the vocabulary');
    expect(committed).toHaveLength(47);
  });
});

describe('an upload of 100 MB', () => {
  const wide = 2 * 1024 * 1024;
  /** Lines that are not JSON, so that nothing but reading them takes time; their newlines count. */
  function* bytes(total: number): Generator<Uint8Array> {
    for (let left = total; left > 0; left -= wide) yield new Uint8Array(Math.min(wide, left)).fill(0x78).fill(0x0a, -1);
  }

  it('is read to its end', async () => {
    const results = await run(noting().upload, bytes(MAX_UPLOAD_BYTES));
    expect(results).toHaveLength(Math.ceil(MAX_UPLOAD_BYTES / wide));
    expect(new Set(results.map(({ error }) => error?.code))).toEqual(new Set(['bad_json']));
  });

  it('is no longer read when it has one byte more', async () => {
    const last = Math.ceil(MAX_UPLOAD_BYTES / wide);
    const results = await run(noting().upload, bytes(MAX_UPLOAD_BYTES + 1));
    expect(results).toHaveLength(last);
    expect(results.at(-1)).toMatchObject({ line: last, error: { code: 'too_large' } });
    expect(results.at(-1)?.error?.message).toContain('the limit is 100000000 bytes');
  });
});

describe('an index that fails for one line of 64', () => {
  const failing = async (message: string): Promise<number> => {
    const results = await run(noting(new Error(message)).upload, [lines(64)]);
    return results.filter(({ status }) => status === 'error').length;
  };

  it.each([
    'VECTOR_UPSERT_ERROR (code = 40023): no',
    'VECTOR_UPSERT_ERROR (code = 40012): wrong dimensions',
    'VECTOR_UPSERT_ERROR: Status + 400',
    'VECTOR_UPSERT_ERROR: Status + 413',
    'VECTOR_UPSERT_ERROR: Status + 422',
  ])('refusing it costs that line alone: %s', async (message) => {
    expect(await failing(message)).toBe(1);
  });

  it.each([
    'VECTOR_UPSERT_ERROR (code = 40041): too many requests',
    'VECTOR_UPSERT_ERROR (code = 50002): internal',
    'VECTOR_UPSERT_ERROR: Status + 500',
    'VECTOR_UPSERT_ERROR: Status + 429',
    'Network connection lost.',
  ])('being down costs its batch, which is not tried by halves: %s', async (message) => {
    expect(await failing(message)).toBe(39);
  });
});

describe('a batch by halves', () => {
  const refusal: Fault = { kind: 'vectorize', code: 40023, message: 'no' };
  const attempt = async (count: number, bad: ReadonlySet<number>, calls: number, isRefusal = true) => {
    let made = 0;
    const results = await byHalves(
      Array.from({ length: count }, (_, i) => i),
      {
        work: async (some) => {
          made += 1;
          if (some.some((i) => bad.has(i))) throw new FaultError(refusal);
          return some.map((i) => i * 2);
        },
        isRefusal: () => isRefusal,
        calls,
      },
    );
    return { results, made };
  };

  it('gives every item but the culprits', async () => {
    for (const culprits of [[], [0], [199], [0, 1, 2], [5, 77, 150], [0, 199]]) {
      const bad = new Set(culprits);
      const { results, made } = await attempt(200, bad, 128);
      for (const [i, result] of results.entries()) {
        expect(result).toEqual(bad.has(i) ? { ok: false, fault: refusal } : { ok: true, value: i * 2 });
      }
      expect(made).toBeLessThanOrEqual(1 + 16 * culprits.length);
    }
  });

  it('ends with its calls, and gives up at once on an outage', async () => {
    const all = new Set(Array.from({ length: 200 }, (_, i) => i));
    expect((await attempt(200, all, 20)).made).toBeLessThanOrEqual(20);
    expect((await attempt(200, all, 20)).results.every(({ ok }) => !ok)).toBe(true);
    expect((await attempt(200, all, 128, false)).made).toBe(1);
    expect((await attempt(0, all, 128)).made).toBe(0);
  });
});

describe('what parsing would lose', () => {
  it.each<[string, string | undefined]>([
    ['{"n":9007199254740991}', undefined],
    ['{"n":9007199254740992}', undefined],
    ['{"n":9007199254740993}', 'the integer 9007199254740993'],
    ['{"n":-9007199254740993}', 'the integer -9007199254740993'],
    ['{"n":[1,{"m":9007199254740993}]}', 'the integer'],
    ['{"n":100000000000000000000}', undefined],
    ['{"n":0.1234567890123456789}', undefined],
    ['{"n":1e308}', undefined],
    ['{"n":1e309}', 'the number 1e309 is too large'],
    ['{"n":-1E400}', 'the number -1E400 is too large'],
    ['{"vector":[9007199254740993,1e5]}', undefined],
    ['{"a":"9007199254740993"}', undefined],
    ['{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}', undefined],
    ['{"a":1,"b":2,"a":3}', "'a' stands twice"],
    ['{"a":"\\"b\\":","b":1}', undefined],
    ['{"a":"\\\\","a":1}', "'a' stands twice"],
    ['{"a":{"x":1,"\\u0078":2}}', "'x' stands twice"],
    ['{"a":["b","b"],"c":"a"}', undefined],
    ['{"__proto__":1,"a":{"__pro\\u0074o__":1}}', undefined],
    ['{"a":{"__proto__":1,"__pro\\u0074o__":2}}', "'__proto__' stands twice"],
    ['[]', undefined],
    ['"a"', undefined],
  ])('%s', (text, expected) => {
    if (expected === undefined) expect(lossOf(text, 'vector')).toBeUndefined();
    else expect(lossOf(text, 'vector')).toContain(expected);
  });

  it('is found in time that grows with the text, not faster', () => {
    // the kinds of text on which a backtracking search or a BigInt of all digits would take minutes
    for (const part of ['\\"', '\\\\', '9', '1,', '"a",', '[', ' ']) {
      const text = `{"a":"${part === '\\"' || part === '\\\\' ? part.repeat(500_000) : ''}","b":[${part.startsWith('\\') ? '' : part.repeat(500_000)}`;
      const from = performance.now();
      lossOf(text, 'vector');
      expect(performance.now() - from).toBeLessThan(2_000);
    }
  });
});

describe('an upload’s work', () => {
  it('stands still while answers are made that somebody waits for, and no longer than its turns', async () => {
    const order: string[] = [];
    const turns = async (count: number) => {
      for (let i = 0; i < count; i++) await pause();
    };
    const answer = beforeUploads(async () => {
      await turns(5);
      order.push('answer');
    });
    const slice = giveWay().then(() => order.push('slice'));
    await Promise.all([answer, slice]);
    expect(order).toEqual(['answer', 'slice']);
    let ended = false;
    const long = beforeUploads(() => turns(3 * GIVE_WAY_TURNS)).then(() => {
      ended = true;
    });
    await giveWay();
    expect(ended).toBe(false);
    await long;
    // one that fails is waited for no longer either
    await expect(beforeUploads(async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    const last = giveWay().then(() => order.push('at once'));
    const others = turns(3).then(() => order.push('others'));
    await Promise.all([last, others]);
    expect(order.slice(2)).toEqual(['at once', 'others']);
  });
});

describe('what an isolate remembers', () => {
  it('is out of date after its time, and still known', () => {
    let now = 0;
    const remembered = new Remembered<string>(10, 1000, () => now);
    remembered.set('a', 'A');
    now = 999;
    expect(remembered.get('a')).toBe('A');
    now = 1000;
    expect([remembered.get('a'), remembered.knew('a'), remembered.knew('b')]).toEqual([undefined, true, false]);
    remembered.forget('a');
    expect(remembered.knew('a')).toBe(false);
  });

  it('is bounded: what was not used for longest goes', () => {
    const remembered = new Remembered<number>(3, 1000, () => 0);
    for (const [i, key] of ['a', 'b', 'c'].entries()) remembered.set(key, i);
    remembered.get('a');
    remembered.set('d', 3);
    expect(['a', 'b', 'c', 'd'].map((key) => remembered.knew(key))).toEqual([true, false, true, true]);
    for (let i = 0; i < 100; i++) remembered.set(`${i}`, i);
    expect(remembered.size).toBe(3);
  });

  describe('of a corpus', () => {
    afterEach(() => vi.useRealTimers());
    const counting = (info: CorpusInfo | null, listed: boolean) => {
      const calls = { has: 0, info: 0 };
      const env = {
        CORPORA: {
          getByName: () => ({
            has: async () => {
              calls.has += 1;
              return listed;
            },
          }),
        },
        CATALOGUE: {
          getByName: () => ({
            info: async () => {
              calls.info += 1;
              return info;
            },
          }),
        },
      };
      return { calls, env };
    };

    it('lasts 30 s, then its catalogue alone is asked again', async () => {
      vi.useFakeTimers();
      const { calls, env } = counting(INFO, true);
      for (let i = 0; i < 5; i++) expect(await corpusInfo(env, 'one', 'lasting')).toEqual(INFO);
      expect(calls).toEqual({ has: 1, info: 1 });
      vi.advanceTimersByTime(CORPUS_CACHE_S * 1000 - 1);
      await corpusInfo(env, 'one', 'lasting');
      expect(calls).toEqual({ has: 1, info: 1 });
      vi.advanceTimersByTime(1);
      await corpusInfo(env, 'one', 'lasting');
      expect(calls).toEqual({ has: 1, info: 2 });
      forgetCorpusInfo('one', 'lasting');
      await corpusInfo(env, 'one', 'lasting');
      expect(calls).toEqual({ has: 2, info: 3 });
    });

    it('is another tenant’s under the same name', async () => {
      const mine = counting(INFO, true);
      await corpusInfo(mine.env, 'one', 'shared');
      const theirs = counting({ ...INFO, tenant: 'two' }, true);
      expect((await corpusInfo(theirs.env, 'two', 'shared')).tenant).toBe('two');
      expect(catalogueName('one', 'x')).not.toBe(catalogueName('two', 'x'));
      expect(textKey(textsUnder('one', 'x', 's'), 'v')).toBe('texts/one/x/s/v');
    });

    it('is asked for without waking a catalogue where the name is not listed', async () => {
      const { calls, env } = counting(null, false);
      const ask = async () => corpusInfo(env, 'one', 'unlisted');
      await expect(ask()).rejects.toThrow("corpus 'unlisted' does not exist");
      await expect(ask()).rejects.toThrow("corpus 'unlisted' does not exist");
      expect(calls).toEqual({ has: 2, info: 0 });
      // and found as soon as it is made: nothing negative is remembered
      expect(await corpusInfo(counting(INFO, true).env, 'one', 'unlisted')).toEqual(INFO);
    });
  });
});

describe('examples with the same id in one batch', () => {
  it('are written one after the other', async () => {
    const { upload, batches } = noting();
    const text = ['a', 'b', 'a', 'a', 'c'].map((id, i) => JSON.stringify({ id, text: `${i}` })).join('\n');
    const results = await run(upload, [text]);
    expect(results.map(({ line, id }) => [line, id])).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, 'a'],
      [4, 'a'],
      [5, 'c'],
    ]);
    expect(batches).toEqual([3, 1, 1]);
    expect(at(results, 4).status).toBe('created');
  });
});
