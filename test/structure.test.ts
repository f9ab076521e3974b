// The structure as imports show it: they run one way between the rooms, and in no circle between files.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** What each top-level room may import from, beside itself. Tests, benches and the study may import anything. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  assembly: [],
  wire: [],
  tokenizer: ['wire'],
  functions: ['wire', 'tokenizer', 'assembly', 'build', 'models', 'corpus'],
  gateway: ['wire', 'tokenizer', 'build'],
  site: ['wire', 'client'],
  corpus: ['wire'],
  client: ['wire'],
  lib: ['wire', 'assembly', 'functions', 'build'],
  local: ['wire', 'assembly', 'functions', 'gateway', 'client', 'site'],
  cli: ['wire', 'assembly', 'gateway', 'client', 'corpus', 'local'],
};

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"](\.[^'"]+)['"]|\bimport\(\s*['"](\.[^'"]+)['"]\)|new URL\(\s*['"](\.[^'"]+)['"]/g;

const filesBelow = (directory: string): string[] =>
  readdirSync(join(ROOT, directory), { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return ['golden', 'node_modules'].includes(entry.name) ? [] : filesBelow(path);
    return /\.(tsx?|mjs)$/.test(entry.name) ? [path] : [];
  });

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const importsOf = (file: string): Import[] =>
  Array.from(readFileSync(join(ROOT, file), 'utf8').matchAll(IMPORT), (match) => {
    const target = match[1] ?? match[2] ?? match[3] ?? '';
    const path = relative(ROOT, join(ROOT, dirname(file), target));
    const to = file.startsWith('assembly') && !path.endsWith('.ts') ? `${path}.ts` : path;
    return { from: file, to, typeOnly: /^\s*(import|export)\s+type\b/.test(match[0]) };
  });

const room = (path: string): string => path.split('/')[0] ?? '';
const rooms = Object.keys(ALLOWED);
const all = rooms.flatMap(filesBelow).flatMap(importsOf);

describe('imports', () => {
  it('are found at all', () => {
    expect(all.length).toBeGreaterThan(300);
    expect(all.filter(({ to }) => !to.startsWith('build') && !existsSync(join(ROOT, to)))).toEqual([]);
  });

  it.each(rooms)('of %s run one way only', (name) => {
    const back = all.filter(
      ({ from, to }) => room(from) === name && room(to) !== name && !ALLOWED[name]?.includes(room(to)),
    );
    expect(back.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  it('of the Worker never reach a file for Node alone', () => {
    const back = all.filter(({ from, to }) => /^functions\/.*(?<!\.node)\.ts$/.test(from) && to.endsWith('.node.ts'));
    expect(back.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  it('of the Worker take from corpus/ what knows no file system', () => {
    const taken = all.filter(({ from, to }) => room(from) === 'functions' && room(to) === 'corpus').map(({ to }) => to);
    expect([...new Set(taken)].sort()).toEqual(['corpus/chunk-id.ts', 'corpus/chunk.ts']);
  });

  const circle = (edges: readonly (readonly [string, string])[]): string[] => {
    const targets = Map.groupBy(edges, ([from]) => from);
    const done = new Set<string>();
    const path: string[] = [];
    const visit = (node: string): string[] => {
      if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
      if (done.has(node)) return [];
      path.push(node);
      for (const [, to] of targets.get(node) ?? []) {
        const found = visit(to);
        if (found.length > 0) return found;
      }
      path.pop();
      done.add(node);
      return [];
    };
    for (const node of targets.keys()) {
      const found = visit(node);
      if (found.length > 0) return found;
    }
    return [];
  };

  it('form no circle between files, types included', () => {
    expect(circle(all.map(({ from, to }) => [from, to] as const))).toEqual([]);
  });

  it('form no circle between the rooms of the edge', () => {
    const inner = (path: string) => path.split('/').slice(0, 2).join('/');
    const edges = all
      .filter(({ from, to }) => room(from) === 'functions' && room(to) === 'functions')
      // the table of contents and what the Worker is given know every room
      .filter(({ from }) => !['functions/index.ts', 'functions/env.ts'].includes(from))
      .map(({ from, to }) => [inner(from), inner(to)] as const)
      .filter(([from, to]) => from !== to);
    expect(circle(edges)).toEqual([]);
  });
});
