// .gitignore as git reads it, and in its own directory only.
import { describe, expect, it } from 'vitest';
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
});
