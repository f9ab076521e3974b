// What an ingest does, against an edge of plain objects: every line is told of, a busy edge is waited for, an interrupted run
// goes on without sending again, and what is gone is pruned.
import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestSet } from '../../../cli/ingest/digest-set.ts';
import { SiftError } from '../../../client/index.ts';
import { VECTORIZE_MAX_ID_BYTES } from '../../../wire/limits.ts';
import { busy, type FakeEdge, fakeEdge, newState, runWith } from './fake-edge.ts';
import { workDirectory } from './inputs.ts';

let work: ReturnType<typeof workDirectory>;
let edge: FakeEdge;
beforeEach(() => {
  work = workDirectory();
  edge = fakeEdge();
});
afterEach(() => work.remove());

const rows = (count: number, from = 0): string =>
  Array.from({ length: count }, (_, i) => `{"id":"r${from + i}","text":"text ${from + i}"}\n`).join('');
const paragraphs = (count: number): string =>
  Array.from({ length: count }, (_, i) => `Paragraph ${i} says something of its own, at some length.\n`).join('');

describe('an ingest', () => {
  it('cuts documents as npm start does, with their path as source, and is unchanged when it comes again', async () => {
    work.write('docs/a.md', paragraphs(40));
    work.write('docs/b.txt', 'short');
    const first = await runWith(edge, [work.path('docs')], { meta: ['lang=en'] });
    expect(first).toMatchObject({
      code: 0,
      summary: { files: 2, created: first.summary.examples, refused: 0, left: 0 },
    });
    expect(edge.held.get('docs/b.txt#0')).toEqual({
      id: 'docs/b.txt#0',
      text: 'short',
      source: 'docs/b.txt',
      metadata: { lang: 'en' },
    });
    expect([...edge.held.keys()].filter((id) => id.startsWith('docs/a.md#')).length).toBeGreaterThan(5);
    expect(edge.queries).toEqual([{ chunk: 0 }]);
    const again = await runWith(edge, [work.path('docs')], { meta: ['lang=en'] });
    expect(again.summary).toMatchObject({ created: 0, updated: 0, unchanged: first.summary.examples });
  });

  it('gives rows without an id one of their content, within the limit, wherever they stand', async () => {
    const long = `${'deep/'.repeat(20)}a.jsonl`;
    work.write(`in/${long}`, '{"text":"one"}\n{"text":"two"}\n');
    await runWith(edge, [work.path('in')]);
    const ids = [...edge.held.keys()];
    expect(ids.every((id) => Buffer.byteLength(id) <= VECTORIZE_MAX_ID_BYTES)).toBe(true);
    work.write(`in/${long}`, '{"text":"new"}\n{"text":"two"}\n{"text":"one"}\n{"text":"one"}\n');
    const { summary } = await runWith(edge, [work.path('in')]);
    expect(summary).toMatchObject({ created: 1, unchanged: 3 });
    expect([...edge.held.keys()]).toEqual(expect.arrayContaining(ids));
  });

  it('refuses what the edge would, with its place, before it is sent; and then ends with 3', async () => {
    const path = work.write(
      'a.jsonl',
      `{"id":"${'x'.repeat(65)}","text":"a"}\n{"id":"b","text":" "}\n{"id":5,"text":"c"}\n{"id":"d","text":"d","metadata":{"$a":1}}\n{"text":"e"}\n`,
    );
    const { code, emitted } = await runWith(edge, [path]);
    expect(code).toBe(3);
    expect(emitted.slice(0, 4).map(({ line, reason }) => [line, reason])).toEqual([
      [1, 'its id is 65 bytes, the limit is 64'],
      [2, 'its text is empty'],
      [3, expect.stringContaining('id')],
      [4, expect.stringContaining("'$a'")],
    ]);
    expect(edge.uploads.flat()).toHaveLength(1);
  });

  it('refuses another row under an id that was taken, so that no row replaces one before', async () => {
    const path = work.write(
      'a.jsonl',
      '{"id":"x","text":"one"}\n{"id":"x","text":"one"}\n{"id":"x","text":"two"}\n{"id":"x","text":"two"}\n',
    );
    const { code, summary } = await runWith(edge, [path]);
    expect({ code, ...summary }).toMatchObject({ code: 3, created: 1, unchanged: 1, refused: 2 });
    expect(edge.held.get('x')?.text).toBe('one');
  });

  it('cuts rows only when told how, and leaves cutting to the edge when told so', async () => {
    const path = work.write('a.jsonl', JSON.stringify({ id: 'x', text: paragraphs(40) }));
    await runWith(edge, [path]);
    expect(edge.held.size).toBe(1);
    const cut = fakeEdge();
    await runWith(cut, [path], { cutting: { by: 'here', size: 700, overlap: 525, rows: true } });
    expect([...cut.held.keys()].slice(0, 2)).toEqual(['x#0', 'x#1']);
    const document = work.write('b.md', paragraphs(40));
    const served = fakeEdge();
    await runWith(served, [document], { cutting: { by: 'edge' } });
    expect([[...served.held.keys()], served.queries]).toEqual([['b.md'], [{ chunk: 700, overlap: 525 }]]);
  });

  it('sends nothing in a dry run, and says what it would', async () => {
    work.write('docs/a.md', paragraphs(40));
    work.write('docs/b.png', Buffer.from([0, 1, 2]));
    const { code, said } = await runWith(undefined, [work.path('docs')], { json: false });
    expect(code).toBe(0);
    expect(said.join()).toMatch(
      /^2 files, 1 passed over; \d+ examples of [\d,]+ characters would go up in about 1 upload; 0 refused/,
    );
  });

  it('fails where there is nothing, or where all is refused', async () => {
    work.write('docs/b.png', Buffer.from([0, 1, 2]));
    expect(await runWith(edge, [work.path('docs')])).toMatchObject({ code: 1, notes: ['no examples were found'] });
    expect(await runWith(edge, [work.write('a.jsonl', 'nonsense\n')])).toMatchObject({
      code: 1,
      summary: { refused: 1 },
    });
  });

  it('makes a corpus with what it is to declare, and does not change one that is there', async () => {
    const path = work.write('a.csv', 'text,year\none,2024\n');
    const fields = { meta: [{ name: 'year', field: 'year' }] };
    await runWith(edge, [path], { filterable: { year: 'number' }, fields });
    expect([...edge.held.values()][0]?.metadata).toEqual({ year: 2024 });
    const { error } = await runWith(edge, [path], { filterable: { year: 'number' }, fields });
    expect(String(error)).toMatch(
      /--filterable year:number: in corpus 'c', which is there already, it is not declared/,
    );
  });
});

