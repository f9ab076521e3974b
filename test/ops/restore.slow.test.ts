// Backup and restore of a corpus as docs/operate.md describes them: an export, uploaded again under another name, selects the same
// examples in the same order, with the same gains.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Edge, startEdge } from '../edge/harness.ts';
import { read } from './dockerfile.ts';

let edge: Edge;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge.close());

const TOPICS = ['routers', 'streams', 'workers', 'tokens', 'gradients', 'indexes', 'queues', 'metrics'];
const lines = TOPICS.flatMap((topic, i) =>
  Array.from({ length: 5 }, (_, j) => ({
    id: `${topic}-${j}`,
    text: `About ${topic}, part ${j}: ${TOPICS.slice(i, i + j).join(' and ')} belong together in ${'many '.repeat(j)}ways.`,
    source: `${topic}.md`,
    metadata: { lang: j % 2 === 0 ? 'en' : 'de' },
  })),
);
const PROMPTS = ['How do I stream a response from a worker?', 'Which metrics tell of a full queue?'];

const stored = async (corpus: string, query: string): Promise<string> => {
  const response = await edge.send(`/v1/corpora/${corpus}/examples${query}`, {
    headers: { accept: 'application/x-ndjson' },
  });
  expect(response.status).toBe(200);
  return response.text();
};
const selected = async (corpus: string, input: string, more: object = {}) => {
  const response = await edge.send('/v1/select', { method: 'POST', body: { corpus, input, n: 8, ...more } });
  if (response.status !== 200) throw new Error(await response.text());
  return ((await response.json()) as { picks: unknown[] }).picks;
};

describe('a restored corpus', () => {
  it.each([
    ['with its vectors', '?text=1&vectors=1'],
    ['by its texts alone, embedded again', '?text=1'],
  ])('%s selects the same as before', async (_, query) => {
    const [before, after] = [`backup${query.length}`, `restored${query.length}`];
    await edge.upload(
      before,
      lines.map((line) => JSON.stringify(line)),
    );
    await edge.vectorize('flush');
    const backup = (await stored(before, query)).trimEnd().split('\n');
    expect(backup.length).toBe(lines.length);
    const results = await edge.upload(after, backup);
    expect(results.filter(({ status }) => status !== 'created')).toEqual([]);
    await edge.vectorize('flush');
    for (const input of PROMPTS) {
      const wanted = await selected(before, input);
      expect(wanted).toHaveLength(8);
      expect(await selected(after, input)).toEqual(wanted);
      const filter = { filter: { 'meta.lang': 'de' } };
      expect(await selected(after, input, filter)).toEqual(await selected(before, input, filter));
    }
    expect(await stored(after, query)).toBe(await stored(before, query));
  });

  it('is what docs/operate.md asks for', () => {
    expect(read('docs/operate.md').includes('examples?text=1&vectors=1')).toBe(true);
  });
});
