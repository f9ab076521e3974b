// The forms an upload may have (gzip, texts that are cut, null) and its answer as a whole: the last line, the status, and
// whether a corpus comes of it.
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cut } from '../../corpus/chunk.ts';
import { MAX_UPLOAD_BYTES, VECTORIZE_MAX_ID_BYTES } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { byteLength } from '../../wire/text.ts';
import { DIMENSIONS, type Edge, startEdge } from './harness.ts';
import { randomUnit } from './vectors.ts';

let edge: Edge;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge.close());
beforeEach(() => edge.vectorize('configure', { fail: { calls: 0, code: 0 }, refuseHolding: '' }));

const json = async (response: Response | Promise<Response>) => JSON.parse(await (await response).text());
let made = 0;
const fresh = (): string => `forms-${made++}`;
const vector = Buffer.from(new Uint8Array(randomUnit(DIMENSIONS, seededRandom(3)).buffer)).toString('base64');
const line = (id: string, more: object = {}) => ({ id, text: `text of ${id}`, vector, ...more });
const ndjson = (lines: readonly unknown[]): string =>
  lines.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n');

const post = async (path: string, body: string | Uint8Array, encoding?: string) => {
  const headers: Record<string, string> = encoding === undefined ? {} : { 'content-encoding': encoding };
  const response = await edge.send(`/v1/corpora/${path}`, { body, headers });
  const text = await response.text();
  const isLines = response.headers.get('content-type') === 'application/x-ndjson';
  return {
    status: response.status,
    lines: isLines
      ? text
          .trimEnd()
          .split('\n')
          .map((one) => JSON.parse(one))
      : [],
    text,
  };
};
const idsOf = async (corpus: string): Promise<string[]> =>
  (await json(edge.send(`/v1/corpora/${corpus}/examples?limit=1000`))).data.map(({ id }: { id: string }) => id);

describe('the last line of an answer', () => {
  it('counts what became of the lines, unless it is not wanted', async () => {
    const corpus = fresh();
    await post(`${corpus}/examples`, ndjson([line('a'), line('b')]));
    const lines = ndjson([line('a'), line('b', { source: 's' }), line('c'), 'no JSON']);
    const { status, lines: answer } = await post(`${corpus}/examples`, lines);
    expect(status).toBe(200);
    expect(answer).toHaveLength(5);
    expect(answer.at(-1)).toEqual({ summary: { created: 1, updated: 1, unchanged: 1, errors: 1 } });
    expect((await post(`${corpus}/examples?summary=0`, lines)).lines).toHaveLength(4);
    expect((await post(`${corpus}/examples?summary=yes`, lines)).status).toBe(400);
  });
});

describe('an upload of which every line fails', () => {
  it('says so by its status, and makes no corpus', async () => {
    const corpus = fresh();
    const { status, lines } = await post(`${corpus}/examples`, ndjson(['{', line('..')]));
    expect([status, lines.length, lines[2]]).toEqual([
      422,
      3,
      { summary: { created: 0, updated: 0, unchanged: 0, errors: 2 } },
    ]);
    expect((await edge.send(`/v1/corpora/${corpus}`)).status).toBe(404);
    expect(
      (await json(edge.send('/v1/corpora?limit=1000'))).data.map(({ name }: { name: string }) => name),
    ).not.toContain(corpus);
  });

  it('by a failure of the index may be tried again', async () => {
    const corpus = fresh();
    await edge.vectorize('configure', { fail: { calls: 1, code: null, only: 'VECTOR_UPSERT' } });
    expect((await post(`${corpus}/examples`, ndjson([line('a')]))).status).toBe(502);
    expect((await edge.send(`/v1/corpora/${corpus}`)).status).toBe(404);
    expect((await post(`${corpus}/examples`, ndjson([line('a')]))).status).toBe(200);
    expect(await idsOf(corpus)).toEqual(['a']);
  });

  it('leaves a corpus alone that was there, or that somebody declared', async () => {
    const corpus = fresh();
    expect((await edge.send(`/v1/corpora/${corpus}`, { method: 'PUT', body: {} })).status).toBe(201);
    expect((await post(`${corpus}/examples`, '{')).status).toBe(422);
    expect(await json(edge.send(`/v1/corpora/${corpus}`))).toMatchObject({ examples: 0 });
  });
});

describe('null in an optional field', () => {
  it('is as if the field were not there', async () => {
    const corpus = fresh();
    const nothing = { id: null, vector: null, source: null, metadata: null };
    const [first] = await edge.upload(corpus, [{ text: 'the same text' }]);
    expect(await edge.upload(corpus, [{ text: 'the same text', ...nothing }])).toEqual([
      { ...first, status: 'unchanged' },
    ]);
    expect((await edge.upload(corpus, [{ id: 'v', text: null, vector }]))[0]?.status).toBe('created');
  });
});

