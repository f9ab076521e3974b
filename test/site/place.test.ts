// Files are put where they are served while other Workers start there: what is right is not touched, and nothing is half there.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { filesIn, place } from '../../site/place.ts';

let root: string;
let site: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sift-place-'));
  site = join(root, 'site');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const all = (): string[] =>
  readdirSync(site, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(site.length + 1))
    .sort();

it('makes the directory hold these files and no others', async () => {
  mkdirSync(join(site, 'old'), { recursive: true });
  writeFileSync(join(site, 'old/page.html'), 'of an earlier build');
  await place(
    site,
    new Map([
      ['index.html', bytes('one')],
      ['docs/deep/page.html', bytes('two')],
      ['empty', bytes('')],
    ]),
  );
  expect(all()).toEqual(['docs/deep/page.html', 'empty', 'index.html']);
  expect(readFileSync(join(site, 'docs/deep/page.html'), 'utf8')).toBe('two');
  expect([...(await filesIn(site)).keys()].sort()).toEqual(all());
  // nothing is left beside it
  expect(readdirSync(root)).toEqual(['site']);
});

it('touches what has changed alone, and replaces that in one step', async () => {
  await place(
    site,
    new Map([
      ['same', bytes('a')],
      ['other', bytes('b')],
    ]),
  );
  const then = new Date('2026-01-01');
  for (const name of ['same', 'other']) utimesSync(join(site, name), then, then);
  const node = statSync(join(site, 'other')).ino;
  await place(
    site,
    new Map([
      ['same', bytes('a')],
      ['other', bytes('c')],
    ]),
  );
  expect(statSync(join(site, 'same')).mtime).toEqual(then);
  // another file under its name, so that whoever has it open reads the whole of one of them
  expect(statSync(join(site, 'other')).ino).not.toBe(node);
  expect(readFileSync(join(site, 'other'), 'utf8')).toBe('c');
});
