// A user's directory as it may be: with links that break, loop or lead away, with FIFOs and sockets, unreadable files,
// and files that go away meanwhile. Nothing of it hangs or ends the reading, and all of it is named.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownCorpus } from '../../corpus/documents.ts';
import { findFiles, readFound } from '../../corpus/files.ts';
import { summary } from '../../corpus/notes.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sift-corpus-'));
  await mkdir(join(root, 'docs'));
  await writeFile(join(root, 'docs', 'a.md'), 'text of a');
});
afterEach(() => rm(root, { recursive: true, force: true }));
const docs = (name: string): string => join(root, 'docs', name);

/** What ownCorpus took, and why it passed over the rest. */
const gathered = async () => {
  const { documents, notes } = await ownCorpus(join(root, 'docs'));
  return {
    taken: documents.map(({ path }) => path),
    notes: Object.fromEntries(notes.map(({ path, reason }) => [path, reason])),
  };
};

describe('links', () => {
  it('that are broken, loop, lead out, or lead to a directory are passed over; one to a file inside is followed', async () => {
    await writeFile(join(root, 'secret.md'), 'not of the corpus');
    await mkdir(docs('sub'));
    await writeFile(docs('sub/b.md'), 'text of b');
    await symlink('/nonexistent', docs('broken.txt'));
    await symlink('loop.txt', docs('loop.txt'));
    await symlink('../secret.md', docs('out.md'));
    await symlink('/dev/zero', docs('zero.md'));
    await symlink('/proc/self/environ', docs('environ.md'));
    await symlink('..', docs('up'));
    await symlink('sub', docs('linked'));
    await symlink('a.md/nothing', docs('under-a-file.md'));
    await symlink('sub/b.md', docs('inside.md'));
    const { taken, notes } = await gathered();
    // the link comes first in the order of names, and its text counts once
    expect(taken).toEqual(['a.md', 'inside.md']);
    expect(notes).toEqual({
      'broken.txt': 'a broken link',
      'loop.txt': 'a broken link',
      'under-a-file.md': 'a broken link',
      'out.md': 'a link out of the directory',
      'zero.md': 'a link out of the directory',
      'environ.md': 'a link out of the directory',
      up: 'a link out of the directory',
      linked: 'a linked directory',
      'sub/b.md': 'the same text as another file',
    });
  });

  it('are no matter for the directory itself', async () => {
    await symlink('docs', join(root, 'also'));
    const { documents, notes } = await ownCorpus(join(root, 'also'));
    expect([documents.map(({ path }) => path), notes]).toEqual([['a.md'], []]);
  });
});

it('FIFOs and sockets are passed over without waiting, also one that took a file’s place', async () => {
  const server = createServer().listen(docs('socket'));
  await once(server, 'listening');
  await promisify(execFile)('mkfifo', [docs('fifo.md'), docs('fifo-linked.md')]);
  await symlink('fifo-linked.md', docs('link-to-fifo.md'));
  const { taken, notes } = await gathered();
  expect(taken).toEqual(['a.md']);
  const reason = 'neither a file nor a directory';
  expect(notes).toEqual({ socket: reason, 'fifo.md': reason, 'fifo-linked.md': reason, 'link-to-fifo.md': reason });
  // between finding and reading
  const { files } = await findFiles(join(root, 'docs'), new Set());
  await rename(docs('fifo.md'), docs('a.md'));
  expect(await readFound(files[0] ?? { path: '', real: '' }, 100)).toEqual({ path: 'a.md', reason, taken: false });
  server.close();
});

it('a file that is gone, or has become a link, when it is read is named', async () => {
  await writeFile(docs('b.md'), 'text of b');
  const { files } = await findFiles(join(root, 'docs'), new Set());
  await rm(docs('a.md'));
  await rm(docs('b.md'));
  await symlink('/etc/hostname', docs('b.md'));
  const [a, b] = await Promise.all(files.map((file) => readFound(file, 100)));
  expect(a).toMatchObject({ path: 'a.md', reason: 'gone while it was read' });
  expect(b).toMatchObject({ path: 'b.md', reason: expect.stringContaining('cannot be read') });
});

