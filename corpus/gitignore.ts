// Which files a .gitignore leaves out. Read are those of the walked directory and below, not those above, nor git's own settings.
import { join } from 'node:path';
import ignore from 'ignore';
import { MAX_GITIGNORE_BYTES } from '../wire/limits.ts';
import { type Ignored, readFound } from './files.ts';

/** What a .gitignore says of paths below its directory: ignored, taken back, or nothing. */
export const gitignore = (text: string): ((path: string, isDirectory: boolean) => boolean | undefined) => {
  // as git on a file system that tells capitals apart; a name may begin with two dots
  const rules = ignore({ ignorecase: false, allowRelativePaths: true }).add(text);
  return (path, isDirectory) => {
    const { ignored, unignored } = rules.test(isDirectory ? `${path}/` : path);
    if (ignored) return true;
    return unignored ? false : undefined;
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