describe('every line', () => {
  it('is created, updated, unchanged, or refused, whatever it holds and however uploads break', async () => {
    const line = fc.oneof(
      {
        weight: 4,
        arbitrary: fc
          .record({ id: fc.constantFrom('a', 'b', 'c', 'd'), text: fc.constantFrom('x', 'y', ' ') })
          .map((one) => JSON.stringify(one)),
      },
      { weight: 4, arbitrary: fc.record({ text: fc.string({ maxLength: 8 }) }).map((one) => JSON.stringify(one)) },
      fc.string({ maxLength: 12 }).map((text) => text.replaceAll(/[\n\r]/g, '')),
      fc.constantFrom('', ' ', '{"text":', '[]', 'null', '{"text":"bad"}', '{"id":"q","text":"later"}'),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 40 }),
        fc.array(fc.nat(60), { maxLength: 4 }),
        async (lines, breaks) => {
          const own = fakeEdge();
          const broken = new Set(breaks);
          own.onLine = (answered, { text }) => {
            if (broken.delete(answered)) throw busy();
            const error = { message: 'refused', code: 'bad_field', param: 'text' };
            if (text === 'bad') return { ...error, type: 'invalid_request_error' };
            return text === 'later' && answered % 2 === 0 ? { ...error, type: 'server_error' } : undefined;
          };
          const { code, summary, emitted } = await runWith(own, [work.write('a.jsonl', lines.join('\n'))]);
          const filled = lines.filter((one) => one.trim() !== '').length;
          const { examples = 0, created = 0, updated = 0, unchanged = 0, refused = 0, left } = summary;
          const refusals = emitted.filter(({ type }) => type === 'refused');
          expect(created + updated + unchanged + refused).toBe(filled);
          expect(refusals).toHaveLength(refused);
          expect([left, updated]).toEqual([0, 0]);
          expect(new Set(refusals.map((one) => one.line)).size).toBe(refused);
          expect(created).toBe(own.held.size);
          expect(code).toBe(created === 0 ? 1 : refused > 0 ? 3 : 0);
          expect(examples).toBeGreaterThanOrEqual(created + unchanged);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('an edge that is busy', () => {
  it('is waited for, with growing pauses, and only what was not answered is sent again', async () => {
    const path = work.write('a.jsonl', rows(10));
    let failures = 0;
    edge.onLine = (answered) => {
      if (answered >= 4 && failures++ < 3) throw busy();
      return undefined;
    };
    const { code, summary, slept } = await runWith(edge, [path]);
    expect({ code, ...summary }).toMatchObject({ code: 0, created: 10 });
    expect(edge.uploads.map(({ length }) => length)).toEqual([4, 0, 0, 6]);
    expect(slept[2]).toBeGreaterThan(slept[0] ?? 0);
  });

  it('for too long ends with 75 and what is left; the same command then sends the rest alone', async () => {
    const path = work.write('a.jsonl', rows(10));
    const state = newState();
    edge.onLine = (answered) => {
      if (answered >= 4) throw busy();
      return undefined;
    };
    const first = await runWith(edge, [path], { state, patienceMs: 10_000 });
    expect({ code: first.code, ...first.summary }).toMatchObject({ code: 75, end: 'busy', created: 4, left: 6 });
    expect(first.notes.join()).toMatch(/the same command goes on from here.*took nothing for 10 s: the edge is busy/);
    edge.onLine = () => undefined;
    const sent = edge.uploads.length;
    const second = await runWith(edge, [path], { state });
    expect({ code: second.code, ...second.summary }).toMatchObject({
      code: 0,
      confirmed_before: 4,
      created: 6,
      left: 0,
    });
    expect(
      edge.uploads
        .slice(sent)
        .flat()
        .map(({ id }) => id),
    ).toEqual(['r4', 'r5', 'r6', 'r7', 'r8', 'r9']);
    expect(readdirSync(state)).toEqual([]);
  });

  it('that refuses the key is not asked again', async () => {
    const path = work.write('a.jsonl', rows(3));
    edge.onLine = () => {
      throw new SiftError({ message: 'no' }, new Response(null, { status: 401 }));
    };
    const { error, slept } = await runWith(edge, [path]);
    expect([(error as SiftError).status, slept]).toEqual([401, []]);
  });

  it('does not keep an input that never ends', async () => {
    edge.onLine = () => {
      throw new SiftError({ message: 'no' }, new Response(null, { status: 401 }));
    };
    let pushed = 0;
    const stdin = new Readable({
      read() {
        if (pushed++ === 0) this.push(rows(1_000));
      },
    });
    const { error } = await runWith(edge, ['-'], { stdin });
    expect((error as SiftError).status).toBe(401);
    expect(stdin.destroyed).toBe(true);
  });
});

describe('an interrupted ingest', () => {
  const interrupted = async (state: string, path: string, after = 1_500, total = 3_000): Promise<void> => {
    writeFileSync(path, rows(total));
    const stop = new AbortController();
    edge.onLine = (answered) => {
      if (answered === after) stop.abort();
      return undefined;
    };
    const { summary, error } = await runWith(edge, [path], { state, signal: stop.signal });
    expect([summary.end, (error as Error).name]).toEqual(['interrupted', 'AbortError']);
    edge.onLine = () => undefined;
  };
  const sentAgain = async (state: string, path: string, more: object = {}): Promise<number> => {
    const before = edge.uploads.length;
    const { code, summary } = await runWith(edge, [path], { state, ...more });
    expect({ code, left: summary.left }).toEqual({ code: 0, left: 0 });
    expect(edge.held.size).toBe(3_000);
    return edge.uploads.slice(before).flat().length;
  };

  it('sends only what was not confirmed', async () => {
    const state = newState();
    const path = work.path('a.jsonl');
    await interrupted(state, path);
    const confirmed = edge.held.size;
    expect(await sentAgain(state, path)).toBe(3_000 - confirmed);
  });

  it('keeps no key, and passes over lines that a crash or anybody else has torn', async () => {
    const state = newState();
    const path = work.path('a.jsonl');
    await interrupted(state, path);
    const confirmed = edge.held.size;
    const journal = join(state, readdirSync(state)[0] ?? '');
    const text = readFileSync(journal, 'utf8');
    expect(text).not.toContain('sk-one');
    expect(journal).not.toContain('sk-one');
    // the last line loses its end
    writeFileSync(journal, text.slice(0, -8));
    appendFileSync(journal, 'garbage from elsewhere');
    expect(await sentAgain(state, path)).toBe(3_000 - confirmed + 1);
  });

  it('begins anew with --fresh, for another key, another corpus, or a corpus that was made anew', async () => {
    for (const more of [{ resume: false }, { key: 'sk-two' }, { corpus: 'd' }, { server: 'http://other' }]) {
      edge = fakeEdge();
      const state = newState();
      const path = work.path('a.jsonl');
      await interrupted(state, path);
      expect([more, await sentAgain(state, path, more)]).toEqual([more, 3_000]);
    }
    edge = fakeEdge();
    const state = newState();
    const path = work.path('a.jsonl');
    await interrupted(state, path);
    edge.held.clear();
    edge.createdAt = '2026-11-28T00:00:00Z';
    expect(await sentAgain(state, path)).toBe(3_000);
  });

  it('sends again what somebody has deleted since, and what has changed', async () => {
    const state = newState();
    const path = work.path('a.jsonl');
    await interrupted(state, path);
    const confirmed = edge.held.size;
    edge.held.delete('r0');
    writeFileSync(path, rows(3_000).replace('text 1"', 'changed"'));
    expect(await sentAgain(state, path)).toBe(3_000 - confirmed + 2);
    expect(edge.held.get('r1')?.text).toBe('changed');
  });

  it('goes on without a journal where none can be written', async () => {
    const path = work.write('a.jsonl', rows(10));
    const { code, notes } = await runWith(edge, [path], { state: join(path, 'below a file') });
    expect([code, notes.length]).toEqual([0, 1]);
    expect(notes[0]).toMatch(/^what is done cannot be kept in .*below a file/);
  });
});

describe('--prune', () => {
  const prune = { prune: true };
  it('deletes what is no longer in these inputs, and nothing else', async () => {
    work.write('docs/a.md', paragraphs(40));
    work.write('docs/b.md', 'gone soon');
    work.write('docs/c.jsonl', rows(3));
    const long = `docs/${'deep/'.repeat(20)}d.md`;
    work.write(long, 'long gone');
    edge.held.set('other', { id: 'other', text: 'somebody else put it', source: 'elsewhere' });
    edge.held.set('docs/b.md#7', { id: 'docs/b.md#7', text: 'looks like it', source: 'docs2/b.md' });
    await runWith(edge, [work.path('docs')]);
    rmSync(work.path('docs/b.md'));
    rmSync(work.path(long));
    work.write('docs/a.md', 'short now');
    work.write('docs/c.jsonl', rows(2));
    const questions: string[] = [];
    const refusing = await runWith(edge, [work.path('docs')], {
      ...prune,
      confirm: (question) => questions.push(question) < 0,
    });
    expect(refusing.summary.deleted).toBe(0);
    const { summary } = await runWith(edge, [work.path('docs')], prune);
    expect(questions[0]).toBe(`delete ${summary.deleted} examples of 'c' that are no longer in the input?`);
    expect([...edge.held.keys()].sort()).toEqual(['docs/a.md#0', 'docs/b.md#7', 'other', 'r0', 'r1']);
  });

  it('keeps the examples of a file that could not be read this time', async () => {
    work.write('docs/a.csv', 'text\none\ntwo\n');
    work.write('docs/b.md', 'b');
    await runWith(edge, [work.path('docs')]);
    const before = [...edge.held.keys()];
    work.write('docs/a.csv', 'text\none\n"two\n');
    const { notes } = await runWith(edge, [work.path('docs')], prune);
    expect([...edge.held.keys()]).toEqual(before);
    expect(notes).toContain('1 examples are kept: something of their input was refused');
  });

  it('deletes nothing where the input holds nothing at all', async () => {
    work.write('docs/a.md', 'a');
    await runWith(edge, [work.path('docs')]);
    rmSync(work.path('docs/a.md'));
    expect(await runWith(edge, [work.path('docs')], prune)).toMatchObject({ code: 1 });
    expect(edge.held.size).toBe(1);
  });
});

describe('a set of digests', () => {
  it('holds what was put in, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 })),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        (digests, other) => {
          const set = digestSet();
          const first = (one: Uint8Array): string => Buffer.from(one.subarray(0, 8)).toString('hex');
          const model = new Set<string>();
          for (const one of digests) {
            expect(set.add(one)).toBe(!model.has(first(one)));
            model.add(first(one));
          }
          expect(set.size).toBe(model.size);
          expect(set.has(other)).toBe(model.has(first(other)));
        },
      ),
    );
  });

  it('grows', () => {
    const set = digestSet();
    const digest = (i: number): Uint8Array => Buffer.from(String(i).padStart(8, '0'));
    for (let i = 0; i < 10_000; i++) set.add(digest(i));
    expect([set.size, set.has(digest(9_999)), set.has(digest(10_000))]).toEqual([10_000, true, false]);
  });
});

