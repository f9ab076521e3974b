// A corpus as a whole: what it declares, what its filters may name and let through, and its examples changed, deleted by a
// filter, and exported.
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { matchesFilter } from '../../functions/corpora/matches.ts';
import type { Example } from '../../functions/corpora/record.ts';
import { filter as filterSchema } from '../../wire/api/filter.ts';
import { VECTORIZE_TOP_K_FULL } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { DIMENSIONS, type Edge, OTHER_KEY, startEdge } from './harness.ts';
import { randomUnit } from './vectors.ts';

const PROPERTIES = { lang: 'string', year: 'number', draft: 'boolean' } as const;
let edge: Edge;
beforeAll(async () => {
  edge = await startEdge({ vars: { FILTERABLE: JSON.stringify(PROPERTIES) } });
});
afterAll(() => edge.close());
beforeEach(async () => {
  await edge.vectorize('configure', { visibleAfterMs: 0 });
  await edge.vectorize('flush'); // writes keep their order: one that waits would hold back all that follow
});

const json = async (response: Response | Promise<Response>) => JSON.parse(await (await response).text());
let made = 0;
const fresh = (): string => `whole-${made++}`;
const random = seededRandom(8);
const base64 = (row: Float32Array): string => Buffer.from(new Uint8Array(row.buffer)).toString('base64');
const vector = base64(randomUnit(DIMENSIONS, random));
const line = (id: string, more: object = {}) => ({
  id,
  text: `text of ${id}`,
  vector: base64(randomUnit(DIMENSIONS, random)),
  ...more,
});
const put = (corpus: string, body: unknown) => edge.send(`/v1/corpora/${corpus}`, { method: 'PUT', body });
const example = (corpus: string, id: string) => `/v1/corpora/${corpus}/examples/${encodeURIComponent(id)}`;
const idsOf = async (corpus: string): Promise<string[]> =>
  (await json(edge.send(`/v1/corpora/${corpus}/examples?limit=1000`))).data.map(({ id }: { id: string }) => id);
const selected = async (corpus: string, filter: unknown) => {
  const body = { corpus, vector, n: VECTORIZE_TOP_K_FULL, strategy: 'nn', filter };
  const response = await edge.send('/v1/select', { body });
  return { status: response.status, answer: JSON.parse(await response.text()) };
};
const deleteBy = async (corpus: string, body: unknown) => {
  const response = await edge.send(`/v1/corpora/${corpus}/delete`, { body });
  return { status: response.status, answer: JSON.parse(await response.text()) };
};

describe('a corpus that is declared', () => {
  it('is made with what it declares, and tells it', async () => {
    const corpus = fresh();
    const response = await put(corpus, {
      filterable: { lang: 'string' },
      stripes: 2,
      chunk: { size: 700, overlap: 0 },
    });
    expect(response.status).toBe(201);
    const told = await json(response);
    expect(told).toMatchObject({
      examples: 0,
      stripes: 2,
      filterable: { lang: 'string' },
      chunk: { size: 700, overlap: 0 },
    });
    expect(await json(edge.send(`/v1/corpora/${corpus}`))).toEqual(told);
    const again = await put(corpus, { filterable: { year: 'number' } });
    expect([again.status, await json(again)]).toMatchObject([
      200,
      { stripes: 2, filterable: { year: 'number' }, chunk: null },
    ]);
  });

  it('has all of the deployment’s properties unless it says otherwise', async () => {
    const corpus = fresh();
    await edge.upload(corpus, [line('a')]);
    expect(await json(edge.send(`/v1/corpora/${corpus}`))).toMatchObject({ filterable: PROPERTIES, chunk: null });
  });

  it.each<[string, unknown, RegExp]>([
    [
      'a property without an index',
      { filterable: { author: 'string' } },
      /'author' \(string\) is not indexed .*'meta\.lang' \(string\), 'meta\.year' \(number\)/,
    ],
    ['another type', { filterable: { year: 'string' } }, /'year' \(string\) is not indexed/],
    ['an unknown type', { filterable: { year: 'date' } }, /filterable\.year/],
    ['__proto__', JSON.parse('{"filterable":{"__proto__":"string"}}'), /cannot name '__proto__'/],
    ['constructor', { filterable: { constructor: 'string' } }, /'constructor' \(string\) is not indexed/],
    ['an overlap that is too far', { chunk: { size: 700, overlap: 700 } }, /chunk\.overlap: is 700/],
    ['what it does not know', { filters: {} }, /filters/],
    ['no JSON', 'x', /not JSON/],
  ])('is refused with %s', async (_, body, message) => {
    const response = await put(fresh(), body);
    expect([response.status, (await json(response)).error.message]).toEqual([400, expect.stringMatching(message)]);
  });

  it('keeps its stripes', async () => {
    const corpus = fresh();
    await put(corpus, { stripes: 2 });
    const response = await put(corpus, { stripes: 3 });
    expect([response.status, (await json(response)).error.message]).toEqual([
      400,
      expect.stringMatching(/stripes: is 3/),
    ]);
  });
});

