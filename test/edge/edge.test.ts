// The edge in workerd with the local Vectorize: uploads, listing, deletion, selection, and who may see what. One long
// file, because starting workerd takes longer than all of these tests.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { INGEST_FIRST_LINES } from '../../wire/limits.ts';
import { seededRandom as random } from '../../wire/random.ts';
import { BUSY_KEY, DIMENSIONS, type Edge, KEY, OTHER_KEY, startEdge } from './harness.ts';
import { randomUnit } from './vectors.ts';

let edge: Edge;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge.close());
beforeEach(() => edge.vectorize('configure', { visibleAfterMs: 0, latencyMs: 0, fail: { calls: 0, code: 0 } }));

const json = async (response: Response | Promise<Response>) => JSON.parse(await (await response).text());
const base64 = (vector: Float32Array): string =>
  Buffer.from(new Uint8Array(Float32Array.from(vector).buffer)).toString('base64');

let made = 0;
/** A corpus name that no other test uses: storage is shared by the file. */
const fresh = (): string => `corpus-${made++}`;

const TEXTS = [
  'The router matches the path of a request and calls its handlers in order.',
  'A cookie is set with a name, a value and options such as its lifetime.',
  'Matrices are multiplied row by column, and vectors are matrices of one column.',
  'Cats sleep for most of the day, in the sun if there is any.',
  'The parser reads tokens from left to right and builds a tree of nodes.',
];

describe('a compressed body', () => {
  it.each(['gzip', 'br', 'zstd', 'gzip, identity'])('is refused by its name: %s', async (encoding) => {
    const response = await edge.send('/v1/select', {
      body: new Uint8Array([31, 139, 8, 0]),
      headers: { 'content-encoding': encoding },
    });
    expect(response.status).toBe(415);
    expect(JSON.parse(await response.text())).toMatchObject({ error: { code: 'encoded_body' } });
  });

  it('may declare the identity encoding', async () => {
    const response = await edge.send('/v1/select', { body: {}, headers: { 'content-encoding': 'identity' } });
    expect(response.status).toBe(400);
  });
});