describe('the end of an ingest', () => {
  /** Rows without end; `read` counts them. */
  const endless = () => {
    const counted = { read: 0 };
    async function* rowsForever() {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve));
        yield Buffer.from(`{"id":"r${counted.read}","text":"text"}\n`);
        counted.read += 1;
      }
    }
    return { counted, stdin: Readable.from(rowsForever()) };
  };
  const later = () => new Promise((resolve) => setTimeout(resolve, 50));

  it('comes when it is told to stop in a dry run', async () => {
    const { counted, stdin } = endless();
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    const { error, summary } = await runWith(undefined, ['-'], { stdin, signal: stop.signal });
    expect({ error, end: summary.end }).toEqual({ error: stop.signal.reason, end: 'interrupted' });
    const read = counted.read;
    await later();
    expect(counted.read).toBeLessThanOrEqual(read + 1);
  });

  it('ends the reading and the progress line, whatever it ended by', async () => {
    for (const failure of [new SiftError({ message: 'no' }, new Response(null, { status: 403 })), 'stop'] as const) {
      const path = work.write('big.jsonl', `${'{"id":7}\n'.repeat(400_000)}`);
      const stop = new AbortController();
      edge.onLine = () => {
        if (failure !== 'stop') throw failure;
        stop.abort();
        return undefined;
      };
      const drawn: string[] = [];
      const told = { signal: stop.signal, draw: (text: string) => void drawn.push(text), json: true };
      const first = work.write('first.jsonl', rows(1_000));
      const { error, emitted } = await runWith(edge, [first, path], told);
      expect(error).toBe(failure === 'stop' ? stop.signal.reason : failure);
      const [refused, lines] = [emitted.length, drawn.length];
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect([emitted.length, drawn.length]).toEqual([refused, lines]);
    }
  });
});