describe('a filter on what is not declared', () => {
  it('is refused by every route that takes filters, and tells what is declared', async () => {
    const corpus = fresh();
    await put(corpus, { filterable: { lang: 'string' } });
    await edge.upload(corpus, [
      line('a', { metadata: { lang: 'en', year: 1999 } }),
      line('b', { metadata: { year: 2020 } }),
    ]);
    for (const filter of [{ 'meta.year': { $ne: 1999 } }, { 'meta.toString': 'x' }, { 'meta.lang.x': 'en' }]) {
      const { status, answer } = await selected(corpus, filter);
      expect(status).toBe(400);
      expect(answer.error).toMatchObject({
        param: 'filter',
        message: expect.stringMatching(
          /is not declared; filters may name 'source' \(string\), 'meta\.lang' \(string\)$/,
        ),
      });
      expect((await deleteBy(corpus, { filter })).status).toBe(400);
      const sift = { corpus, filter, input: 'x' };
      for (const [path, body] of [
        ['/v1/completions', { model: 'base:sift', prompt: 'x', sift: { corpus, filter } }],
        ['/v1/score', { model: 'base', context: 'x', text: 'y', sift: { corpus, filter } }],
      ] as const) {
        const response = await edge.send(path, { body });
        // without a gateway either says so first, or the filter is refused
        expect([400, 501], JSON.stringify(sift)).toContain(response.status);
      }
    }
    expect(
      (await selected(corpus, { 'meta.lang': { $ne: 'en' } })).answer.picks.map(({ id }: { id: string }) => id),
    ).toEqual(['b']);
  });

  it.each<[unknown, RegExp]>([
    [{ 'meta.lang': 5 }, /'meta\.lang' is a string, 5 is a number/],
    [{ 'meta.year': { $in: [1, '2'] } }, /'meta\.year' is a number, "2" is a string/],
    [{ 'meta.draft': { $gt: 1 } }, /'meta\.draft' is a boolean/],
    [{ source: true }, /'source' is a string, true is a boolean/],
  ])('or of another type is refused: %j', async (filter, message) => {
    const corpus = fresh();
    await put(corpus, {});
    const { status, answer } = await selected(corpus, filter);
    expect([status, answer.error.message]).toEqual([400, expect.stringMatching(message)]);
  });
});

const values = fc.oneof(
  fc.constantFrom('en', 'de', '', 'e', 'é', '😀', 'x'.repeat(70)),
  fc.constantFrom(-1, 0, 1.5, 1999, 2020),
  fc.boolean(),
  fc.constant(null),
);
const named = fc.constantFrom('source', 'meta.lang', 'meta.year', 'meta.draft');
const operators = fc.oneof(
  fc
    .tuple(fc.constantFrom('$eq', '$ne', '$lt', '$lte', '$gt', '$gte'), values)
    .map(([name, value]) => ({ [name]: value })),
  fc
    .tuple(fc.constantFrom('$in', '$nin'), fc.array(values, { maxLength: 3 }))
    .map(([name, list]) => ({ [name]: list })),
  fc
    .tuple(fc.constantFrom('$gt', '$gte'), values, fc.constantFrom('$lt', '$lte'), values)
    .map(([a, x, b, y]) => ({ [a]: x, [b]: y })),
);
/** A condition on a property of one type. */
const typed = <T>(one: fc.Arbitrary<T>) =>
  fc.oneof(
    fc.option(one),
    fc.tuple(fc.constantFrom('$eq', '$ne'), fc.option(one)).map(([name, value]) => ({ [name]: value })),
    fc
      .tuple(fc.constantFrom('$in', '$nin'), fc.array(fc.option(one), { minLength: 1, maxLength: 3 }))
      .map(([name, list]) => ({ [name]: list })),
  );
