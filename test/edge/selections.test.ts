// Selections that can be fetched again, bounded, batched, streamed and made of several corpora: the edge in workerd with the
// local Vectorize, one stack for all.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { selectedFields, selectLine, selectList, selectResponse } from '../../wire/api/select.ts';
import { seededRandom as random } from '../../wire/random.ts';
import { DIMENSIONS, type Edge, OTHER_KEY, startEdge } from './harness.ts';
import { randomUnit } from './vectors.ts';

let edge: Edge;
beforeAll(async () => {
  // the local Vectorize shows a write at once
  edge = await startEdge({ vars: { INDEX_SETTLE_S: '0' } });
});
afterAll(() => edge.close());
beforeEach(() => edge.vectorize('configure', { visibleAfterMs: 0, latencyMs: 0, fail: { calls: 0, code: 0 } }));

const json = async (response: Response | Promise<Response>) => JSON.parse(await (await response).text());
const base64 = (vector: Float32Array): string =>
  Buffer.from(new Uint8Array(Float32Array.from(vector).buffer)).toString('base64');

let made = 0;
const fresh = (): string => `corpus-${made++}`;

const TEXTS = [
  'The router matches the path of a request and calls its handlers in order.',
  'A cookie is set with a name, a value and options such as its lifetime.',
  'Matrices are multiplied row by column, and vectors are matrices of one column.',
  'Cats sleep for most of the day, in the sun if there is any.',
  'The parser reads tokens from left to right and builds a tree of nodes.',
];
const lines = TEXTS.map((text, i) => ({ id: `t${i}`, text, source: 'made up', metadata: { lang: 'en' } }));

const filled = async (): Promise<string> => {
  const corpus = fresh();
  await edge.upload(corpus, lines);
  return corpus;
};
const select = (body: object, headers: Record<string, string> = {}) => edge.send('/v1/select', { body, headers });
const fetched = (id: string, options: Parameters<Edge['send']>[1] = {}) => edge.send(`/v1/selections/${id}`, options);