describe('patience', () => {
  it('is for every request: the first look, the listing of what is there, and the deletes', async () => {
    const state = newState();
    const path = work.write('a.jsonl', rows(10));
    let times = 0;
    const failing = <Args extends unknown[], Answer>(ask: (...args: Args) => Answer, most: number) => {
      let failures = 0;
      return (...args: Args): Answer => {
        if (failures++ < most) {
          times += 1;
          throw busy();
        }
        return ask(...args);
      };
    };
    edge.corpus = failing(edge.corpus, 3) as typeof edge.corpus;
    expect((await runWith(edge, [path], { state })).code).toBe(0);
    const { examples } = edge;
    let listings = 0;
    edge.examples = async function* (...args) {
      // breaks off in the middle, twice
      let given = 0;
      for await (const entry of examples(...args)) {
        if (given++ === 4 && listings++ < 2) throw busy();
        yield entry;
      }
    };
    edge.deleteExample = failing(edge.deleteExample, 2) as typeof edge.deleteExample;
    work.write('a.jsonl', rows(3));
    const pruned = await runWith(edge, [path], { state, prune: true });
    expect({ code: pruned.code, deleted: pruned.summary.deleted }).toEqual({ code: 0, deleted: 7 });
    expect(times).toBe(5);
  });

  it('ends with a summary and 75 where the edge was away from the beginning, and says beforehand what it waits for', async () => {
    edge.corpus = () => Promise.reject(new SiftError({ message: 'http://edge/ cannot be reached' }));
    const away = await runWith(edge, [work.write('a.jsonl', rows(10))], { patienceMs: 10_000 });
    expect({ code: away.code, end: away.summary.end }).toEqual({ code: 75, end: 'busy' });
    expect(away.notes).toEqual([
      'waiting for the edge: http://edge/ cannot be reached',
      'the edge took nothing for 10 s: http://edge/ cannot be reached',
    ]);
  });
});
