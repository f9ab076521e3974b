// What a document of the study is, which text is worth reading, and how much of a package and of a domain is taken. Left
// out: what is binary, minified or generated. packages.ts, lines.ts and folders.ts read documents from disk.
import { createHash } from 'node:crypto';
import { at } from '../../wire/list.ts';

/** A document: its domain is what prompts are drawn and averaged by, its group the package it was published with. */
export interface Source {
  readonly domain: string;
  /** What it was published with; siblings share it. */
  readonly group: string;
  readonly path: string;
  readonly text: string;
  /** Another form of a file of its package (CommonJS beside ESM): in the corpus only where a selection asks for forms. */
  readonly form?: boolean;
}

/** Characters: a shorter document is not worth a chunk, a longer one is a bundle. */
const LEAST = 200;
const MOST = 200_000;
/** Longer lines, or lines that are long on average, are minified code or data. */
const LONG_LINE = 2_000;
const LONG_MEAN_LINE = 160;

export const isReadable = (text: string): boolean => {
  if (text.length < LEAST || text.length > MOST || text.includes('\0')) return false;
  const lines = text.split('\n');
  return text.length / lines.length <= LONG_MEAN_LINE && lines.every(({ length }) => length <= LONG_LINE);
};

/** Keeps the order, and of each package and domain as many characters as fit, so that no package drowns the others. */
export const withinPackages = (sources: readonly Source[], most: number): Source[] => {
  const taken = new Map<string, number>();
  return sources.filter(({ domain, group, text, form }) => {
    const key = `${domain}\n${group}\n${form}`;
    const size = (taken.get(key) ?? 0) + text.length;
    if (size > most) return false;
    taken.set(key, size);
    return true;
  });
};

/** Characters of a domain: about a minute of embedding. */
const MOST_OF_DOMAIN = 2_500_000;

/** Whole packages, in the order of their names' hashes, while their domain has room; siblings stay together. */
export const withinDomains = (sources: readonly Source[], most = MOST_OF_DOMAIN): Source[] => {
  const sizes = new Map<string, number>();
  const packages = [...Map.groupBy(sources, ({ domain, group, form }) => `${group}\n${domain}\n${form ?? ''}`)];
  const mark = (name: string): string => createHash('sha256').update(name).digest('hex');
  const kept = packages
    .map(([name, members]) => ({ mark: mark(name), members }))
    .sort((a, b) => (a.mark < b.mark ? -1 : 1))
    .flatMap(({ members }) => {
      const { domain, form } = at(members, 0);
      const key = `${domain}\n${form ?? ''}`;
      const size = (sizes.get(key) ?? 0) + members.reduce((sum, { text }) => sum + text.length, 0);
      if (size > most) return [];
      sizes.set(key, size);
      return members;
    });
  const chosen = new Set(kept);
  return sources.filter((source) => chosen.has(source));
};
