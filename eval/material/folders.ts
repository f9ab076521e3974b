// Documents that the user names: a folder of text files (`--corpus`, `--prompts`), or lines of JSON (`--data`).
import { relative } from 'node:path';
import { UsageError } from '../../cli/arguments.ts';
import { at } from '../../wire/list.ts';
import { messageOf } from '../../wire/message.ts';
import { filesBelow, readText } from './files.ts';
import { isReadable, type Source, withinPackages } from './sources.ts';

/** Characters of one package and domain of given lines, which come from fewer packages than node_modules has. */
const MOST_OF_PACKAGE = 300_000;

/** Lines of `{"package", "domain", "path", "text"}`, as training/corpus.py writes them. */
export const lineSources = async (file: string): Promise<Source[]> => {
  const whole = await readText(file);
  if (whole === undefined) throw new UsageError(`--data ${file} is not UTF-8`);
  const sources = whole.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const value: unknown = (() => {
      try {
        return JSON.parse(line);
      } catch {
        throw new UsageError(`--data ${file}, line ${index + 1}: not JSON`);
      }
    })();
    const { package: group, domain, path, text } = (value ?? {}) as Record<string, unknown>;
    if (
      typeof group !== 'string' ||
      typeof domain !== 'string' ||
      typeof path !== 'string' ||
      typeof text !== 'string'
    ) {
      throw new UsageError(`--data ${file}, line ${index + 1}: package, domain, path and text must be strings`);
    }
    return isReadable(text) ? [{ domain, group, path: `${group}/${path}`, text }] : [];
  });
  return withinPackages(sources, MOST_OF_PACKAGE);
};

/** Text files below a user's folder: each subfolder is a domain; files directly in the folder are the domain 'text'. */
export const folderSources = async (directory: string, option: string): Promise<Source[]> => {
  const paths = await filesBelow(directory, (path) => path.endsWith('/node_modules')).catch((error: unknown) => {
    throw new UsageError(`${option} ${directory} cannot be read: ${messageOf(error)}`);
  });
  const sources: Source[] = [];
  for (const path of paths) {
    const text = await readText(path);
    if (text === undefined || text.trim() === '' || text.includes('\0')) continue;
    const parts = relative(directory, path).replaceAll('\\', '/').split('/');
    const domain = parts.length > 1 ? at(parts, 0) : 'text';
    sources.push({
      domain,
      group: parts.slice(0, Math.max(1, parts.length - 1)).join('/'),
      path: parts.join('/'),
      text,
    });
  }
  if (sources.length === 0)
    throw new UsageError(`${option} ${directory} holds no text (${paths.length} files looked at)`);
  return sources;
};