describe('who asks', () => {
  it('needs no key for health', async () => {
    expect(await json(edge.send('/health', { key: null }))).toEqual({ status: 'ok' });
  });

  it.each<[string, string | null, string]>([
    ['no key', null, 'no_key'],
    ['a wrong key', 'sk-wrong', 'bad_key'],
    ['half a key', KEY.slice(0, -1), 'bad_key'],
    ['a key with something after it', `${KEY}x`, 'bad_key'],
    ['a key with its tenant before it', `other=${OTHER_KEY}`, 'bad_key'],
  ])('answers 401 to %s, and says how to ask', async (_, key, code) => {
    const response = await edge.send('/v1/corpora', { key });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await json(response)).toMatchObject({ error: { type: 'authentication_error', code, param: null } });
  });

  it('knows what is not there, and what is not allowed', async () => {
    expect((await edge.send('/v1/nothing')).status).toBe(404);
    const wrong = await edge.send('/v1/select', { method: 'PUT' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('gives every answer an id, and lets browsers read it', async () => {
    const response = await edge.send('/v1/corpora', { headers: { origin: 'https://example.com' } });
    expect(response.headers.get('x-request-id')).toMatch(/\S{8}/);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('access-control-expose-headers')).toContain('x-request-id');
    const preflight = await edge.send('/v1/select', {
      method: 'OPTIONS',
      key: null,
      headers: {
        origin: 'https://example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(preflight.status).toBe(204);
    const refused = await edge.send('/v1/corpora', { key: null, headers: { origin: 'https://example.com' } });
    expect(refused.headers.get('access-control-allow-origin')).toBe('*');
  });
});

describe('an upload', () => {
  it('answers one line for every line, in order, good or bad', async () => {
    const corpus = fresh();
    const tooLong = '{"text":"'.concat('a'.repeat(2 * 1024 * 1024), '"}');
    const v = base64(randomUnit(DIMENSIONS, random(1)));
    const numbers = (value: unknown) => Array.from({ length: DIMENSIONS }, (_, i) => (i === 7 ? value : 0.1));
    const table: [line: unknown, status: string, code?: string, message?: RegExp][] = [
      [{ id: 'a', text: TEXTS[0] }, 'created'],
      ['', 'error', 'bad_json', /empty/],
      ['{"text":', 'error', 'bad_json', /not JSON/],
      ['[]', 'error', 'bad_json'],
      [{ id: 'b', text: TEXTS[1], colour: 'red' }, 'error', 'bad_json', /colour/],
      [{ id: 'b', text: '  \n ' }, 'error', 'empty_text'],
      [{ id: 'b' }, 'error', 'empty_text'],
      [{ id: '', text: TEXTS[1] }, 'error', 'bad_json', /id/],
      [{ id: 'x'.repeat(64), text: TEXTS[1] }, 'created'],
      [{ id: 'x'.repeat(65), text: TEXTS[1] }, 'error', 'too_large', /65 bytes, the limit is 64 bytes \(line 10\)/],
      [{ id: 'é'.repeat(33), text: TEXTS[1] }, 'error', 'too_large', /66 bytes/],
      [{ id: 'c', text: 'é'.repeat(140_000) }, 'error', 'too_large', /280000 bytes, the limit is 262144/],
      [{ id: 'd', text: 'x', vector: numbers(null) }, 'error', 'bad_vector', /vector\[7\] is null \(line 13\)/],
      [{ id: 'd', text: 'x', vector: numbers(0).map(() => 0) }, 'error', 'zero_vector'],
      [{ id: 'd', text: 'x', vector: [1, 2, 3] }, 'error', 'wrong_dimensions', /3 dimensions/],
      [{ id: 'd', text: 'x', vector: 'no base64!' }, 'error', 'bad_json'],
      [{ id: 'd', text: 'x', vector: v }, 'created'],
      [{ id: 'e', text: 'x', metadata: { 'a.b': 1 } }, 'error', 'bad_json', /metadata/],
      [{ id: 'e', text: 'x', metadata: { big: 'y'.repeat(11_000) } }, 'error', 'too_large', /metadata/],
      [{ text: TEXTS[2] }, 'created'],
      [tooLong, 'error', 'too_large', /2097163 bytes, the limit is 2097152/],
      [{ id: 'a', text: TEXTS[0] }, 'unchanged'],
      [{ id: 'a', text: TEXTS[3] }, 'updated'],
    ];
    const results = await edge.upload(
      corpus,
      table.map(([line]) => line),
    );
    expect(results.map(({ line }) => line)).toEqual(table.map((_, i) => i + 1));
    for (const [i, [, status, code, message]] of table.entries()) {
      const { status: got, error } = results[i] ?? {};
      expect({ line: i + 1, got, code: error?.code }).toEqual({ line: i + 1, got: status, code });
      if (message !== undefined) expect(error?.message).toMatch(message);
    }
    expect(await json(edge.send(`/v1/corpora/${corpus}`))).toMatchObject({ examples: 4 });
  });

  it('loses nothing, over many batches and repeated ids', async () => {
    const corpus = fresh();
    const next = random(7);
    const lines = Array.from({ length: 701 }, (_, i) => ({
      id: `id-${i % 350}`,
      text: `text ${i}`,
      vector: base64(randomUnit(DIMENSIONS, next)),
    }));
    const results = await edge.upload(corpus, lines);
    expect(results.map(({ line, id }) => `${line} ${id}`)).toEqual(lines.map(({ id }, i) => `${i + 1} ${id}`));
    const count = (status: string) => results.filter((result) => result.status === status).length;
    expect([count('created'), count('updated'), count('error')]).toEqual([350, 351, 0]);
    // the last line of an id is the one that stands
    expect(await json(edge.send(`/v1/corpora/${corpus}/examples/id-0`))).toMatchObject({
      text: 'text 700',
      indexed: true,
    });
    const again = await edge.upload(corpus, lines.slice(351));
    expect(again.every(({ status }) => status === 'unchanged')).toBe(true);

    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { data: { id: string }[]; next_cursor: string | null } = await json(
        edge.send(`/v1/corpora/${corpus}/examples?limit=100&cursor=${encodeURIComponent(cursor)}`),
      );
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.next_cursor;
    }
    expect(seen).toEqual([...new Set(lines.map(({ id }) => id))].sort());
  });

  it('is the same example by its content when it has no id', async () => {
    const corpus = fresh();
    const line = { text: TEXTS[0], metadata: { a: 1, b: 'x' } };
    const [first] = await edge.upload(corpus, [line]);
    const [again] = await edge.upload(corpus, [{ metadata: { b: 'x', a: 1 }, text: TEXTS[0] }]);
    const [other] = await edge.upload(corpus, [{ ...line, metadata: { a: 2, b: 'x' } }]);
    expect([first?.status, again?.status, other?.status]).toEqual(['created', 'unchanged', 'created']);
    expect(again?.id).toBe(first?.id);
    expect(other?.id).not.toBe(first?.id);
  });

  it('marks the lines whose vectors the index refused, keeps the others, and is safe to repeat', async () => {
    const corpus = fresh();
    await edge.upload(corpus, [{ id: 'kept', text: TEXTS[0] }]);
    await edge.vectorize('configure', { fail: { calls: 1, code: 40000, only: 'VECTOR_UPSERT' } });
    const lines = [
      { id: 'kept', text: TEXTS[0] },
      { id: 'new', text: TEXTS[1] },
      { id: 'bad', text: '' },
    ];
    const results = await edge.upload(corpus, lines);
    expect(results.map(({ status, error }) => [status, error?.code])).toEqual([
      ['unchanged', undefined],
      ['error', 'vectorize'],
      ['error', 'empty_text'],
    ]);
    // never an entry without its vector
    expect((await edge.send(`/v1/corpora/${corpus}/examples/new`)).status).toBe(404);
    expect(await json(edge.send(`/v1/corpora/${corpus}`))).toMatchObject({ examples: 1 });
    expect((await edge.upload(corpus, lines)).map(({ status }) => status)).toEqual(['unchanged', 'created', 'error']);
    expect((await edge.upload(corpus, lines)).map(({ status }) => status)).toEqual(['unchanged', 'unchanged', 'error']);
  });

  it('writes an update again whose vector did not reach the index', async () => {
    const corpus = fresh();
    await edge.upload(corpus, [{ id: 'a', text: TEXTS[0] }]);
    await edge.vectorize('configure', { fail: { calls: 1, code: 40000, only: 'VECTOR_UPSERT' } });
    expect((await edge.upload(corpus, [{ id: 'a', text: TEXTS[1] }]))[0]?.status).toBe('error');
    // even the old content: nobody knows which of the two the index holds
    expect((await edge.upload(corpus, [{ id: 'a', text: TEXTS[0] }]))[0]?.status).toBe('updated');
  });

  it('never says unchanged of what the index does not hold, however two uploads of one id meet', async () => {
    const corpus = fresh();
    const v = base64(randomUnit(DIMENSIONS, random(6)));
    const line = (text: string) => [{ id: 'one', text, vector: v }];
    await edge.vectorize('configure', { latencyMs: 5 });
    for (let i = 0; i < 12; i++) {
      await Promise.all([edge.upload(corpus, line(`a${i}`)), edge.upload(corpus, line(`b${i}`))]);
      await edge.upload(corpus, line(`a${i}`));
      expect(await json(edge.send(`/v1/corpora/${corpus}/examples/one`))).toMatchObject({
        text: `a${i}`,
        indexed: true,
      });
      expect((await edge.upload(corpus, line(`a${i}`)))[0]?.status).toBe('unchanged');
    }
  });

  it('answers while the upload is still coming', async () => {
    const corpus = fresh();
    const utf8 = new TextEncoder();
    let more: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        more = controller;
        const v = base64(randomUnit(DIMENSIONS, random(2)));
        for (let i = 0; i < 200; i++)
          controller.enqueue(utf8.encode(`${JSON.stringify({ id: `${i}`, text: 't', vector: v })}\n`));
      },
    });
    const response = await edge.send(`/v1/corpora/${corpus}/examples`, { body });
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(new TextDecoder().decode(first?.value)).toContain('"line":1,');
    more?.enqueue(utf8.encode('{"id":"last","text":"t"}'));
    more?.close();
    let rest = '';
    for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
      rest += new TextDecoder().decode(part.value);
    }
    expect(rest).toContain('"line":201,"id":"last","status":"created"');
  });

  it('refuses an invalid name, and a number of stripes other than the corpus has', async () => {
    expect((await edge.send('/v1/corpora/Bad%2FName/examples', { body: '{}' })).status).toBe(400);
    const corpus = fresh();
    expect((await edge.send(`/v1/corpora/${corpus}/examples?stripes=3`, { body: '{"text":"x"}' })).status).toBe(200);
    const response = await edge.send(`/v1/corpora/${corpus}/examples?stripes=2`, { body: '{"text":"x"}' });
    expect(await json(response)).toMatchObject({
      error: { param: 'stripes', message: expect.stringContaining('made with 3') },
    });
  });
});