describe('one line of 64 that the index refuses', () => {
  it('fails alone', async () => {
    const corpus = fresh();
    await edge.vectorize('configure', { refuseHolding: 'poison' });
    const lines = Array.from({ length: 64 }, (_, i) => line(`l${i}`, i === 40 ? { source: 'poison' } : {}));
    const results = await edge.upload(corpus, lines);
    expect(results.flatMap(({ status }, i) => (status === 'error' ? [i] : []))).toEqual([40]);
    expect(await idsOf(corpus)).toHaveLength(63);
  });
});

describe('a gzip upload', () => {
  it('is the same as its plain one', async () => {
    const corpus = fresh();
    const body = ndjson(Array.from({ length: 300 }, (_, i) => line(`l${i}`)));
    const { status, lines } = await post(`${corpus}/examples`, gzipSync(body), 'gzip');
    expect([status, lines.at(-1)]).toEqual([200, { summary: { created: 300, updated: 0, unchanged: 0, errors: 0 } }]);
    expect((await post(`${corpus}/examples`, body)).lines.at(-1)).toMatchObject({ summary: { unchanged: 300 } });
  });

  it('that grows beyond the limit ends there, and others are answered meanwhile', async () => {
    for (const fill of ['x', '\n']) {
      const bomb = gzipSync(Buffer.alloc(2 * MAX_UPLOAD_BYTES, fill));
      let done = false;
      const answer = post(`${fresh()}/examples`, bomb, 'gzip').finally(() => {
        done = true;
      });
      let answered = 0;
      for (; !done; answered++) expect((await edge.send('/health', { key: null })).status).toBe(200);
      expect(answered).toBeGreaterThan(3);
      const { lines } = await answer;
      expect(lines.at(-2).error.code).toBe('too_large');
      expect(lines.at(-2).error.message).toMatch(/more than 100000000 unpacked bytes/);
    }
  }, 120_000);

  it('that is broken, or breaks off, ends in a result that says so, after what came', async () => {
    const corpus = fresh();
    const random = seededRandom(5);
    const body = gzipSync(ndjson(Array.from({ length: 400 }, (_, i) => line(`l${i}`, { source: String(random()) }))));
    const half = await post(`${corpus}/examples`, body.subarray(0, body.length / 2), 'gzip');
    expect(half.lines.at(-2)).toMatchObject({ status: 'error', error: { code: 'bad_json' } });
    expect(half.lines.at(-2).error.message).toMatch(/gzip stream is broken/);
    expect(half.lines.at(-1).summary.created).toBe((await idsOf(corpus)).length);
    expect(half.lines.at(-1).summary.created).toBeGreaterThan(0);
    const plain = await post(`${fresh()}/examples`, 'not gzip at all', 'gzip');
    expect([plain.status, plain.lines[0].error.message]).toEqual([422, expect.stringMatching(/gzip stream is broken/)]);
  });

  it.each(['br', 'deflate', 'zstd', 'gzip, gzip'])('is gzip alone: %s is refused', async (encoding) => {
    const { status, text } = await post(`${fresh()}/examples`, 'x', encoding);
    expect([status, JSON.parse(text).error.message]).toEqual([415, expect.stringContaining('or as gzip')]);
  });

  it('goes nowhere else', async () => {
    const response = await edge.send('/v1/select', { body: gzipSync('{}'), headers: { 'content-encoding': 'gzip' } });
    expect(response.status).toBe(415);
  });
});

