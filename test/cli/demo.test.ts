// What the demonstration draws, leaves out and says, without an edge.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeLeftOut } from '../../cli/describe.ts';
import { drawDocuments, withoutSources } from '../../cli/draw.ts';
import { tInterval } from '../../cli/interval.ts';
import { choosePrompts, readPromptFile } from '../../cli/prompt.ts';
import { ownCorpus } from '../../corpus/documents.ts';
import { seededRandom } from '../../wire/random.ts';

/** Text that is like no other of another seed. */
const text = (seed: number, words = 300): string => {
  const random = seededRandom(seed);
  return Array.from(
    { length: words },
    (_, i) => `${Math.floor(random() * 1e9).toString(36)}${i % 12 === 11 ? '\n' : ' '}`,
  ).join('');
};
const documents = Array.from({ length: 60 }, (_, i) => ({
  path: `package-${i % 12}/${i % 2 === 0 ? 'README' : 'index'}-${i}.${i % 2 === 0 ? 'md' : 'd.ts'}`,
  text: text(i),
}));

describe('the drawn documents', () => {
  it('are five of different packages and of both types, the same every time, in whatever order they come', () => {
    const drawn = drawDocuments(documents).documents.map(({ path }) => path);
    expect(drawn.length).toBe(5);
    expect(new Set(drawn.map((path) => path.split('/')[0])).size).toBe(5);
    expect(new Set(drawn.map((path) => path.split('.').at(-1))).size).toBe(2);
    expect(drawDocuments(documents.toReversed()).documents.map(({ path }) => path)).toEqual(drawn);
    expect(drawDocuments(documents, 5, 2).documents.map(({ path }) => path)).not.toEqual(drawn);
  });

  it('are left out with their near copies', () => {
    const first = drawDocuments(documents).documents[0];
    const copy = { path: 'elsewhere/copy.md', text: `${first?.text}\nand a line more` };
    const { documents: drawn, leftOut } = drawDocuments([...documents, copy]);
    for (const { path } of drawn) expect(leftOut).toContain(path);
    const hasFirst = drawn.some(({ path }) => path === first?.path || path === copy.path);
    expect(leftOut.includes(copy.path)).toBe(hasFirst);
    expect(leftOut.includes(first?.path ?? '')).toBe(hasFirst);
  });

  it('are fewer in a small corpus, which keeps most of itself', () => {
    expect(drawDocuments(documents.slice(0, 9)).documents.length).toBe(2);
    expect(drawDocuments(documents.slice(0, 2)).documents.length).toBe(1);
  });

  it('fit into a filter, however long their names and many their copies', () => {
    const long = documents.map((document) => ({
      ...document,
      path: `${'very-long-directory/'.repeat(30)}${document.path}`,
    }));
    const { documents: drawn, leftOut } = drawDocuments(long);
    expect(drawn.length).toBeGreaterThan(0);
    expect(JSON.stringify(withoutSources(leftOut).filter).length).toBeLessThan(2_048);
    const copied = Array.from({ length: 100 }, (_, i) => ({ path: `copy-of-a-page-${i}.md`, text: text(1) }));
    expect(drawDocuments([...copied, ...documents]).leftOut.some((path) => path.startsWith('copy'))).toBe(false);
  });
});

describe('a prompt file', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sift-prompt-'));
    await mkdir(join(root, 'docs'));
    for (let i = 0; i < 4; i++) await writeFile(join(root, 'docs', `${i}.md`), text(i));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const chosen = async (path: string) => {
    const gathered = await ownCorpus(join(root, 'docs'));
    const promptFile = join(root, path);
    const file = await readPromptFile(promptFile);
    const prompts = await choosePrompts({ file }, gathered.documents, join(root, 'docs'));
    return { leftOut: prompts.leftOut, said: describeLeftOut({ promptFile }, prompts).join('\n') };
  };

  it('that is in the corpus is left out of the selection and said to be in it: by its path, a link, a copy', async () => {
    const inside = { leftOut: ['2.md'], said: expect.stringContaining('is in the corpus (2.md): left out') };
    expect(await chosen('docs/2.md')).toEqual(inside);
    await symlink('docs/2.md', join(root, 'link.md'));
    expect(await chosen('link.md')).toEqual(inside);
    await writeFile(join(root, 'copy.md'), `${text(2)} and a little more`);
    expect(await chosen('copy.md')).toEqual(inside);
  });

  it('that is not in the corpus leaves nothing out, and nothing is said', async () => {
    await writeFile(join(root, 'other.md'), text(77));
    expect(await chosen('other.md')).toEqual({ leftOut: [], said: '' });
  });

  it('that cannot be read as text is refused', async () => {
    await writeFile(join(root, 'binary'), new Uint8Array(64));
    await expect(chosen('binary')).rejects.toThrow('binary cannot be read: it is binary');
    await writeFile(join(root, 'blank'), ' \n');
    await expect(chosen('blank')).rejects.toThrow('blank is empty');
    await writeFile(join(root, 'short'), 'x');
    await expect(chosen('short')).rejects.toThrow('too short to be cut');
  });
});

describe('the figures', () => {
  it('the interval of paired differences is Student’s', () => {
    // R: t.test(c(-0.2, -0.1, 0, 0.1, -0.3))
    const found = tInterval([-0.2, -0.1, 0, 0.1, -0.3]);
    expect(found?.mean).toBeCloseTo(-0.1, 12);
    expect(found?.low).toBeCloseTo(-0.2963, 3);
    expect(found?.high).toBeCloseTo(0.0963, 3);
    expect(tInterval([1])).toBeUndefined();
  });
});