it('a file that is too large is named and not read, sparse or of an unsaid size', async () => {
  await writeFile(docs('big.md'), 'x');
  await truncate(docs('big.md'), 5_000_000_000);
  expect((await gathered()).notes).toEqual({ 'big.md': 'larger than 20 MB' });
  const endless = { path: 'x', real: '/proc/self/maps' };
  if (process.platform === 'linux')
    expect(await readFound(endless, 100)).toMatchObject({ reason: 'larger than 0.0001 MB' });
});

it('names are taken as they are; one that is not UTF-8 is said', async () => {
  await writeFile(Buffer.concat([Buffer.from(docs('caf')), Buffer.from([0xe9]), Buffer.from('.md')]), 'text');
  await writeFile(docs('line\nbreak.md'), 'other text');
  const { taken, notes } = await gathered();
  expect(taken).toEqual(['a.md', 'line\nbreak.md']);
  expect(notes).toEqual({ 'caf\ufffd.md': 'a name that is not UTF-8' });
});

it('what may not be read is named, and the rest is read', async () => {
  await mkdir(docs('locked'));
  await writeFile(docs('locked/inside.md'), 'text');
  await writeFile(docs('unreadable.md'), 'text');
  await Promise.all([chmod(docs('locked'), 0), chmod(docs('unreadable.md'), 0), chmod(root, 0o755)]);
  const script = `import(${JSON.stringify(new URL('../../corpus/documents.ts', import.meta.url).href)}).then(async ({ ownCorpus }) => {
    const { documents, notes } = await ownCorpus(${JSON.stringify(join(root, 'docs'))});
    console.log(JSON.stringify([documents.map(({ path }) => path), notes.map(({ path, reason }) => [path, reason])]));
  });`;
  // root may read everything, so that another user must ask
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const child = spawn(process.execPath, ['-e', script], { ...nobody, stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await once(child.stdout, 'data');
  await chmod(docs('locked'), 0o755);
  expect(JSON.parse(String(said))).toEqual([
    ['a.md'],
    [
      ['locked', 'no permission to read it'],
      ['unreadable.md', 'no permission to read it'],
    ],
  ]);
});

it('other encodings are read and named; the directory must be one, and hold text', async () => {
  await writeFile(docs('latin1.txt'), Buffer.from('na\xefve caf\xe9', 'latin1'));
  await writeFile(docs('picture.png'), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0]));
  await writeFile(docs('empty.md'), '');
  const { taken, notes } = await gathered();
  expect(taken).toEqual(['a.md', 'latin1.txt']);
  expect(notes).toEqual({ 'latin1.txt': 'read as Windows-1252', 'picture.png': 'binary', 'empty.md': 'empty' });
  await expect(ownCorpus(docs('a.md'))).rejects.toThrow('is a file, it must be a directory');
  await expect(ownCorpus(docs('nothing'))).rejects.toThrow('cannot be read: ENOENT');
  await Promise.all(['a.md', 'latin1.txt'].map((name) => rm(docs(name))));
  await expect(ownCorpus(join(root, 'docs'))).rejects.toThrow('holds no text (2 files looked at: empty, binary)');
  expect((await readFile(docs('picture.png'))).length).toBe(6);
});

describe('the summary', () => {
  const named = [...'abcde'].map((name) => ({ name: `${name}.png`, reason: 'binary' }));
  const what = ['file passed over', 'files passed over'] as const;
  it('has a line for each reason, with three names at most', () => {
    expect(summary([{ name: 'x', reason: 'empty' }, ...named], what, false)).toEqual([
      '5 files passed over: binary (a.png, b.png, c.png and 2 more)',
      '1 file passed over: empty (x)',
    ]);
    expect(summary([], what, false)).toEqual([]);
  });
  it('has every name when all are asked for, each on one line', () => {
    expect(summary([...named.slice(0, 1), { name: 'b\n', reason: 'binary' }], what, true)).toEqual([
      '2 files passed over: binary',
      '    a.png',
      '    "b\\n"',
    ]);
  });
});