const ordered = <T>(one: fc.Arbitrary<T>) =>
  fc.oneof(
    typed(one),
    fc.tuple(fc.constantFrom('$lt', '$lte', '$gt', '$gte'), one).map(([name, value]) => ({ [name]: value })),
    fc
      .tuple(fc.constantFrom('$gt', '$gte'), one, fc.constantFrom('$lt', '$lte'), one)
      .map(([c, x, d, y]) => ({ [c]: x, [d]: y })),
  );
const strings = ordered(fc.constantFrom('en', 'de', '', 'e', 'é', '😀', 'x'.repeat(70)));
const orderly = fc
  .record(
    {
      source: strings,
      'meta.lang': strings,
      'meta.year': ordered(fc.constantFrom(-1, 0, 1.5, 1999, 2020)),
      'meta.draft': typed(fc.boolean()),
    },
    { requiredKeys: [] },
  )
  .filter((filter) => Object.keys(filter).length > 0);
/** Whatever JSON there is in the places of a filter. */
const wild = fc.dictionary(
  fc.oneof(
    named,
    fc.constantFrom(
      '',
      'meta.',
      'meta.$x',
      'meta.a|b',
      'meta.a"b',
      'meta..x',
      '$and',
      '__proto__',
      'lang',
      'meta.__proto__',
    ),
  ),
  fc.oneof(
    values,
    operators,
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom({}, { $in: [] }, { $eq: 'a', $ne: 'b' }, { $gt: 1, $gte: 2 }),
  ),
  { maxKeys: 3 },
);

describe('filters of every kind', () => {
  const examples: (Example & { vector: string })[] = Array.from({ length: 40 }, (_, i) => {
    const pick = <T>(list: readonly T[]): T => at(list, Math.floor(random() * list.length));
    const metadata = {
      ...pick([{}, { lang: pick(['en', 'de', '', 'é', '😀', 'x'.repeat(70)]) }, { lang: 7 }, { lang: ['en'] }]),
      ...pick([{}, { year: pick([-1, 0, 1.5, 1999, 2020]) }, { year: '1999' }]),
      ...pick([{}, { draft: random() < 0.5 }]),
    };
    return { ...line(`e${i}`, { metadata }), ...pick([{}, { source: pick(['en', 'de']) }]) } as never;
  });
  const through = (filter: never): string[] =>
    examples.filter((one) => matchesFilter(filter, PROPERTIES, one)).map(({ id }) => id);
  let corpus: string;
  beforeAll(async () => {
    corpus = fresh();
    await edge.upload(corpus, examples);
  });

  it('let through what they say, or are refused in words', async () => {
    let answered = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(orderly, wild), async (filter) => {
        const { status, answer } = await selected(corpus, filter);
        if (status === 400) {
          expect(answer.error.message).not.toMatch(/invalid_|\n|\{"/);
          return;
        }
        expect([status, filterSchema.safeParse(filter).success]).toEqual([200, true]);
        answered += 1;
        expect(answer.picks.map(({ id }: { id: string }) => id).sort()).toEqual(through(filter as never).sort());
      }),
      { numRuns: 250, seed: 20_261_126 },
    );
    expect(answered).toBeGreaterThan(100);
  }, 60_000);

  it('delete what they select, and nothing else', async () => {
    for (const filter of [
      { 'meta.year': { $gte: 0, $lt: 2000 } },
      { 'meta.lang': null },
      { source: { $nin: ['en', null] } },
    ]) {
      const own = fresh();
      await edge.upload(own, examples);
      const gone = through(filter as never);
      expect(gone.length).toBeGreaterThan(0);
      expect((await deleteBy(own, { filter })).answer).toEqual({
        object: 'deletion',
        corpus: own,
        deleted: gone.length,
        examined: 40,
        late: 0,
        next_cursor: null,
      });
      expect((await idsOf(own)).sort()).toEqual(
        examples
          .map(({ id }) => id)
          .filter((id) => !gone.includes(id))
          .sort(),
      );
    }
  });
});

