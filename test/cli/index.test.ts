// What indexing does to a corpus, against an edge of plain objects: it puts in what is missing, takes out what it put in
// itself and has gone, and never touches what a caller uploaded.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { indexCorpus } from '../../cli/index.ts';
import type { SiftClient } from '../../client/index.ts';
import type { Document } from '../../corpus/documents.ts';

interface FakeEdge extends Pick<SiftClient, 'ingest' | 'examples' | 'deleteExample'> {
  readonly corpus: Map<string, string>;
  /** Ids sent and ids deleted, in order. */
  sent: string[];
  deleted: string[];
  /** Throws once so many lines of an upload were answered. */
  breakAfter: number;
}

const fakeEdge = (): FakeEdge => {
  const corpus = new Map<string, string>();
  const edge: FakeEdge = {
    corpus,
    sent: [],
    deleted: [],
    breakAfter: Number.POSITIVE_INFINITY,
    async ingest(_, examples, { onResult, onProgress } = {}) {
      const counts = { done: 0, created: 0, updated: 0, unchanged: 0, errors: 0 };
      for await (const example of examples) {
        if (counts.done >= edge.breakAfter) throw new Error('the connection broke');
        const { id = '', text = '' } = example as { id?: string; text?: string };
        const line = ++counts.done;
        edge.sent.push(id);
        if (text.includes('BAD')) {
          const error = { message: 'no known tokens', type: 'invalid_request_error', code: 'bad_field', param: 'text' };
          onResult?.({ line, id, status: 'error', error }, example);
        } else {
          corpus.set(id, text);
          onResult?.({ line, id, status: 'created' }, example);
        }
      }
      await onProgress?.(counts);
      return counts;
    },
    async *examples() {
      for (const id of corpus.keys()) yield { object: 'example', id, hash: 'h', bytes: 1, stripe: 0, long: false };
    },
    deleteExample: async (_, id) => {
      edge.deleted.push(id);
      corpus.delete(id);
    },
  };
  return edge;
};

let state: string;
let edge: FakeEdge;
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'sift-index-'));
  edge = fakeEdge();
});
afterEach(() => rm(state, { recursive: true, force: true }));

const embedder = { directory: '/', dimensions: 2, fingerprint: 'one' };
const documents = (...texts: readonly [path: string, text: string][]): Document[] =>
  texts.map(([path, text]) => ({ path, text }));
const TEA = documents(['tea.md', 'how to brew tea'], ['mate.md', 'how to brew mate']);
const index = (of: readonly Document[], with_ = embedder) => {
  edge.sent = [];
  edge.deleted = [];
  return indexCorpus(edge, with_, state, 'c', of);
};

it('sends every example once, and nothing when nothing has changed', async () => {
  expect(await index(TEA)).toEqual({ examples: 2, sent: 2, deleted: 0, refused: [] });
  expect(await index(TEA)).toEqual({ examples: 2, sent: 0, deleted: 0, refused: [] });
  expect(edge.sent).toEqual([]);
});

it('sends what has changed, and deletes what has gone', async () => {
  await index(TEA);
  const changed = documents(['tea.md', 'how to steep tea'], ['cocoa.md', 'how to stir cocoa']);
  expect(await index(changed)).toEqual({ examples: 2, sent: 2, deleted: 1, refused: [] });
  expect(edge.deleted).toEqual(['mate.md#0']);
  expect([...edge.corpus.keys()].sort()).toEqual(['cocoa.md#0', 'tea.md#0']);
});

it('never deletes what a caller uploaded', async () => {
  edge.corpus.set('mine', 'uploaded before');
  await index(TEA);
  edge.corpus.set('also mine', 'uploaded later');
  await index(documents(['other.md', 'something else']));
  expect([...edge.corpus.keys()].sort()).toEqual(['also mine', 'mine', 'other.md#0']);
});

describe('a state that does not fit the corpus is noticed:', () => {
  it('the corpus is gone', async () => {
    await index(TEA);
    edge.corpus.clear();
    expect(await index(TEA)).toMatchObject({ sent: 2 });
  });

  it('some examples were deleted, and as many others uploaded', async () => {
    await index(TEA);
    edge.corpus.delete('tea.md#0');
    edge.corpus.set('mine', 'of the same count');
    expect(await index(TEA)).toMatchObject({ sent: 1 });
    expect(edge.sent).toEqual(['tea.md#0']);
  });

  it('the record is damaged or gone', async () => {
    await index(TEA);
    await writeFile(join(state, 'indexed-c.json'), '{"examples":');
    expect(await index(TEA)).toMatchObject({ sent: 2, deleted: 0 });
    await rm(join(state, 'indexed-c.json'));
    expect(await index(TEA)).toMatchObject({ sent: 2, deleted: 0 });
  });

  it('the embedder is another', async () => {
    await index(TEA);
    expect(await index(TEA, { ...embedder, fingerprint: 'two' })).toMatchObject({ sent: 2 });
  });

  it('an upload broke off: what went up is known as its own, and goes when its document does', async () => {
    edge.breakAfter = 1;
    await expect(index(TEA)).rejects.toThrow('the connection broke');
    edge.breakAfter = Number.POSITIVE_INFINITY;
    expect(await index(documents(['mate.md', 'how to brew mate']))).toMatchObject({ sent: 1, deleted: 1 });
    expect([...edge.corpus.keys()]).toEqual(['mate.md#0']);
  });
});

it('goes on past a refused example, and names it with the reason', async () => {
  const some = documents(['bad.md', 'BAD'], ['tea.md', 'how to brew tea']);
  const refused = [{ name: 'bad.md#0', reason: 'no known tokens' }];
  expect(await index(some)).toEqual({ examples: 1, sent: 2, deleted: 0, refused });
  expect([...edge.corpus.keys()]).toEqual(['tea.md#0']);
  // it is tried and named again at the next start
  expect(await index(some)).toEqual({ examples: 1, sent: 1, deleted: 0, refused });
});
