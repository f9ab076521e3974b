// A .gitignore as git reads it: patterns a line, the last one that matches decides, `!` takes back, a slash anchors, a slash
// at the end means directories. Read are the files of the walked directory and below, not those above, nor git's own settings.
import { join } from 'node:path';
import { MAX_GITIGNORE_BYTES } from '../wire/limits.ts';
import { type Ignored, readFound } from './files.ts';

interface Rule {
  readonly matches: RegExp;
  readonly directoriesOnly: boolean;
  readonly takesBack: boolean;
}

const literal = (character: string): string => character.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** One pattern's characters as a regular expression; undefined where git would match nothing by it. */
const expressionOf = (pattern: string): string | undefined => {
  let out = '';
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern.charAt(i);
    if (pattern.startsWith('**/', i) && (i === 0 || pattern[i - 1] === '/')) {
      out += '(?:[^/]+/)*';
      i += 2;
    } else if (pattern.slice(i) === '/**') return `${out}/.+`;
    else if (character === '*') {
      while (pattern[i + 1] === '*') i += 1;
      out += '[^/]*';
    } else if (character === '?') out += '[^/]';
    else if (character === '[') {
      const end = pattern.indexOf(']', i + 2);
      if (end < 0) return undefined;
      const inner = pattern
        .slice(i + 1, end)
        .replace(/^!/, '^')
        .replaceAll('\\', '\\\\')
        .replaceAll('[', '\\[');
      out += `(?!/)[${inner}]`;
      i = end;
    } else if (character === '\\') {
      i += 1;
      if (i === pattern.length) return undefined;
      out += literal(pattern.charAt(i));
    } else out += literal(character);
  }
  return out;
};

const ruleOf = (line: string): Rule[] => {
  const text = line.replace(/\r$/, '').replace(/(?<!\\) +$/, '');
  if (text === '' || text.startsWith('#')) return [];
  const takesBack = text.startsWith('!');
  let pattern = takesBack ? text.slice(1) : text;
  const directoriesOnly = pattern.endsWith('/');
  if (directoriesOnly) pattern = pattern.slice(0, -1);
  const anchored = pattern.includes('/');
  const expression = expressionOf(pattern.replace(/^\//, ''));
  if (expression === undefined) return [];
  try {
    return [{ matches: new RegExp(`^${anchored ? '' : '(?:.*/)?'}${expression}$`, 'su'), directoriesOnly, takesBack }];
  } catch {
    return [];
  }
};

/** What a .gitignore says of paths below its directory: ignored, taken back, or nothing. */
export const gitignore = (text: string): ((path: string, isDirectory: boolean) => boolean | undefined) => {
  const rules = text.split('\n').flatMap(ruleOf).reverse();
  return (path, isDirectory) => {
    const rule = rules.find(({ matches, directoriesOnly }) => (isDirectory || !directoriesOnly) && matches.test(path));
    return rule === undefined ? undefined : !rule.takesBack;
  };
};

/** For findFiles: what a directory's own .gitignore says, and else what those above say. */
export const ignoringLikeGit = async (directory: string, path: string, above: Ignored): Promise<Ignored> => {
  const bytes = await readFound({ path: '.gitignore', real: join(directory, '.gitignore') }, MAX_GITIGNORE_BYTES);
  if ('reason' in bytes) return above;
  const says = gitignore(new TextDecoder().decode(bytes));
  const from = path === '' ? 0 : path.length + 1;
  return (one, isDirectory) => says(one.slice(from), isDirectory) ?? above(one, isDirectory);
};
