// .gitignore as git itself reads it: examples of each rule, and random patterns beside `git check-ignore` where there is git.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { gitignore } from '../../corpus/gitignore.ts';

describe('a .gitignore', () => {
  it.each([
    ['*.log', 'a/b.log', true],
    ['*.log', 'a/b.logs', undefined],
    ['/a.md', 'b/a.md', undefined],
    ['/a.md', 'a.md', true],
    ['a/*.md', 'a/b.md', true],
    ['a/*.md', 'a/b/c.md', undefined],
    ['a/**/c', 'a/b/b/c', true],
    ['a/**/c', 'a/c', true],
    ['**/c', 'a/c', true],
    ['a/**', 'a/b', true],
    ['a/**', 'a', undefined],
    ['x?z', 'xyz', true],
    ['x[a-c]z', 'xbz', true],
    ['x[!a-c]z', 'xbz', undefined],
    ['# not a rule', '# not a rule', undefined],
    ['\\#rule', '#rule', true],
    ['a \\ ', 'a  ', true],
    ['*.log\n!keep.log', 'keep.log', false],
    ['[', '[', undefined],
    ['a.b\r', 'a.b', true],
  ])('with %j says of %j: %s', (text, path, says) => {
    expect(gitignore(text)(path, false)).toBe(says);
  });

  it('takes a slash at the end for directories alone', () => {
    expect([gitignore('build/')('build', true), gitignore('build/')('build', false)]).toEqual([true, undefined]);
  });

  it('of hostile patterns is read in no time', () => {
    const says = gitignore(`${'*a'.repeat(12)}b\n${'**/'.repeat(12)}x`);
    expect(says('a'.repeat(60), false)).toBeUndefined();
  });
});

const git = spawnSync('git', ['--version']).status === 0;
if (!git) process.stderr.write('skipped: .gitignore beside git itself (no git)\n');

describe.skipIf(!git)('beside git', () => {
  const root = mkdtempSync(join(tmpdir(), 'sift-gitignore-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it('says the same of files of random names and patterns', () => {
    spawnSync('git', ['init', '-q'], { cwd: root });
    const names = ['a', 'b', 'ab', 'a.b', 'b/a', 'a.c/b', 'b/ab/a', 'b/b/b', 'ab.d/a.b/b', '!a', 'a b'];
    for (const name of names.toSorted((x, y) => y.length - x.length)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      try {
        writeFileSync(join(root, name), '');
      } catch {
        // a directory of that name is there
      }
    }
    const piece = fc.constantFrom('a', 'b', '*', '?', '**', '[ab]', '[!a]', '.', 'ab', '\\a', ' ');
    const pattern = fc
      .tuple(
        fc.constantFrom('', '!', '/'),
        fc.array(fc.array(piece, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
      )
      .map(([before, segments]) => before + segments.map((one) => one.join('')).join('/'))
      // git's `**` beside other characters is one `*`, also for us; three stars are no pattern that anybody writes
      .filter((text) => !text.includes('***'));
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 4 }), (patterns) => {
        const text = patterns.join('\n');
        writeFileSync(join(root, '.git/info/exclude'), text);
        const { stdout } = spawnSync('git', ['check-ignore', '--no-index', '--stdin', '-z', '-v', '-n'], {
          cwd: root,
          input: names.join('\0'),
          encoding: 'utf8',
        });
        const fields = stdout.split('\0');
        const says = gitignore(text);
        // a file in a directory that is left out is never asked for
        const ignored = (path: string): boolean => {
          const parts = path.split('/');
          const isDirectory = names.some((name) => name.startsWith(`${path}/`));
          return parts.some(
            (_, i) => says(parts.slice(0, i + 1).join('/'), isDirectory || i + 1 < parts.length) === true,
          );
        };
        const theirs = names.map((name) => {
          const at = fields.findIndex((field, i) => i % 4 === 3 && field === name);
          const rule = fields[at - 1] ?? '';
          return [name, rule !== '' && !rule.startsWith('!')];
        });
        expect([text, names.map((name) => [name, ignored(name)])]).toEqual([text, theirs]);
      }),
      { numRuns: 150 },
    );
  });
});