describe('a corpus', () => {
  it('keeps long texts apart, and gives them back whole', async () => {
    const corpus = fresh();
    const long = `${TEXTS[0]} ${randomBytes(20_000).toString('hex')}`;
    await edge.upload(corpus, [{ id: 'long', text: long, source: 'book', metadata: { lang: 'en', tags: ['a', 'b'] } }]);
    expect(await json(edge.send(`/v1/corpora/${corpus}/examples/long`))).toMatchObject({
      long: true,
      text: long,
      source: 'book',
      metadata: { lang: 'en', tags: ['a', 'b'] },
    });
    const selection = await json(edge.send('/v1/select', { body: { corpus, input: TEXTS[0], n: 1 } }));
    expect(selection.picks[0].text).toBe(long);
  });

  it('forgets an example when told, vector and text and all', async () => {
    const corpus = fresh();
    await edge.upload(corpus, [
      { id: 'a/b c', text: TEXTS[0] },
      { id: 'other', text: TEXTS[1] },
    ]);
    const path = `/v1/corpora/${corpus}/examples/${encodeURIComponent('a/b c')}`;
    expect(await json(edge.send(path, { method: 'DELETE' }))).toMatchObject({ id: 'a/b c', deleted: true });
    expect((await edge.send(path)).status).toBe(404);
    expect((await edge.send(path, { method: 'DELETE' })).status).toBe(404);
    const { picks } = await json(edge.send('/v1/select', { body: { corpus, input: TEXTS[0], n: 3 } }));
    expect(picks.map(({ id }: { id: string }) => id)).not.toContain('a/b c');
    expect((await edge.upload(corpus, [{ id: 'a/b c', text: TEXTS[0] }]))[0]?.status).toBe('created');
  });

  it('is gone at once when deleted, and shares nothing with the next of its name', async () => {
    const corpus = fresh();
    await edge.upload(
      corpus,
      TEXTS.map((text, i) => ({ id: `${i}`, text })),
    );
    expect(await json(edge.send(`/v1/corpora/${corpus}`, { method: 'DELETE' }))).toMatchObject({
      deleted: true,
      examples: 5,
    });
    for (const path of [
      `/v1/corpora/${corpus}`,
      `/v1/corpora/${corpus}/examples`,
      `/v1/corpora/${corpus}/examples/0`,
    ]) {
      expect((await edge.send(path)).status).toBe(404);
    }
    const select = { corpus, input: TEXTS[0], n: 5 };
    expect(await json(edge.send('/v1/select', { body: select }))).toMatchObject({ error: { code: 'unknown_corpus' } });
    expect((await edge.upload(corpus, [{ id: '0', text: 'something else' }]))[0]?.status).toBe('created');
    const { picks, pool } = await json(edge.send('/v1/select', { body: select }));
    expect([pool.size, picks[0].text]).toEqual([1, 'something else']);
  });

  it('leaves nothing behind when deleted, not even what an upload was still writing', async () => {
    const corpus = fresh();
    const before = await edge.stored();
    const v = base64(randomUnit(DIMENSIONS, random(3)));
    const utf8 = new TextEncoder();
    const lines = (from: number, count: number, text: string) =>
      Array.from({ length: count }, (_, i) => `${JSON.stringify({ id: `${from + i}`, text, vector: v })}\n`).join('');
    let more: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        more = controller;
        controller.enqueue(utf8.encode(lines(0, INGEST_FIRST_LINES, 'x'.repeat(12_000))));
      },
    });
    const response = await edge.send(`/v1/corpora/${corpus}/examples`, { body });
    const reader = response.body?.getReader();
    await reader?.read();
    const { vectors, texts } = before;
    expect(await edge.stored()).toEqual({ vectors: vectors + INGEST_FIRST_LINES, texts: texts + INGEST_FIRST_LINES });
    await edge.send(`/v1/corpora/${corpus}`, { method: 'DELETE' });
    more?.enqueue(utf8.encode(lines(INGEST_FIRST_LINES, 200, 'x')));
    more?.close();
    let rest = '';
    for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
      rest += new TextDecoder().decode(part.value);
    }
    expect(rest.match(/"code":"unknown_corpus"/g)).toHaveLength(200);
    await expect.poll(() => edge.stored(), { timeout: 5000 }).toEqual(before);
  });

  it('is listed by name, page by page', async () => {
    const names = [fresh(), fresh(), fresh()].sort();
    for (const name of names) await edge.upload(name, [{ text: 'x' }], OTHER_KEY);
    const first = await json(edge.send('/v1/corpora?limit=2', { key: OTHER_KEY }));
    const second = await json(edge.send(`/v1/corpora?limit=2&cursor=${first.next_cursor}`, { key: OTHER_KEY }));
    expect([...first.data, ...second.data].map(({ name }) => name)).toEqual(names);
    expect(second.next_cursor).toBeNull();
  });

  it('is another tenant’s, even under the same name', async () => {
    const corpus = fresh();
    await edge.upload(corpus, [{ id: 'a', text: TEXTS[0] }]);
    for (const [path, ofDelete] of [
      [`/v1/corpora/${corpus}`, 404],
      [`/v1/corpora/${corpus}/examples`, 405],
      [`/v1/corpora/${corpus}/examples/a`, 404],
    ] as const) {
      expect((await edge.send(path, { key: OTHER_KEY })).status).toBe(404);
      expect((await edge.send(path, { key: OTHER_KEY, method: 'DELETE' })).status).toBe(ofDelete);
    }
    const select = { corpus, input: TEXTS[0], n: 5 };
    expect((await edge.send('/v1/select', { body: select, key: OTHER_KEY })).status).toBe(404);
    await edge.upload(corpus, [{ id: 'a', text: TEXTS[3] }], OTHER_KEY);
    const mine = await json(edge.send('/v1/select', { body: select }));
    const theirs = await json(edge.send('/v1/select', { body: select, key: OTHER_KEY }));
    expect([mine.pool.size, mine.picks[0].text]).toEqual([1, TEXTS[0]]);
    expect([theirs.pool.size, theirs.picks[0].text]).toEqual([1, TEXTS[3]]);
    await edge.send(`/v1/corpora/${corpus}`, { method: 'DELETE', key: OTHER_KEY });
    expect((await json(edge.send('/v1/select', { body: select }))).pool.size).toBe(1);
  });
});