describe('deleting by a filter', () => {
  it('goes on past what one query of the index would find', async () => {
    const corpus = fresh();
    const lines = Array.from({ length: 230 }, (_, i) =>
      line(`l${i}`, { metadata: { lang: i % 10 === 0 ? 'de' : 'en' } }),
    );
    await edge.upload(corpus, lines);
    expect((await deleteBy(corpus, { filter: { 'meta.lang': 'en' } })).answer).toMatchObject({
      deleted: 207,
      examined: 230,
      late: 0,
    });
    expect(await idsOf(corpus)).toHaveLength(23);
  });

  it('leaves what the index does not show yet, and says so', async () => {
    const corpus = fresh();
    await edge.upload(corpus, [line('old', { metadata: { lang: 'en' } }), line('now', { metadata: { lang: 'en' } })]);
    await edge.vectorize('configure', { visibleAfterMs: 'flush' });
    await edge.upload(corpus, [line('now', { metadata: { lang: 'de' } }), line('new', { metadata: { lang: 'en' } })]);
    const before = await deleteBy(corpus, { filter: { 'meta.lang': 'en' } });
    expect(before.answer).toMatchObject({ deleted: 1, examined: 3, late: 2 });
    await edge.vectorize('flush');
    expect((await deleteBy(corpus, { filter: { 'meta.lang': 'en' } })).answer).toMatchObject({ deleted: 1, late: 0 });
    expect(await idsOf(corpus)).toEqual(['now']);
  });

  it('needs a filter, and a corpus of one’s own', async () => {
    const corpus = fresh();
    await edge.upload(corpus, [line('a')]);
    for (const body of [{}, { filter: {} }, { filter: null }, { filter: { source: 'x' }, all: true }]) {
      expect((await deleteBy(corpus, body)).status).toBe(400);
    }
    const foreign = await edge.send(`/v1/corpora/${corpus}/delete`, {
      body: { filter: { source: 'x' } },
      key: OTHER_KEY,
    });
    expect(foreign.status).toBe(404);
  });
});

describe('changing an example', () => {
  const patch = async (corpus: string, id: string, body: unknown, key?: string) => {
    const response = await edge.send(example(corpus, id), {
      method: 'PATCH',
      body,
      ...(key === undefined ? {} : { key }),
    });
    return { status: response.status, answer: JSON.parse(await response.text()) };
  };

  it.each([
    ['with a vector of its own', line('a', { source: 's', metadata: { lang: 'en', year: 1, odd: ['x'] } })],
    [
      'with a vector made of its text',
      { id: 'a', text: 'a router', source: 's', metadata: { lang: 'en', year: 1, odd: ['x'] } },
    ],
    [
      'with a long text',
      line('a', { text: 'long '.repeat(5_000), source: 's', metadata: { lang: 'en', year: 1, odd: ['x'] } }),
    ],
  ])('%s merges its metadata, and an upload of the same finds it unchanged', async (_, sent) => {
    const corpus = fresh();
    await edge.upload(corpus, [sent]);
    const changes = '{"source":null,"metadata":{"lang":"de","year":null,"__proto__":"p","constructor":"c"}}';
    const metadata = JSON.parse('{"lang":"de","odd":["x"],"__proto__":"p","constructor":"c"}');
    const { status, answer } = await patch(corpus, 'a', changes);
    expect([status, answer.metadata, answer.source]).toEqual([200, metadata, null]);
    const stored = await json(edge.send(example(corpus, 'a')));
    expect(stored).toEqual({ ...answer, indexed: true });
    expect(Object.keys(stored.metadata).sort()).toEqual(['__proto__', 'constructor', 'lang', 'odd']);
    expect((await selected(corpus, { 'meta.lang': 'de' })).answer.picks).toHaveLength(1);
    const [result] = await edge.upload(corpus, [JSON.stringify({ ...sent, source: undefined, metadata })]);
    expect(result?.status).toBe('unchanged');
    expect((await patch(corpus, 'a', { metadata: null })).answer.metadata).toEqual({});
  });

  it.each<[string, unknown, RegExp]>([
    ['a text', { text: 'x' }, /text: the text cannot be changed: upload the example again under the same id/],
    ['a vector', { vector: [1] }, /vector: the vector cannot be changed/],
    ['nothing', {}, /changes nothing/],
    ['an integer that float64 rounds', '{"metadata":{"n":9007199254740993}}', /send it as a string/],
    ['a name with a dot', { metadata: { 'a.b': 1 } }, /'a\.b'/],
    ['metadata in metadata', { metadata: { a: { b: 1 } } }, /metadata\.a/],
    ['metadata in __proto__', '{"metadata":{"__proto__":{"a":1}}}', /metadata\.__proto__/],
    ['more metadata than fits', { metadata: { a: 'y'.repeat(10_300) } }, /the limit is 10240/],
    ['a source of 513 characters', { source: 's'.repeat(513) }, /source/],
  ])('is refused with %s', async (_, body, message) => {
    const corpus = fresh();
    await edge.upload(corpus, [line('a')]);
    const { status, answer } = await patch(corpus, 'a', body);
    expect([400, 413]).toContain(status);
    expect(answer.error.message).toMatch(message);
    expect(await json(edge.send(example(corpus, 'a')))).toMatchObject({ metadata: {}, source: null });
  });

  it('waits for the index, and reaches no other tenant’s', async () => {
    const corpus = fresh();
    await edge.upload(corpus, [line('a')]);
    expect((await patch(corpus, 'b', { source: 's' })).status).toBe(404);
    expect((await patch(corpus, 'a', { source: 's' }, OTHER_KEY)).status).toBe(404);
    await edge.vectorize('configure', { visibleAfterMs: 'flush' });
    expect(await patch(corpus, 'a', { source: 's' })).toMatchObject({ status: 200 });
    const { status, answer } = await patch(corpus, 'a', { metadata: { lang: 'x' } });
    expect([status, answer.error.code]).toEqual([409, 'not_indexed']);
    await edge.vectorize('flush');
    expect((await patch(corpus, 'a', { metadata: { lang: 'x' } })).answer).toMatchObject({
      source: 's',
      metadata: { lang: 'x' },
    });
    await edge.vectorize('flush');
  });
});

