// The rooms of eval/ in the order that eval/index.ts describes: a file imports from its own room and from lower ones only, and
// no file imports itself through others.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { at } from '../../wire/list.ts';

/** From the lowest to the highest. Files beside the rooms are above them all, but for statistics.ts. */
const ROOMS = ['statistics.ts', 'material', 'choose', 'run', 'figures', 'report'];

/** By file: the files of eval/ that it imports, both relative to eval/. */
type Imports = ReadonlyMap<string, readonly string[]>;

const rankOf = (file: string): number => {
  const rank = ROOMS.indexOf(at(file.split('/'), 0));
  return rank < 0 ? ROOMS.length : rank;
};

const backward = (imports: Imports): string[] =>
  Array.from(imports).flatMap(([file, imported]) =>
    imported.filter((other) => rankOf(other) > rankOf(file)).map((other) => `${file} imports ${other}`),
  );

/** The first circle found, as the path around it. */
const circle = (imports: Imports): string[] | undefined => {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const other of imports.get(file) ?? []) {
      const found = visit(other, [...path, file]);
      if (found !== undefined) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const found = visit(file, []);
    if (found !== undefined) return found;
  }
  return undefined;
};

const IMPORT = /^(?:import|export)\b[^;]*?from\s+'(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm;

const importsOf = (root: string): Imports =>
  new Map(
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => {
        const targets = [...readFileSync(join(root, name), 'utf8').matchAll(IMPORT)].map(([, a, b]) => a ?? b ?? '');
        const files = targets.map((target) => relative(root, join(root, dirname(name), target)));
        return [name, files.filter((file) => !file.startsWith('..'))];
      }),
  );

describe('the rooms of eval/', () => {
  const imports = importsOf(fileURLToPath(new URL('../../eval', import.meta.url)));

  it('are all seen, with their imports', () => {
    expect(new Set([...imports.keys()].map(rankOf)).size).toBe(ROOMS.length + 1);
    expect(imports.get('figures/study.ts')).toContain('run/grid.ts');
    for (const files of imports.values()) for (const file of files) expect(imports.has(file), file).toBe(true);
  });

  it('import from lower rooms only', () => {
    expect(backward(imports)).toEqual([]);
  });

  it('have no import circle', () => {
    expect(circle(imports)).toBeUndefined();
  });
});

describe('the check itself', () => {
  it('finds an import of a higher room', () => {
    const imports = new Map([['material/a.ts', ['statistics.ts', 'choose/b.ts']]]);
    expect(backward(imports)).toEqual(['material/a.ts imports choose/b.ts']);
    expect(backward(new Map([['statistics.ts', ['material/a.ts']]]))).toHaveLength(1);
    expect(backward(new Map([['report/a.ts', ['study.ts']]]))).toHaveLength(1);
  });

  it('finds a circle within one room', () => {
    const imports = new Map([
      ['run/a.ts', ['run/b.ts']],
      ['run/b.ts', ['run/c.ts']],
      ['run/c.ts', ['run/b.ts']],
    ]);
    expect(circle(imports)).toEqual(['run/b.ts', 'run/c.ts', 'run/b.ts']);
  });
});