describe('a selection', () => {
  const corpus = 'selection';
  beforeAll(async () => {
    const lines = TEXTS.map((text, i) => ({
      id: `t${i}`,
      text,
      source: 'made up',
      metadata: { lang: i % 2 === 0 ? 'en' : 'de' },
    }));
    await edge.upload(corpus, lines);
  });
  const select = async (body: object) => json(edge.send('/v1/select', { body }));

  it('finds the text that was asked for, and says what it did', async () => {
    const response = await edge.send('/v1/select', { body: { corpus, input: TEXTS[3], n: 3, lambda: 0.01 } });
    expect(response.headers.get('server-timing')).toMatch(/embed;dur=\d.*total;dur=\d/);
    const selection = await json(response);
    expect(selection).toMatchObject({
      object: 'selection',
      corpus,
      strategy: 'sift',
      n: 3,
      lambda: 0.01,
      degree: 6,
      pool: { size: 5, collapsed: 0 },
      stop: 'count',
      warnings: [],
    });
    expect(selection.picks[0]).toMatchObject({
      id: 't3',
      text: TEXTS[3],
      source: 'made up',
      metadata: { lang: 'de' },
      copies: 0,
    });
    expect(selection.picks[0].similarity).toBeCloseTo(1, 3);
    expect(selection.sigma2.final).toBeLessThan(0.02);
  });

  it('takes a direction that all vectors share out of them, and the corpus says so', async () => {
    const next = random(31);
    const shared = randomUnit(DIMENSIONS, next);
    const vector = () => {
      const own = randomUnit(DIMENSIONS, next);
      const sum = own.map((value, i) => value + 2.2 * (shared[i] ?? 0));
      const length = Math.hypot(...sum);
      return sum.map((value) => value / length);
    };
    const name = fresh();
    const lines = Array.from({ length: 80 }, (_, i) => ({ id: `v${i}`, text: `text ${i}`, vector: base64(vector()) }));
    await edge.upload(name, lines.slice(0, 49));
    const described = async () => json(edge.send(`/v1/corpora/${name}`));
    expect((await described()).geometry).toBeNull();
    await edge.upload(name, lines.slice(49));
    const { geometry } = await described();
    expect(geometry).toMatchObject({ sample: 80, centred: { random: {}, nearest: {} } });
    expect(geometry.mean_length).toBeGreaterThan(0.85);
    expect(geometry.random.p50).toBeGreaterThan(0.7);
    expect(geometry.centred.random.p50).toBeLessThan(0.1);

    const prompt = base64(vector());
    const centred = await select({ corpus: name, vector: prompt });
    expect(centred).toMatchObject({ centred: true, degree: 6, lambda: 0.3, min_similarity: null });
    expect(centred.picks).toHaveLength(10);
    expect(centred.picks[0].similarity).toBeGreaterThan(0.7);
    expect(centred.picks[0].centred_similarity).toBeLessThan(0.6);
    const left = await select({ corpus: name, vector: prompt, centre: false });
    expect([left.centred, 'centred_similarity' in left.picks[0]]).toEqual([false, false]);
    expect(left.sigma2.final).toBeLessThan(centred.sigma2.final);
  });

  it('filters by the caller’s own metadata and by source', async () => {
    const only = async (filter: object) =>
      (await select({ corpus, input: TEXTS[0], n: 10, strategy: 'nn', filter })).picks
        .map(({ id }: { id: string }) => id)
        .sort();
    expect(await only({ 'meta.lang': 'de' })).toEqual(['t1', 't3']);
    expect(await only({ 'meta.lang': { $ne: 'de' } })).toEqual(['t0', 't2', 't4']);
    expect(await only({ source: { $in: ['made up'] } })).toHaveLength(5);
    expect((await select({ corpus, input: 'x', filter: { source: 'nowhere' } })).warnings[0]).toContain('filter');
  });

  it('takes vectors for the prompt, one or several, in both spellings', async () => {
    const next = random(4);
    const a = randomUnit(DIMENSIONS, next);
    const b = randomUnit(DIMENSIONS, next);
    const asNumbers = await select({ corpus, vector: [...a] });
    expect((await select({ corpus, vector: base64(a) })).picks).toEqual(asNumbers.picks);
    expect((await select({ corpus, vectors: [[...a], base64(b)] })).sigma2.initial).toBeCloseTo(2, 3);
    expect((await select({ corpus, input: [TEXTS[0], TEXTS[1]] })).sigma2.initial).toBeCloseTo(2, 3);
  });

  it('selects over candidates that the caller sent, with texts or vectors', async () => {
    const candidates = TEXTS.map((text, i) => ({ id: `c${i}`, text }));
    const byText = await select({ candidates, input: TEXTS[2], n: 2 });
    expect(byText.picks[0]).toMatchObject({ id: 'c2', index: 2, text: TEXTS[2] });
    expect([byText.corpus, byText.pool]).toEqual([null, { size: 5, collapsed: 0, queries: 0, rounds: 0 }]);
    const next = random(8);
    const vectors = Array.from({ length: 1000 }, (_, i) => ({ id: `${i}`, vector: base64(randomUnit(1536, next)) }));
    const many = await select({ candidates: vectors, vector: base64(randomUnit(1536, next)), n: 50 });
    expect([many.picks.length, many.pool.size]).toEqual([50, 1000]);
  });

  it('asks all stripes of a corpus, or as many as it is told', async () => {
    const striped = fresh();
    const lines = TEXTS.flatMap((text, i) => [
      { id: `a${i}`, text },
      { id: `b${i}`, text: `${text} Twice.` },
    ]);
    const body = lines.map((line) => JSON.stringify(line)).join('\n');
    await (await edge.send(`/v1/corpora/${striped}/examples?stripes=3`, { body })).text();
    const all = await select({ corpus: striped, input: 'x', rounds: 1, strategy: 'nn', n: 50 });
    expect([all.pool.queries, all.pool.size + all.pool.collapsed]).toEqual([3, 10]);
    const one = await select({ corpus: striped, input: 'x', rounds: 1, stripes: 1, strategy: 'nn', n: 50 });
    expect(one.pool.queries).toBe(1);
    expect(one.pool.size + one.pool.collapsed).toBeLessThan(10);
    expect(await select({ corpus: striped, input: 'x', stripes: 4 })).toMatchObject({ error: { param: 'stripes' } });
  });

  it('finds other examples beside two hundred copies of the nearest neighbour', async () => {
    const crowded = fresh();
    await edge.upload(crowded, [
      ...Array.from({ length: 200 }, (_, i) => ({ id: `copy-${i}`, text: TEXTS[3] })),
      ...TEXTS.slice(0, 3).map((text, i) => ({ id: `t${i}`, text })),
    ]);
    // said twice: the copied text is the nearest, whichever embedder is installed
    const input = `${TEXTS[3]} ${TEXTS[3]} ${TEXTS[0]} ${TEXTS[1]}`;
    const selection = await select({ corpus: crowded, input, n: 6 });
    expect(new Set(selection.picks.map(({ text }: { text: string }) => text)).size).toBeGreaterThan(2);
    expect(selection.pool.collapsed).toBeGreaterThanOrEqual(49);
    expect(selection.picks.find(({ text }: { text: string }) => text === TEXTS[3]).copies).toBeGreaterThanOrEqual(49);
  });

  it('says what it has when the index shows writes late', async () => {
    const late = fresh();
    await edge.vectorize('configure', { visibleAfterMs: 'flush' });
    await edge.upload(late, [{ id: 'a', text: TEXTS[0] }]);
    const body = { corpus: late, input: TEXTS[0], n: 1 };
    expect(await select(body)).toMatchObject({
      picks: [],
      stop: 'exhausted',
      warnings: [expect.stringContaining('not indexed yet')],
    });
    expect(await json(edge.send(`/v1/corpora/${late}/examples/a`))).toMatchObject({ indexed: false, text: null });
    await edge.vectorize('flush');
    expect((await select(body)).picks[0]).toMatchObject({ id: 'a' });
  });

  it('passes on what the index failed with', async () => {
    await edge.vectorize('configure', { fail: { calls: 1, code: 40025, only: 'VECTOR_QUERY' } });
    const response = await edge.send('/v1/select', { body: { corpus, input: 'x' } });
    expect(response.status).toBe(502);
    expect(await json(response)).toMatchObject({
      error: { code: 'vectorize', message: expect.stringContaining('40025') },
    });
  });

  const nan = Array.from({ length: DIMENSIONS }, () => 0.5).with(3, Number.NaN);
  it.each<[string, object, number, Record<string, unknown>]>([
    ['an unknown corpus', { corpus: 'nope', input: 'x' }, 404, { code: 'unknown_corpus', param: 'corpus' }],
    ['an invalid corpus name', { corpus: '../x', input: 'x' }, 400, { code: 'bad_field', param: 'corpus' }],
    [
      'a NaN in base64',
      { corpus, vector: base64(Float32Array.from(nan)) },
      400,
      { code: 'bad_vector', message: expect.stringContaining('vector[3] is NaN') },
    ],
    ['a zero vector', { corpus, vector: nan.map(() => 0) }, 400, { code: 'zero_vector', param: 'vector' }],
    ['a vector too short', { corpus, vector: [1, 2] }, 400, { code: 'wrong_dimensions', param: 'vector' }],
    [
      'vectors of two lengths',
      { corpus, vectors: [[1, 2], [1]] },
      400,
      { code: 'wrong_dimensions', param: 'vectors[1]' },
    ],
    [
      'a candidate with a bad vector',
      {
        vector: [1, 0],
        candidates: [
          { id: 'a', vector: [1, 1] },
          { id: 'b', vector: [1, null] },
        ],
      },
      400,
      { code: 'bad_vector', param: 'candidates[1].vector' },
    ],
    ['a zero candidate', { vector: [1, 0], candidates: [{ id: 'a', vector: [0, 0] }] }, 400, { code: 'zero_vector' }],
    ['an empty prompt', { corpus, input: '' }, 400, { code: 'bad_field', param: 'input' }],
    ['n beyond the limit', { corpus, input: 'x', n: 1000 }, 400, { code: 'bad_field', param: 'n' }],
  ])('refuses %s', async (_, body, status, error) => {
    const response = await edge.send('/v1/select', { body });
    expect(response.status).toBe(status);
    expect(await json(response)).toMatchObject({ error: { type: 'invalid_request_error', ...error } });
  });

  it('refuses a body that is not JSON, or over 16 MiB', async () => {
    expect(await json(edge.send('/v1/select', { body: '{' }))).toMatchObject({ error: { code: 'bad_json' } });
    const response = await edge.send('/v1/select', { body: 'x'.repeat(16 * 1024 * 1024 + 1) });
    expect([response.status, (await json(response)).error.code]).toEqual([413, 'too_large']);
  });
});

describe('a tenant who asks too often', () => {
  it('is told when to come back, and nobody else is', async () => {
    let limited: Response | undefined;
    // wrangler.toml allows 600 requests in a minute; twice as many are too many wherever the minute begins
    for (let i = 0; i < 65 && limited === undefined; i++) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => edge.send('/v1/none', { key: BUSY_KEY })));
      limited = answers.find(({ status }) => status === 429);
      await Promise.all(answers.map((answer) => answer === limited || answer.text()));
    }
    expect(Number(limited?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(limited === undefined ? undefined : await json(limited)).toMatchObject({
      error: { type: 'rate_limit_error', code: 'rate_limited' },
    });
    expect((await edge.send('/v1/corpora')).status).toBe(200);
  });
});
