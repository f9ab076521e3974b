// Uploads with bad lines among good ones: a bad line fails alone, and whatever is created can be read and deleted by its id.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MAX_PAGE, MAX_STRIPES, MAX_TEXT_BYTES, VECTORIZE_MAX_ID_BYTES } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { DIMENSIONS, type Edge, OTHER_KEY, startEdge } from './harness.ts';
import { randomUnit } from './vectors.ts';

let edge: Edge;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge.close());
beforeEach(() => edge.vectorize('configure', { fail: { calls: 0, code: 0 }, refuseHolding: '' }));

const json = async (response: Response | Promise<Response>) => JSON.parse(await (await response).text());

let made = 0;
const fresh = (): string => `uploads-${made++}`;

const vector = Buffer.from(new Uint8Array(randomUnit(DIMENSIONS, seededRandom(1)).buffer)).toString('base64');
/** A line with a vector of its own, so that nothing has to be embedded. */
const line = (id: string, more: object = {}) => ({ id, text: `text of ${id}`, vector, ...more });

const statuses = async (corpus: string, lines: readonly unknown[]) =>
  (await edge.upload(corpus, lines)).map(({ status }) => status);

const HALF = '\ud83d';

describe('a bad line among good ones fails alone', () => {
  it.each<[string, string, RegExp]>([
    [
      'half a surrogate pair in the text',
      '{"id":"bad","text":"broken \\ud83d here"}',
      /text: holds half of a surrogate pair/,
    ],
    ['half a surrogate pair in the id', '{"id":"bad\\udc00","text":"x"}', /id: holds half/],
    ['half a surrogate pair in the source', JSON.stringify(line('bad', { source: `a${HALF}b` })), /source: holds half/],
    [
      'half a surrogate pair in a value',
      JSON.stringify(line('bad', { metadata: { a: HALF } })),
      /metadata\.a: holds half of a surrogate pair/,
    ],
    ['half a surrogate pair in a list', JSON.stringify(line('bad', { metadata: { a: ['x', HALF] } })), /metadata\.a/],
    [
      'half a surrogate pair in a name',
      JSON.stringify(line('bad', { metadata: { [HALF]: 1 } })),
      /metadata: a name holds half/,
    ],
    ['two halves in the wrong order', '{"id":"bad","text":"\\ude00\\ud83d"}', /text: holds half/],
    [
      'a name of 513 characters',
      JSON.stringify(line('bad', { metadata: { ['n'.repeat(513)]: 1 } })),
      /513 characters, the limit is 512/,
    ],
    [
      'a source of 513 characters',
      JSON.stringify(line('bad', { source: 's'.repeat(513) })),
      /513 characters, the limit is 512/,
    ],
    ['an empty name', JSON.stringify(line('bad', { metadata: { '': 1 } })), /a name is empty/],
    ['a name with a dot', JSON.stringify(line('bad', { metadata: { 'a.b': 1 } })), /'a\.b'/],
    ['a name with a quote', JSON.stringify(line('bad', { metadata: { 'a"b': 1 } })), /begins with/],
    ['a name that begins with a dollar', JSON.stringify(line('bad', { metadata: { $eq: 1 } })), /'\$eq'/],
    ['metadata in __proto__', '{"id":"bad","text":"x","metadata":{"__proto__":{"a":1}}}', /metadata\.__proto__/],
    ['__proto__ as a field', '{"id":"bad","text":"x","__proto__":"x"}', /__proto__/],
    [
      'an integer that float64 rounds',
      '{"id":"bad","text":"x","metadata":{"n":9007199254740993}}',
      /9007199254740993 cannot be kept exactly/,
    ],
    ['a negative one', '{"id":"bad","text":"x","metadata":{"n":-123456789012345678901}}', /cannot be kept exactly/],
    ['a number beyond float64', '{"id":"bad","text":"x","metadata":{"n":1e400}}', /1e400 is too large/],
    ['an integer of 400 digits', `{"id":"bad","text":"x","metadata":{"n":${'9'.repeat(400)}}}`, /too large/],
    ['a key that stands twice', '{"id":"bad","text":"one","text":"two"}', /'text' stands twice/],
    ['a name that stands twice', '{"id":"bad","text":"one","metadata":{"a":1,"\\u0061":2}}', /'a' stands twice/],
    ['metadata in metadata', JSON.stringify(line('bad', { metadata: { a: { b: 1 } } })), /metadata\.a/],
    ['null as a value', JSON.stringify(line('bad', { metadata: { a: null } })), /metadata\.a/],
    ['a list of numbers', JSON.stringify(line('bad', { metadata: { a: [1] } })), /metadata\.a/],
    [
      'more metadata than Vectorize takes',
      JSON.stringify(line('bad', { metadata: { a: 'y'.repeat(10_300) } })),
      /the limit is 10240/,
    ],
    [
      'a vector of lists, deeply nested',
      `{"id":"bad","text":"x","vector":${'['.repeat(15)}${']'.repeat(15)}}`,
      /vector|dimensions/,
    ],
    ['.', JSON.stringify(line('.')), /no URL can name/],
    ['..', JSON.stringify(line('..')), /no URL can name/],
  ])('%s', async (_, bad, message) => {
    const corpus = fresh();
    const results = await edge.upload(corpus, [line('g1'), bad, line('g2')]);
    expect(results.map(({ status }) => status)).toEqual(['created', 'error', 'created']);
    expect(results[1]?.error?.message).toMatch(message);
    expect(results[1]?.error?.message).toContain('line 2');
    expect(await json(edge.send(`/v1/corpora/${corpus}`))).toMatchObject({ examples: 2 });
  });

  it('and what looks odd but can be kept is kept', async () => {
    const corpus = fresh();
    const metadata = {
      toString: 'z',
      constructor: 'c',
      ['__proto__']: 'p',
      hasOwnProperty: 'h',
      ['n'.repeat(512)]: 1,
      名: '值',
      '😀': ['😀'],
      big: 2 ** 53,
      float: 0.1,
      huge: 1e308,
      empty: '',
      none: [],
    };
    await edge.upload(corpus, [line('odd', { metadata, source: '😀'.repeat(256) })]);
    const got = await json(edge.send(`/v1/corpora/${corpus}/examples/odd`));
    expect(got.metadata).toEqual(metadata);
    expect(Object.keys(got.metadata).sort()).toEqual(Object.keys(metadata).sort());
    const { picks } = await json(edge.send('/v1/select', { body: { corpus, vector, n: 1 } }));
    expect(picks[0].metadata).toEqual(metadata);
  });
});