describe('an export', () => {
  const NDJSON = { accept: 'application/x-ndjson' };
  const exported = async (corpus: string, query = '') =>
    (await edge.send(`/v1/corpora/${corpus}/examples${query}`, { headers: NDJSON })).text();

  it('is the whole corpus as it can be uploaded again', async () => {
    const corpus = fresh();
    const lines = [
      ...Array.from({ length: 250 }, (_, i) => line(`l${i}`, { source: `s${i}`, metadata: { lang: 'en', year: i } })),
      line('long', { text: 'long '.repeat(5_000) }),
      { id: 'bare', vector },
      { id: 'made', text: 'a router' },
      JSON.parse('{"id":"proto","text":"x","metadata":{"__proto__":"p"}}'),
    ];
    await edge.upload(
      corpus,
      lines.map((one) => JSON.stringify(one)),
    );
    const all = await exported(corpus, '?text=1&vectors=1');
    expect(
      all
        .trimEnd()
        .split('\n')
        .map((one) => JSON.parse(one).id),
    ).toEqual(await idsOf(corpus));
    const copy = fresh();
    const results = await edge.upload(copy, all.trimEnd().split('\n'));
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['created']));
    expect(await exported(copy, '?vectors=1')).toBe(all);
    // what was sent with vectors is found unchanged where it came from; without them the bare one keeps its own
    const plain = (await exported(corpus))
      .trimEnd()
      .split('\n')
      .map((one) => JSON.parse(one));
    expect(plain.filter((one) => 'vector' in one).map(({ id }) => id)).toEqual(['bare']);
    expect(plain.find(({ id }) => id === 'proto').metadata).toEqual(JSON.parse('{"__proto__":"p"}'));
    const part = (await exported(corpus, '?limit=3&cursor=l10'))
      .trimEnd()
      .split('\n')
      .map((one) => JSON.parse(one).id);
    expect(part).toEqual(['l100', 'l101', 'l102']);
  });

  it('of what does not exist, or is another’s, is a 404', async () => {
    const corpus = fresh();
    await edge.upload(corpus, [line('a')]);
    const foreign = await edge.send(`/v1/corpora/${corpus}/examples`, { headers: NDJSON, key: OTHER_KEY });
    expect([foreign.status, (await edge.send('/v1/corpora/nowhere/examples', { headers: NDJSON })).status]).toEqual([
      404, 404,
    ]);
  });

  it('waits until the index shows what was written', async () => {
    const corpus = fresh();
    await edge.vectorize('configure', { visibleAfterMs: 'flush' });
    await edge.upload(corpus, [line('a')]);
    const later = exported(corpus);
    await edge.vectorize('flush');
    expect(JSON.parse(await later).id).toBe('a');
  });
});