describe('a kept selection', () => {
  it('is served with the same bytes, under the same ETag, and 304 to whoever has them', async () => {
    const response = await select({ corpus: await filled(), input: TEXTS[0], n: 2 });
    const bytes = await response.text();
    const etag = response.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{43}"$/);
    const { id } = selectResponse.parse(JSON.parse(bytes));
    // 144 bits, so that nobody guesses one
    expect(id).toMatch(/^sel_[\w-]{24}$/);
    const again = await fetched(id ?? '');
    expect([again.status, await again.text()]).toEqual([200, bytes]);
    expect(again.headers.get('etag')).toBe(etag);
    expect(again.headers.get('content-type')).toBe('application/json');
    expect(again.headers.get('cache-control')).toBe('private, max-age=60, immutable');
    for (const named of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const unchanged = await fetched(id ?? '', { headers: { 'if-none-match': named } });
      expect([unchanged.status, await unchanged.text(), unchanged.headers.get('etag')]).toEqual([304, '', etag]);
    }
    expect((await fetched(id ?? '', { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
  });

  it('is another one each time, though the ETag is the same', async () => {
    const body = { corpus: await filled(), input: TEXTS[1] };
    const [a, b] = [await select(body), await select(body)];
    expect(a.headers.get('etag')).toBe(b.headers.get('etag'));
    expect((await json(a)).id).not.toBe((await json(b)).id);
  });

  it('has no id where the caller does not want it kept', async () => {
    const response = await select({ corpus: await filled(), input: TEXTS[0], store: false });
    expect(await json(response)).not.toHaveProperty('id');
    expect(response.headers.get('etag')).not.toBeNull();
  });

  it('is not there for another tenant, nor is a forged id: the same answer', async () => {
    const { id } = await json(select({ corpus: await filled(), input: TEXTS[0] }));
    const forged = `${id.slice(0, -4)}AAAA`;
    const answers = await Promise.all([
      fetched(id, { key: OTHER_KEY }),
      fetched(forged),
      fetched('sel_short'),
      fetched(encodeURIComponent('../x')),
    ]);
    for (const [i, answer] of answers.entries()) {
      const shown = [id, forged, 'sel_short', '../x'][i];
      expect([answer.status, await json(answer)]).toEqual([
        404,
        {
          error: {
            message: `there is no selection '${shown}'`,
            type: 'invalid_request_error',
            code: 'unknown_selection',
            param: 'id',
          },
        },
      ]);
    }
    expect((await fetched(id)).status).toBe(200);
  });

  it('of candidates that the caller sent is never gone', async () => {
    const candidates = TEXTS.map((text, i) => ({ id: `c${i}`, text }));
    const { id } = await json(select({ candidates, input: TEXTS[2], n: 1 }));
    expect((await json(fetched(id))).picks[0].id).toBe('c2');
  });

  const goneWith = async (change: (corpus: string) => Promise<unknown>) => {
    const corpus = await filled();
    const { id, picks } = await json(select({ corpus, input: TEXTS[0], n: 1 }));
    expect(picks[0].id).toBe('t0');
    expect((await fetched(id)).status).toBe(200);
    await change(corpus);
    const after = await fetched(id);
    return { status: after.status, body: await json(after), again: (await fetched(id)).status };
  };
  const GONE = { code: 'selection_gone', param: 'id', type: 'invalid_request_error' };

  it('is gone once one of its examples is deleted', async () => {
    const found = await goneWith((corpus) => edge.send(`/v1/corpora/${corpus}/examples/t0`, { method: 'DELETE' }));
    expect(found).toMatchObject({ status: 410, body: { error: GONE }, again: 410 });
    expect(found.body.error.message).toContain('an example was deleted or replaced');
    expect(JSON.stringify(found.body)).not.toContain('router');
  });

  it('is gone once one of its examples is replaced, and stays gone when the old one comes back', async () => {
    const found = await goneWith((corpus) => edge.upload(corpus, [{ ...lines[0], text: 'Something else.' }]));
    expect(found).toMatchObject({ status: 410, body: { error: GONE } });
    const corpus = await filled();
    const { id } = await json(select({ corpus, input: TEXTS[0], n: 1 }));
    await edge.upload(corpus, [{ ...lines[0], text: 'Something else.' }]);
    expect((await fetched(id)).status).toBe(410);
    await edge.upload(corpus, lines);
    expect((await fetched(id)).status).toBe(410);
  });

  it('is gone with its corpus, also when one of its name comes after it', async () => {
    const remove = (corpus: string) => edge.send(`/v1/corpora/${corpus}`, { method: 'DELETE' });
    const found = await goneWith(remove);
    expect(found).toMatchObject({ status: 410, body: { error: GONE } });
    expect(found.body.error.message).toMatch(/corpus '\S+' was deleted/);
    const again = await goneWith(async (corpus) => {
      await remove(corpus);
      await edge.upload(corpus, lines);
    });
    expect(again.status).toBe(410);
  });

  it('stands when other examples come and go', async () => {
    const corpus = await filled();
    const { id } = await json(select({ corpus, input: TEXTS[0], n: 1 }));
    await edge.upload(corpus, [{ id: 'new', text: 'A new example of the corpus.' }]);
    await edge.send(`/v1/corpora/${corpus}/examples/t3`, { method: 'DELETE' });
    expect((await fetched(id)).status).toBe(200);
    expect((await fetched(id)).status).toBe(200);
  });
});

describe('If-None-Match on a selection', () => {
  it('is answered 304 without selecting, until the corpus or the request changes', async () => {
    const corpus = await filled();
    const body = { corpus, input: TEXTS[0], n: 2 };
    const etag = (await select(body)).headers.get('etag') ?? '';
    const named = { 'if-none-match': etag };
    // an index that fails is not even asked
    await edge.vectorize('configure', { fail: { calls: 100, code: 40_025 } });
    const same = await select(body, named);
    expect([same.status, await same.text(), same.headers.get('etag')]).toEqual([304, '', etag]);
    // the same request in other words
    const spelt = `{"n":2,\n"input":${JSON.stringify(TEXTS[0])},"degree":6,"corpus":"${corpus}"}`;
    expect((await edge.send('/v1/select', { body: spelt, headers: named })).status).toBe(304);
    await edge.vectorize('configure', { fail: { calls: 0, code: 0 } });
    for (const other of [
      { ...body, n: 3 },
      { ...body, input: TEXTS[1] },
      { ...body, fields: ['id'] },
      { ...body, strategy: 'nn' },
    ]) {
      expect((await select(other, named)).status).toBe(200);
    }
    await edge.upload(corpus, [{ id: 'more', text: 'More.' }]);
    const changed = await select(body, named);
    expect(changed.status).toBe(200);
    expect(changed.headers.get('etag')).not.toBe(etag);
    const key = OTHER_KEY;
    await edge.upload(corpus, lines, key);
    const foreign = await edge.send('/v1/select', { body, key, headers: named });
    expect([foreign.status, foreign.headers.get('etag') === etag]).toEqual([200, false]);
  });

  it('knows candidates by what was sent', async () => {
    const next = random(3);
    const candidates = Array.from({ length: 200 }, (_, i) => ({
      id: `${i}`,
      vector: base64(randomUnit(DIMENSIONS, next)),
    }));
    const body = { candidates, vector: base64(randomUnit(DIMENSIONS, next)) };
    const named = { 'if-none-match': (await select(body)).headers.get('etag') ?? '' };
    expect((await select(body, named)).status).toBe(304);
    expect((await select({ ...body, candidates: candidates.slice(1) }, named)).status).toBe(200);
  });

  it('still says what is wrong with a request', async () => {
    const named = { 'if-none-match': '*' };
    expect((await select({ corpus: 'nowhere', input: 'x' }, named)).status).toBe(404);
    expect((await select({ corpus: await filled(), input: 'x' }, named)).status).toBe(200);
  });
});

describe('what is answered', () => {
  it('has the fields of picks that were asked for, and no others', async () => {
    const body = { corpus: await filled(), input: TEXTS[0], n: 2, fields: ['score', 'id'] };
    const selection = selectedFields.parse(await json(select(body)));
    expect(selection.picks.map((pick) => Object.keys(pick).sort())).toEqual([
      ['id', 'score'],
      ['id', 'score'],
    ]);
    expect(selection.explained).toBeGreaterThan(0);
    expect(await json(select({ ...body, fields: ['colour'] }))).toMatchObject({
      error: { param: 'fields.0', message: expect.stringContaining('"colour"') },
    });
  });

  it('holds texts up to max_bytes: whole picks from the end are left out, and a warning says so', async () => {
    const corpus = await filled();
    const whole = await json(select({ corpus, input: TEXTS[0], n: 5 }));
    const sizes = whole.picks.map(({ text }: { text: string }) => text.length);
    const most = sizes[0] + sizes[1];
    const cut = await json(select({ corpus, input: TEXTS[0], n: 5, max_bytes: most }));
    expect(cut.picks).toEqual(whole.picks.slice(0, 2));
    expect([cut.sigma2.final, cut.explained]).toEqual([cut.picks[1].sigma2, cut.picks[1].explained]);
    expect(cut.warnings).toEqual([
      `max_bytes ${most}: 3 of 5 picks were left out, from the end; all texts are ${sizes.reduce((a: number, b: number) => a + b)} bytes`,
    ]);
    expect((await json(select({ corpus, input: TEXTS[0], n: 5, max_bytes: 3 }))).picks).toEqual([]);
    // without texts nothing is left out
    const bare = await json(select({ corpus, input: TEXTS[0], n: 5, max_bytes: 3, fields: ['id'] }));
    expect([bare.picks.length, bare.warnings]).toEqual([5, []]);
  });

  it('leaves long texts in R2 that are not answered', async () => {
    const corpus = fresh();
    await edge.upload(corpus, [{ id: 'long', text: 'x'.repeat(50_000) }, lines[0]]);
    const { picks, warnings } = await json(select({ corpus, input: TEXTS[0], n: 2, max_bytes: 1000 }));
    expect(picks.map(({ id }: { id: string }) => id)).toEqual(['t0']);
    expect(warnings[0]).toContain('1 of 2 picks');
  });
});

describe('several prompts', () => {
  it('get one selection each, in their order, each to be fetched', async () => {
    const corpus = await filled();
    const inputs = [...TEXTS].reverse();
    const list = selectList.parse(await json(select({ corpus, inputs, n: 1 })));
    const picked = list.data.map((one) => ('picks' in one ? one.picks[0]?.id : one.error));
    expect(picked).toEqual(['t4', 't3', 't2', 't1', 't0']);
    for (const one of list.data) {
      expect(await json(fetched('id' in one ? (one.id ?? '') : ''))).toEqual(one);
    }
    const alone = await json(select({ corpus, input: inputs[0], n: 1 }));
    expect(list.data[0]).toMatchObject({ picks: alone.picks, sigma2: alone.sigma2 });
  });

  it('fail one by one', async () => {
    const corpus = await filled();
    await edge.vectorize('configure', { fail: { calls: 1, code: 40_025, only: 'VECTOR_QUERY' } });
    const response = await select({ corpus, inputs: TEXTS.slice(0, 3), n: 1 });
    expect(response.status).toBe(200);
    const { data } = selectList.parse(await json(response));
    expect(data.map((one) => ('error' in one ? one.error.code : 'ok')).sort()).toEqual(['ok', 'ok', 'vectorize']);
    // what failed is tried again
    const named = { 'if-none-match': response.headers.get('etag') ?? '' };
    expect((await select({ corpus, inputs: TEXTS.slice(0, 3), n: 1 }, named)).status).toBe(200);
  });

  it('are at most 32, none blank, and not told line by line', async () => {
    const corpus = await filled();
    const many = Array.from({ length: 33 }, () => 'x');
    expect((await json(select({ corpus, inputs: many }))).error.message).toContain('33 entries, the limit is 32');
    expect((await json(select({ corpus, inputs: ['x', ' '] }))).error.param).toBe('inputs.1');
    const accept = { accept: 'application/x-ndjson' };
    expect((await json(select({ corpus, inputs: ['x'] }, accept))).error.param).toBe('inputs');
    expect((await select({ corpus: 'nowhere', inputs: ['x'] })).status).toBe(404);
  });

  it('select from candidates that the caller sent, too', async () => {
    const candidates = TEXTS.map((text, i) => ({ id: `c${i}`, text }));
    const { data } = selectList.parse(await json(select({ candidates, inputs: TEXTS.slice(1, 3), n: 1 })));
    expect(data.map((one) => ('picks' in one ? one.picks[0]?.id : one.error))).toEqual(['c1', 'c2']);
  });
});

describe('line by line', () => {
  const told = async (body: object) => {
    const response = await select(body, { accept: 'application/x-ndjson' });
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    const text = await response.text();
    return text
      .trimEnd()
      .split('\n')
      .map((line) => selectLine.parse(JSON.parse(line)));
  };

  it('come the picks in their order, then the rest, which can be fetched whole', async () => {
    const corpus = fresh();
    await edge.upload(corpus, [...lines, { id: 'long', text: `${TEXTS[0]} `.repeat(400) }]);
    const body = { corpus, input: TEXTS[0], n: 4 };
    const whole = await json(select(body));
    const all = await told(body);
    const last = all.at(-1);
    if (last === undefined || !('selection' in last)) throw new Error('no selection at the end');
    expect(all.slice(0, -1)).toEqual(whole.picks.map((pick: object) => ({ pick })));
    expect(last.selection).toMatchObject({ sigma2: whole.sigma2, explained: whole.explained, stop: 'count' });
    const kept = await json(fetched(last.selection.id ?? ''));
    expect(kept).toEqual({ ...last.selection, picks: whole.picks });
  });

  it('have the fields asked for, and nothing beyond max_bytes', async () => {
    const corpus = await filled();
    const all = await told({ corpus, input: TEXTS[0], n: 3, fields: ['id'] });
    expect(all[0]).toEqual({ pick: { id: 't0' } });
    expect(await told({ corpus, input: TEXTS[0], n: 3, max_bytes: 1 })).toHaveLength(1);
  });

  it('fail with a status before the first', async () => {
    expect((await select({ corpus: 'nowhere', input: 'x' }, { accept: 'application/x-ndjson' })).status).toBe(404);
  });
});

describe('several corpora', () => {
  it('are selected from together, and picks say where they are from', async () => {
    const [a, b] = [fresh(), fresh()];
    await edge.upload(a, lines.slice(0, 2));
    await edge.upload(b, lines.slice(2));
    const selection = selectResponse.parse(
      await json(select({ corpora: [a, b], input: `${TEXTS[0]} ${TEXTS[2]}`, n: 5 })),
    );
    expect([selection.corpus, selection.corpora, selection.pool.size]).toEqual([null, [a, b], 5]);
    const from = Object.fromEntries(selection.picks.map(({ id, corpus }) => [id, corpus]));
    expect(from).toEqual({ t0: a, t1: a, t2: b, t3: b, t4: b });
    // the same as from one corpus that holds all
    const both = await json(select({ corpus: await filled(), input: `${TEXTS[0]} ${TEXTS[2]}`, n: 5 }));
    expect(selection.picks.map(({ id }) => id)).toEqual(both.picks.map(({ id }: { id: string }) => id));
    expect(selection.sigma2).toEqual(both.sigma2);
    // and gone with any of them
    expect((await fetched(selection.id ?? '')).status).toBe(200);
    await edge.send(`/v1/corpora/${b}/examples/t4`, { method: 'DELETE' });
    expect((await fetched(selection.id ?? '')).status).toBe(410);
  });

  it('read long texts each from its own', async () => {
    const [a, b] = [fresh(), fresh()];
    const long = (word: string) => `${word} `.repeat(5000).trim();
    await edge.upload(a, [{ id: 'same', text: long('router') }]);
    await edge.upload(b, [{ id: 'same', text: long('cookie') }]);
    const { picks } = await json(select({ corpora: [a, b], input: 'router cookie', n: 2 }));
    const texts = Object.fromEntries(picks.map(({ corpus, text }: Record<string, string>) => [corpus, text]));
    expect(texts).toEqual({ [a]: long('router'), [b]: long('cookie') });
  });

  it('must all be there, be named once, and be no more than six', async () => {
    const a = await filled();
    expect(await json(select({ corpora: [a, 'nowhere'], input: 'x' }))).toMatchObject({
      error: { code: 'unknown_corpus', message: "corpus 'nowhere' does not exist" },
    });
    expect((await json(select({ corpora: [a, a], input: 'x' }))).error.message).toContain('names a corpus twice');
    expect((await json(select({ corpora: Array(7).fill(a), input: 'x' }))).error.message).toContain('the limit is 6');
    expect((await json(select({ corpora: [a], corpus: a, input: 'x' }))).error.param).toBe('corpus');
  });
});

describe('the version of a corpus', () => {
  it('is told, and changes with what is written', async () => {
    const corpus = await filled();
    const version = async () => (await json(edge.send(`/v1/corpora/${corpus}`))).version;
    const first = await version();
    expect(first).toMatch(/^[\w-]{16}$/);
    await select({ corpus, input: 'x' });
    await edge.upload(corpus, lines);
    expect(await version()).toBe(first);
    await edge.upload(corpus, [{ id: 'new', text: 'New.' }]);
    const second = await version();
    await edge.send(`/v1/corpora/${corpus}/examples/new`, { method: 'DELETE' });
    expect(new Set([first, second, await version()]).size).toBe(3);
  });
});