describe('what the index refuses', () => {
  it('fails alone, and the rest of its batch is written', async () => {
    const corpus = fresh();
    await edge.vectorize('configure', { refuseHolding: 'poison' });
    const bad = new Set([3, 77, 78, 199]);
    const lines = Array.from({ length: 210 }, (_, i) => line(`l${i}`, bad.has(i) ? { metadata: { a: 'poison' } } : {}));
    const results = await edge.upload(corpus, lines);
    expect(results.flatMap(({ status }, i) => (status === 'error' ? [i] : []))).toEqual([...bad]);
    expect(results[3]?.error).toMatchObject({ code: 'vectorize', message: expect.stringContaining('40023') });
    expect(await json(edge.send(`/v1/corpora/${corpus}`))).toMatchObject({ examples: 206 });
    // sent again, the good ones stand and the refused ones are tried again
    await edge.vectorize('configure', { refuseHolding: '' });
    const again = await statuses(corpus, lines);
    expect(again.flatMap((status, i) => (status === 'unchanged' ? [] : [[i, status]]))).toEqual(
      [...bad].map((i) => [i, 'created']),
    );
  });

  it('costs a bounded number of calls when it refuses everything', async () => {
    const corpus = fresh();
    await edge.vectorize('configure', { refuseHolding: 'text of' });
    const results = await edge.upload(
      corpus,
      Array.from({ length: 200 }, (_, i) => line(`l${i}`)),
    );
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['error']));
    // nothing was accepted, so no corpus was made
    expect((await edge.send(`/v1/corpora/${corpus}`)).status).toBe(404);
  });

  it('is not tried again when the index is down rather than refusing', async () => {
    const corpus = fresh();
    // one failure without a code: a second call would succeed
    await edge.vectorize('configure', { fail: { calls: 1, code: null, only: 'VECTOR_UPSERT' } });
    expect(await statuses(corpus, [line('a'), line('b')])).toEqual(['error', 'error']);
    expect(await statuses(corpus, [line('a'), line('b')])).toEqual(['created', 'created']);
  });
});

