// Where the text comes from: the documentation of the packages just installed, or a user's own directory.
// Reads UTF-8 text only; what is binary is passed over and counted, what cannot be read is an error with its path.
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { UsageError } from '../cli/arguments.ts';

export interface Document {
  /** Path below the corpus' root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Gathered {
  readonly documents: readonly Document[];
  /** Files passed over: binary, empty, too large, or the same text as another. */
  readonly skipped: number;
}

/** Bytes of the largest file taken from the starter packages: generated bundles of types say little per byte. */
const STARTER_MAX_FILE = 200_000;
/** Bytes taken from one starter package, so that no package drowns the others. */
const STARTER_MAX_PACKAGE = 200_000;
/** Bytes of the starter corpus in all: what two cores index in well under a minute. */
const STARTER_MAX_TOTAL = 3_500_000;
/** Bytes of a user's file: one larger is no document. */
const OWN_MAX_FILE = 20_000_000;

const utf8 = new TextDecoder('utf-8', { fatal: true });

const decode = (bytes: Uint8Array): string | undefined => {
  if (bytes.includes(0)) return undefined;
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
};

/** Files below a directory in a fixed order, hidden ones and those of `skip` left out. */
const filesBelow = async (root: string, skip: ReadonlySet<string>): Promise<string[]> => {
  const found: string[] = [];
  const walk = async (directory: string): Promise<void> => {
    const entries = await readdir(directory, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.') || skip.has(entry.name)) continue;
      const path = join(directory, entry.name);
      if (entry.isDirectory()) await walk(path);
      else found.push(path);
    }
  };
  await walk(root);
  return found;
};

const hash = (text: string): string => createHash('sha256').update(text).digest('base64');

const isStarterFile = (path: string): boolean =>
  // licences and change logs are the same everywhere and teach nothing about a package
  (/(^|\/)[^/]+\.md$/i.test(path) && !/(licen[sc]e|changelog|history|notice|conduct|security)[^/]*$/i.test(path)) ||
  (/\.d\.ts$/.test(path) && !/\.(min|generated)\.d\.ts$/.test(path));

const packagesOf = async (root: string): Promise<string[]> => {
  const names = (await readdir(root)).filter((name) => !name.startsWith('.')).sort();
  const packages: string[] = [];
  for (const name of names) {
    if (!name.startsWith('@')) packages.push(name);
    else for (const scoped of (await readdir(join(root, name))).sort()) packages.push(`${name}/${scoped}`);
  }
  return packages;
};

/** READMEs, documentation and type declarations of the packages in node_modules. */
export const starterCorpus = async (nodeModules: string): Promise<Gathered> => {
  const documents: Document[] = [];
  const seen = new Set<string>();
  let skipped = 0;
  let total = 0;
  for (const name of await packagesOf(nodeModules)) {
    // the platform packages hold binaries and copies of what stands elsewhere
    if (/^node-|(linux|darwin|win32|windows|freebsd|wasm32)[-\w]*$/.test(name)) continue;
    let taken = 0;
    for (const path of await filesBelow(join(nodeModules, name), new Set(['node_modules', 'dist-cjs', 'cjs']))) {
      const short = relative(nodeModules, path).replaceAll('\\', '/');
      if (!isStarterFile(short)) continue;
      const { size } = await stat(path);
      if (size > STARTER_MAX_FILE || taken + size > STARTER_MAX_PACKAGE || total + size > STARTER_MAX_TOTAL) {
        skipped += 1;
        continue;
      }
      const text = decode(await readFile(path));
      if (text === undefined || text.trim() === '' || seen.has(hash(text))) {
        skipped += 1;
        continue;
      }
      seen.add(hash(text));
      documents.push({ path: short, text });
      taken += size;
      total += size;
    }
  }
  if (documents.length === 0) throw new UsageError(`${nodeModules} holds no documentation: run npm ci first`);
  return { documents, skipped };
};

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Every text file below a user's directory. */
export const ownCorpus = async (directory: string): Promise<Gathered> => {
  const files = await filesBelow(directory, new Set(['node_modules'])).catch((error: unknown) => {
    throw new UsageError(`--corpus ${directory} cannot be read: ${reason(error)}`);
  });
  const documents: Document[] = [];
  const seen = new Set<string>();
  let skipped = 0;
  for (const path of files) {
    const bytes = await readFile(path).catch((error: unknown) => {
      throw new UsageError(`${path} cannot be read: ${reason(error)}`);
    });
    const text = bytes.byteLength > OWN_MAX_FILE ? undefined : decode(bytes);
    if (text === undefined || text.trim() === '' || seen.has(hash(text))) {
      skipped += 1;
      continue;
    }
    seen.add(hash(text));
    documents.push({ path: relative(directory, path).replaceAll('\\', '/'), text });
  }
  if (documents.length === 0) {
    throw new UsageError(`--corpus ${directory} holds no text (${files.length} files looked at, all empty or binary)`);
  }
  return { documents, skipped };
};

/** Changes whenever what would be indexed changes: the documents, or how they are cut and embedded. */
export const fingerprint = (documents: readonly Document[], versions: readonly string[]): string => {
  const sum = createHash('sha256');
  for (const version of versions) sum.update(`${version}\n`);
  for (const { path, text } of documents) sum.update(`${path}\n${text.length}\n`).update(text);
  return sum.digest('hex');
};
