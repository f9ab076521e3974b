// Where the study's documents come from: the packages that npm installed (the default, needs nothing else), lines of
// JSON, or a user's own folders. Every document has a domain, which prompts are drawn and averaged by, and a package,
// whose other documents are its siblings. Left out: what is binary, minified, generated or a licence.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { UsageError } from '../../cli/arguments.ts';

export interface Source {
  readonly domain: string;
  /** What it was published with; siblings share it. */
  readonly group: string;
  readonly path: string;
  readonly text: string;
  /** Another form of what stands elsewhere in its package (CommonJS beside ESM): in the corpus only where it is asked for. */
  readonly form?: boolean;
}

/** Characters of a document that is worth a chunk, and of one that is not yet a bundle. */
const LEAST = 200;
const MOST = 200_000;
/** Characters of one package and domain, so that no package drowns the others; of given lines, which are fewer, more. */
const MOST_OF_GROUP = 200_000;
const MOST_OF_LINES = 300_000;
/** Longer lines, or lines as long on average, are minified code or data. */
const LONG_LINE = 2_000;
const LONG_MEAN_LINE = 160;

const utf8 = new TextDecoder('utf-8', { fatal: true });

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export const isReadable = (text: string): boolean => {
  if (text.length < LEAST || text.length > MOST || text.includes('\0')) return false;
  const lines = text.split('\n');
  return text.length / lines.length <= LONG_MEAN_LINE && lines.every(({ length }) => length <= LONG_LINE);
};

/** Files below a directory in a fixed order, links and hidden ones left out. */
const filesBelow = async (root: string, skip: (path: string) => boolean): Promise<string[]> => {
  const found: string[] = [];
  const walk = async (directory: string): Promise<void> => {
    const entries = await readdir(directory, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(directory, entry.name);
      if (entry.name.startsWith('.') || skip(path)) continue;
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile()) found.push(path);
    }
  };
  await walk(root);
  return found;
};

const readText = async (path: string): Promise<string | undefined> => {
  try {
    return utf8.decode(await readFile(path));
  } catch (error) {
    if (error instanceof TypeError) return undefined; // not UTF-8
    throw new UsageError(`${path} cannot be read: ${reason(error)}`);
  }
};

/** Keeps the order, and of each package and domain as much as fits. */
const fair = (sources: readonly Source[], most: number): Source[] => {
  const taken = new Map<string, number>();
  return sources.filter(({ domain, group, text, form }) => {
    const key = `${domain}\n${group}\n${form}`;
    const size = (taken.get(key) ?? 0) + text.length;
    if (size > most) return false;
    taken.set(key, size);
    return true;
  });
};

/** Characters of a domain: what is embedded in a minute. */
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
      const [first] = members;
      const key = `${first?.domain}\n${first?.form ?? ''}`;
      const size = (sizes.get(key) ?? 0) + members.reduce((sum, { text }) => sum + text.length, 0);
      if (size > most) return [];
      sizes.set(key, size);
      return members;
    });
  const chosen = new Set(kept);
  return sources.filter((source) => chosen.has(source));
};

const NOTICE = /(licen[sc]e|changelog|history|notice|conduct|security|copying)[^/]*$/i;

/** Domain of a file of a package; undefined: of none. */
export const domainOf = (path: string): string | undefined => {
  if (NOTICE.test(path) || /\.(min|generated|bundle)\./.test(path)) return undefined;
  if (/\.md$/i.test(path)) return 'markdown';
  if (/\.d\.[mc]?ts$/.test(path)) return 'declarations';
  if (/\.[mc]?ts$/.test(path)) return 'typescript';
  if (/\.[mc]?js$/.test(path)) return 'javascript';
  if (/\.[ch]$/.test(path)) return 'c';
  return undefined;
};

/** CommonJS, and files for one module system only, beside which the others stand. */
const isForm = (path: string): boolean => /(^|\/)(cjs|dist-cjs|umd)\//.test(path) || /\.([mc]ts|cjs)$/.test(path);

/**
 * Passed over: binaries' platform packages other than Node's (copies of what stands elsewhere), tests, and
 * headers of libraries that the bundled model was trained on.
 */
const isPassedOver = (path: string): boolean =>
  /\/(test|tests|node_modules)$/.test(path) ||
  /\/include\/node\/(openssl|uv|zlib|zconf)\b/.test(path) ||
  /node_modules\/(@[^/]+\/)?(?!node-)[^/]*(linux|darwin|win32|windows|freebsd|wasm32)[-\w]*$/.test(path);

/** The npm package of a path below node_modules. */
const packageOf = (path: string): string => path.split('/', path.startsWith('@') ? 2 : 1).join('/');

/** Documents of the packages in a node_modules directory. */
export const packageSources = async (nodeModules: string): Promise<Source[]> => {
  const paths = await filesBelow(nodeModules, isPassedOver).catch((error: unknown) => {
    throw new UsageError(`${nodeModules} cannot be read: ${reason(error)}`);
  });
  const sources: Source[] = [];
  for (const path of paths) {
    const short = relative(nodeModules, path).replaceAll('\\', '/');
    const domain = domainOf(short);
    const text = domain === undefined ? undefined : await readText(path);
    if (domain === undefined || text === undefined || !isReadable(text)) continue;
    sources.push({ domain, group: packageOf(short), path: short, text, ...(isForm(short) ? { form: true } : {}) });
  }
  return fair(sources, MOST_OF_GROUP);
};

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
  return fair(sources, MOST_OF_LINES);
};

/** Text files below a user's folder: each subfolder is a domain; files beside them make one of their own, 'text'. */
export const folderSources = async (directory: string, option: string): Promise<Source[]> => {
  const paths = await filesBelow(directory, (path) => path.endsWith('/node_modules')).catch((error: unknown) => {
    throw new UsageError(`${option} ${directory} cannot be read: ${reason(error)}`);
  });
  const sources: Source[] = [];
  for (const path of paths) {
    const text = await readText(path);
    if (text === undefined || text.trim() === '' || text.includes('\0')) continue;
    const parts = relative(directory, path).replaceAll('\\', '/').split('/');
    const domain = parts.length > 1 ? (parts[0] ?? 'text') : 'text';
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