describe('an id', () => {
  const next = seededRandom(11);
  const characters = [
    '/',
    '%',
    '?',
    '#',
    ' ',
    '+',
    '&',
    '=',
    '\\',
    '"',
    "'",
    '.',
    ':',
    ';',
    'é',
    '名',
    '😀',
    '\n',
    '\t',
    '\u0001',
    '%2F',
    '%2e',
    '%',
    'a',
  ];
  const random = Array.from({ length: 60 }, () =>
    Array.from({ length: 1 + Math.floor(next() * 8) }, () =>
      at(characters, Math.floor(next() * characters.length)),
    ).join(''),
  );
  const ids = [
    ...new Set([
      '...',
      '.a',
      'a.',
      '%2e%2e',
      '%2E',
      '%',
      '%%',
      '%zz',
      '%25',
      ' ',
      '  ',
      '\r',
      '\0',
      'a\0b',
      '/',
      '//',
      '/../',
      '../..',
      './',
      'a/..',
      '?',
      '#',
      '\u007f',
      '\ufeff',
      '\u202e',
      '__proto__',
      'constructor',
      'null',
      '0',
      ...random,
    ]),
  ];

  it('that was created can be read and deleted by it, whatever its characters', async () => {
    const corpus = fresh();
    const results = await edge.upload(
      corpus,
      ids.map((id) => line(id)),
    );
    for (const [i, { status, error }] of results.entries()) {
      const id = at(ids, i);
      const path = `/v1/corpora/${corpus}/examples/${encodeURIComponent(id)}`;
      if (id === '.' || id === '..') {
        expect({ id, status }).toEqual({ id, status: 'error' });
        continue;
      }
      expect({ id, status, error }).toEqual({ id, status: 'created' });
      const got = await edge.send(path);
      expect({ id, status: got.status }).toEqual({ id, status: 200 });
      expect(await json(got)).toMatchObject({ id, text: `text of ${id}` });
      expect(await json(edge.send(path, { method: 'DELETE' }))).toMatchObject({ id, deleted: true });
      expect((await edge.send(path)).status).toBe(404);
    }
    expect(await json(edge.send(`/v1/corpora/${corpus}`))).toMatchObject({ examples: 0 });
  });
});

