// Every relative link of every Markdown file leads to a file that is there, and to a heading that it has; and the path through
// docs/ holds every page once.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { pages } from '../../site/manual/path.ts';
import { anchorsOf, linksOf } from './links.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What is not of the repository: packages, and what builds, tests and Python write. */
const ELSEWHERE = /^(node_modules|build|dist|coverage|\..+|.*\.egg-info|results)$/;

const markdownBelow = (directory: string): string[] =>
  readdirSync(join(ROOT, directory), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(directory, entry.name);
    if (entry.isDirectory()) return ELSEWHERE.test(entry.name) ? [] : markdownBelow(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
/** Parts of pages of docs/study/, whose links they have. */
const PART = /^eval\/[\w-]*findings\.md$/;
const files = markdownBelow('.').filter((file) => !PART.test(file));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const anchors = new Map<string, Set<string>>();
const anchorsIn = (path: string): Set<string> => {
  const known = anchors.get(path) ?? new Set(anchorsOf(read(path)));
  anchors.set(path, known);
  return known;
};

/** What is wrong with a link of a file; undefined: nothing. */
const faultOf = (file: string, link: string): string | undefined => {
  if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return undefined;
  const [path = '', anchor] = link.split('#');
  if (path.startsWith('/')) return `${file}: ${link} is no file of the repository`;
  const target = path === '' ? file : posix.normalize(posix.join(posix.dirname(file), decodeURIComponent(path)));
  if (target.startsWith('..') || !existsSync(join(ROOT, target))) return `${file}: ${link} is not there`;
  if (anchor === undefined) return undefined;
  if (!target.endsWith('.md') || statSync(join(ROOT, target)).isDirectory()) return `${file}: ${link} has no headings`;
  return anchorsIn(target).has(anchor) ? undefined : `${file}: ${link}: no such heading`;
};

describe('links', () => {
  it('are found', () => {
    const markdown = '[a](b.md#c) ![d](e.svg "f") `[g](h)` <a href="i.md">j</a>\n```sh\n[k](l)\n```\n[m]: n.md\n';
    expect(linksOf(markdown)).toEqual(['b.md#c', 'e.svg', 'n.md', 'i.md']);
    expect(files.length).toBeGreaterThan(30);
    expect(files.flatMap((file) => linksOf(read(file))).length).toBeGreaterThan(150);
  });

  it('to headings are those that GitHub makes', () => {
    const markdown = '# What it: computes\n## `a_b` and [c](d.md)\n```\n# no\n```\n## Größe, 2×\n## Größe, 2×\n';
    expect(anchorsOf(markdown)).toEqual(['what-it-computes', 'a_b-and-c', 'größe-2', 'größe-2-1']);
  });

  it.each(files)('of %s lead somewhere', (file) => {
    const faults = linksOf(read(file)).flatMap((link) => faultOf(file, link) ?? []);
    expect(faults).toEqual([]);
  });
});

describe('the path through docs/', () => {
  const found = files
    .filter((file) => file.startsWith('docs/'))
    .map((file) => file.slice('docs/'.length, -'.md'.length));

  it('holds every page once, and none that is not there', () => {
    expect(pages.map(({ link }) => (link === '/' ? 'index' : link.slice(1))).sort()).toEqual([...found].sort());
  });

  it('is told in words by docs/index.md', () => {
    const told = new Set(linksOf(read('docs/index.md')).map((link) => link.replace(/(\.md)?(#.*)?$/, '')));
    expect(pages.filter(({ link }) => link !== '/' && !told.has(link.slice(1))).map(({ link }) => link)).toEqual([]);
  });

  it('has a title as the first line of every page', () => {
    expect(found.filter((page) => !/^# \S/.test(read(`docs/${page}.md`)))).toEqual([]);
  });
});