describe('texts that are cut', () => {
  const paragraph = (i: number): string =>
    `Paragraph ${i} tells of routers, cookies and streams, and of ${i * 7} other things.\n`;
  const textOf = (count: number): string => Array.from({ length: count }, (_, i) => paragraph(i)).join('');

  it('become examples of a chunk each, found by the original’s id', async () => {
    const corpus = fresh();
    const text = textOf(40);
    const chunks = cut(text, 700, 525);
    expect(chunks.length).toBeGreaterThan(8);
    const body = ndjson([
      { id: 'doc', text, metadata: { lang: 'en' } },
      { id: 'named', text, source: 'book' },
    ]);
    const { lines } = await post(`${corpus}/examples?chunk=700`, body);
    expect(lines[0]).toEqual({ line: 1, id: 'doc', status: 'created', chunks: chunks.length });
    expect(lines[2]).toMatchObject({ summary: { created: 2 } });
    const third = await json(edge.send(`/v1/corpora/${corpus}/examples/${encodeURIComponent('doc#2')}`));
    expect(third).toMatchObject({ text: chunks[2], source: 'doc', metadata: { lang: 'en' } });
    expect(await json(edge.send(`/v1/corpora/${corpus}/examples/${encodeURIComponent('named#0')}`))).toMatchObject({
      source: 'book',
    });
    const again = await post(`${corpus}/examples?chunk=700&overlap=525`, body);
    expect(again.lines.map(({ status }) => status).slice(0, 2)).toEqual(['unchanged', 'unchanged']);
  });

  it('leave nothing behind when they come again shorter, whole, or are deleted', async () => {
    const corpus = fresh();
    const send = (text: string, query: string) => post(`${corpus}/examples${query}`, ndjson([{ id: 'doc', text }]));
    await post(`${corpus}/examples`, ndjson([line('doc'), line('doc#other')]));
    const long = cut(textOf(40), 700, 525).length;
    // whole before, now in chunks
    expect((await send(textOf(40), '?chunk=700')).lines[0]).toMatchObject({ status: 'updated', chunks: long });
    expect(await idsOf(corpus)).toHaveLength(long + 1);
    const short = cut(textOf(15), 700, 525).length;
    expect((await send(textOf(15), '?chunk=700')).lines[0]).toMatchObject({ status: 'updated', chunks: short });
    expect(await idsOf(corpus)).toHaveLength(short + 1);
    expect((await send(textOf(15), '?chunk=700')).lines[0]).toMatchObject({ status: 'unchanged', chunks: short });
    expect((await send(textOf(15), '')).lines[0]).toMatchObject({ status: 'updated' });
    expect(await idsOf(corpus)).toEqual(['doc', 'doc#other']);
    await send(textOf(15), '?chunk=700');
    expect(await json(edge.send(`/v1/corpora/${corpus}/examples/doc`, { method: 'DELETE' }))).toEqual({
      object: 'example',
      id: 'doc',
      deleted: true,
      chunks: short,
    });
    expect(await idsOf(corpus)).toEqual(['doc#other']);
  });

  it('are cut as the corpus says, unless the upload says otherwise', async () => {
    const corpus = fresh();
    const declared = await edge.send(`/v1/corpora/${corpus}`, { method: 'PUT', body: { chunk: { size: 400 } } });
    expect(await json(declared)).toMatchObject({ chunk: { size: 400, overlap: 300 }, examples: 0 });
    const body = ndjson([{ id: 'doc', text: textOf(20) }, line('own')]);
    const { lines } = await post(`${corpus}/examples`, body);
    expect(lines[0]).toMatchObject({ chunks: cut(textOf(20), 400, 300).length });
    // its vector is of all of its text
    expect(lines[1]).toEqual({ line: 2, id: 'own', status: 'created' });
    expect((await post(`${corpus}/examples?chunk=0`, body)).lines[0]).toEqual({
      line: 1,
      id: 'doc',
      status: 'updated',
    });
  });

  it('have ids that fit, whatever the original’s', async () => {
    const corpus = fresh();
    const id = 'é'.repeat(VECTORIZE_MAX_ID_BYTES / 2);
    const { lines } = await post(
      `${corpus}/examples?chunk=700`,
      ndjson([{ id, text: textOf(40) }, { text: textOf(12) }]),
    );
    expect(lines.slice(0, 2).map(({ status }) => status)).toEqual(['created', 'created']);
    const ids = await idsOf(corpus);
    expect(ids).toHaveLength(lines[0].chunks + lines[1].chunks);
    for (const one of ids) expect(byteLength(one)).toBeLessThanOrEqual(VECTORIZE_MAX_ID_BYTES);
    expect((await post(`${corpus}/examples?chunk=700`, ndjson([{ id, text: textOf(12) }]))).lines[0]).toMatchObject({
      status: 'updated',
    });
    expect(await idsOf(corpus)).toHaveLength(2 * lines[1].chunks);
  });

  it.each([
    ['?chunk=50', /chunk/],
    ['?chunk=700&overlap=650', /overlap: is 650, chunks of 700 characters may overlap by 612/],
    ['?overlap=10', /overlap: needs 'chunk'/],
    ['?chunk=x', /chunk/],
    ['?chunk=30000', /chunk/],
  ])('are refused with %s', async (query, message) => {
    const { status, text } = await post(`${fresh()}/examples${query}`, ndjson([line('a')]));
    expect([status, JSON.parse(text).error.message]).toEqual([400, expect.stringMatching(message)]);
  });

  it('may not be too many', async () => {
    const { status, lines } = await post(
      `${fresh()}/examples?chunk=100&overlap=80`,
      ndjson([{ id: 'a', text: 'words '.repeat(10_000) }]),
    );
    expect([status, at(lines, 0).error.message]).toEqual([
      422,
      expect.stringMatching(/3000 chunks, the limit is 2000/),
    ]);
  });
});

describe('a text of which the embedder reads a part', () => {
  const long = 'The router matches the path of a request to its handler. '.repeat(400);

  it('is said to be truncated where it is indexed, and where it is selected for', async () => {
    const corpus = fresh();
    const [whole, part] = await edge.upload(corpus, [
      { id: 'w', text: 'short' },
      { id: 'p', text: long },
    ]);
    expect(whole).not.toHaveProperty('truncated');
    expect(part).toMatchObject({ status: 'created', truncated: true, read_tokens: expect.any(Number) });
    const select = async (input: unknown) =>
      (await json(edge.send('/v1/select', { body: { corpus, input, n: 1 } }))).warnings;
    expect(await select('short')).toEqual([]);
    expect(await select(long)).toEqual([
      expect.stringMatching(/prompt is longer than the embedder reads: \d+ tokens at its end/),
    ]);
  });
});