describe('a limit holds at its edge', () => {
  it.each<[string, (over: number) => object]>([
    ['bytes of a text', (over) => ({ id: 'a', vector, text: 'x'.repeat(MAX_TEXT_BYTES + over) })],
    ['bytes of an id', (over) => ({ id: 'x'.repeat(VECTORIZE_MAX_ID_BYTES + over), vector, text: 'x' })],
    [
      'bytes of an id of two-byte characters',
      (over) => ({ id: 'é'.repeat(VECTORIZE_MAX_ID_BYTES / 2 + over), vector, text: 'x' }),
    ],
    ['characters of a source', (over) => ({ id: 'a', vector, text: 'x', source: 's'.repeat(512 + over) })],
    ['characters of a name', (over) => ({ id: 'a', vector, text: 'x', metadata: { ['n'.repeat(512 + over)]: 1 } })],
  ])('%s', async (_, of) => {
    expect(await statuses(fresh(), [of(0)])).toEqual(['created']);
    expect(await statuses(fresh(), [of(1)])).toEqual(['error']);
  });

  it('bytes of a line', async () => {
    const limit = 2 * 1024 * 1024;
    const padded = (bytes: number): string => {
      const bare = JSON.stringify(line('a'));
      return `${bare}${' '.repeat(bytes - bare.length)}`;
    };
    expect(await statuses(fresh(), [padded(limit)])).toEqual(['created']);
    expect(await statuses(fresh(), [padded(limit + 1)])).toEqual(['error']);
  });

  it('characters of a corpus’ name', async () => {
    const send = (name: string) => edge.send(`/v1/corpora/${name}/examples`, { body: JSON.stringify(line('a')) });
    expect((await send('n'.repeat(64))).status).toBe(200);
    expect((await send('n'.repeat(65))).status).toBe(400);
  });

  it('stripes', async () => {
    const send = (stripes: number) =>
      edge.send(`/v1/corpora/${fresh()}/examples?stripes=${stripes}`, { body: JSON.stringify(line('a')) });
    expect([(await send(1)).status, (await send(MAX_STRIPES)).status]).toEqual([200, 200]);
    expect([(await send(0)).status, (await send(MAX_STRIPES + 1)).status]).toEqual([400, 400]);
  });

  it('entries of a page', async () => {
    const corpus = fresh();
    await edge.upload(
      corpus,
      Array.from({ length: MAX_PAGE + 1 }, (_, i) => line(`${i}`)),
    );
    const all = await json(edge.send(`/v1/corpora/${corpus}/examples?limit=${MAX_PAGE}`));
    expect([all.data.length, typeof all.next_cursor]).toEqual([MAX_PAGE, 'string']);
    for (const limit of [0, MAX_PAGE + 1]) {
      expect((await edge.send(`/v1/corpora/${corpus}/examples?limit=${limit}`)).status).toBe(400);
      expect((await edge.send(`/v1/corpora?limit=${limit}`)).status).toBe(400);
    }
  });
});

describe('long texts', () => {
  it('of two tenants lie under keys of their own, whatever corpora and ids are called', async () => {
    const corpus = fresh();
    const long = line('same', { text: 'y'.repeat(20_000) });
    await edge.upload(corpus, [long]);
    await edge.upload(corpus, [long], OTHER_KEY);
    const keys = (await edge.textKeys()).filter((key) => key.includes(`/${corpus}/`));
    expect(keys.map((key) => key.split('/').slice(0, 3).join('/')).sort()).toEqual([
      `texts/default/${corpus}`,
      `texts/other/${corpus}`,
    ]);
    await edge.send(`/v1/corpora/${corpus}/examples/same`, { method: 'DELETE', key: OTHER_KEY });
    expect((await edge.textKeys()).filter((key) => key.includes(`/${corpus}/`))).toHaveLength(1);
    expect(await json(edge.send(`/v1/corpora/${corpus}/examples/same`))).toMatchObject({ text: 'y'.repeat(20_000) });
  });
});

describe('while a large upload is worked on', () => {
  it('other requests are answered all the time', async () => {
    const sentence = 'The quick brown fox reads about parsers, tokens and trees before it jumps. ';
    const lines = Array.from({ length: 1_500 }, (_, i) => ({
      id: `${i}`,
      text: `${i} ${sentence.repeat(20 + (i % 60))}`,
    }));
    const order: string[] = [];
    const uploaded = edge.upload(fresh(), lines).then((results) => {
      order.push('uploaded');
      return results;
    });
    // one at a time: how many fit beside the upload says how often it makes room
    let answered = 0;
    while (order.length === 0) {
      expect((await edge.send('/health', { key: null })).status).toBe(200);
      answered += 1;
    }
    expect((await uploaded).every(({ status }) => status === 'created')).toBe(true);
    // eight batches; without pauses one answer fits between two of them
    expect(answered).toBeGreaterThan(50);
  });
});
