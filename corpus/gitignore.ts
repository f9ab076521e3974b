// A .gitignore as git reads it: patterns a line, the last one that matches decides, `!` takes back, a slash anchors, a slash
// at the end means directories. Read are the files of the walked directory and below, not those above, nor git's own settings.
import { join } from 'node:path';
import { MAX_GITIGNORE_BYTES } from '../wire/limits.ts';
import { type Ignored, readFound } from './files.ts';

/** A part of a pattern: one character of some kind, any run within a segment, any directories, or all below. */
type Token = ((character: string) => boolean) | 'run' | 'directories' | 'below';

interface Rule {
  readonly tokens: readonly Token[];
  readonly directoriesOnly: boolean;
  readonly takesBack: boolean;
}

/** `[a-c]`, `[!abc]`: undefined where git would match nothing by it. */
const setOf = (inner: string): Token | undefined => {
  const escaped = inner.replace(/^!/, '^').replaceAll('\\', '\\\\').replaceAll('[', '\\[');
  try {
    const set = new RegExp(`^[${escaped}]$`, 'su');
    return (character) => character !== '/' && set.test(character);
  } catch {
    return undefined;
  }
};

const tokensOf = (pattern: string): Token[] | undefined => {
  const tokens: Token[] = [];
  const characters = [...pattern];
  const stands = (text: string, from: number): boolean => characters.slice(from, from + text.length).join('') === text;
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i];
    if (stands('**/', i) && (i === 0 || characters[i - 1] === '/')) {
      tokens.push('directories');
      i += 2;
    } else if (stands('/**', i) && i + 3 === characters.length) {
      tokens.push('below');
      return tokens;
    } else if (character === '*') {
      tokens.push('run');
      while (characters[i + 1] === '*') i += 1;
    } else if (character === '?') tokens.push((one) => one !== '/');
    else if (character === '[') {
      const end = characters.indexOf(']', i + 2);
      const set = end < 0 ? undefined : setOf(characters.slice(i + 1, end).join(''));
      if (set === undefined) return undefined;
      tokens.push(set);
      i = end;
    } else {
      if (character === '\\') i += 1;
      const literal = characters[i];
      if (literal === undefined) return undefined;
      tokens.push((one) => one === literal);
    }
  }
  return tokens;
};

/**
 * Whether the tokens match the whole path: the places that can be reached are carried from token to token, so that the time
 * is their number times the path's length, whatever the pattern.
 */
const matches = (tokens: readonly Token[], path: readonly string[]): boolean => {
  const { length } = path;
  let now = new Uint8Array(length + 1);
  now[0] = 1;
  for (const token of tokens) {
    const next = new Uint8Array(length + 1);
    let reached = 0;
    for (let at = 0; at <= length; at++) {
      const here = now[at] ?? 0;
      const before = path[at - 1];
      if (token === 'run') next[at] = here || (at > 0 && before !== '/' ? (next[at - 1] ?? 0) : 0);
      else if (token === 'directories') next[at] = here || (before === '/' ? reached : 0);
      else if (here === 1 && at < length) {
        if (token !== 'below') next[at + 1] = token(path[at] as string) ? 1 : 0;
        else if (path[at] === '/' && at + 1 < length) next[length] = 1;
      }
      reached |= here;
    }
    now = next;
  }
  return now[length] === 1;
};

const ruleOf = (line: string): Rule[] => {
  const text = line.replace(/\r$/, '').replace(/(?<!\\) +$/, '');
  if (text === '' || text.startsWith('#')) return [];
  const takesBack = text.startsWith('!');
  let pattern = takesBack ? text.slice(1) : text;
  const directoriesOnly = pattern.endsWith('/');
  if (directoriesOnly) pattern = pattern.slice(0, -1);
  const anchored = pattern.includes('/');
  const tokens = tokensOf(pattern.replace(/^\//, ''));
  if (tokens === undefined || tokens.length === 0) return [];
  return [{ tokens: anchored ? tokens : ['directories', ...tokens], directoriesOnly, takesBack }];
};

/** What a .gitignore says of paths below its directory: ignored, taken back, or nothing. */
export const gitignore = (text: string): ((path: string, isDirectory: boolean) => boolean | undefined) => {
  const rules = text.split('\n').flatMap(ruleOf).reverse();
  return (path, isDirectory) => {
    const characters = [...path];
    const rule = rules.find(
      ({ tokens, directoriesOnly }) => (isDirectory || !directoriesOnly) && matches(tokens, characters),
    );
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
