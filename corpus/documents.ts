// Where the text comes from: the documentation of the packages just installed, or a user's own directory.
// Only the directory itself must be readable: every file that is passed over is named with its reason.

import { createHash } from 'node:crypto';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MAX_CORPUS_FILE_BYTES } from '../wire/limits.ts';
import { messageOf } from '../wire/message.ts';
import { MachineError, UsageError } from '../wire/usage.ts';
import { decodeText } from './decode.ts';
import { findFiles, type Note, readFound } from './files.ts';
import { LATER_PACKAGES, MOVED_PACKAGES } from './later.ts';

export interface Document {
  /** Path below the corpus' root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Gathered {
  readonly documents: readonly Document[];
  /** Files passed over, and files read in another encoding than UTF-8. */
  readonly notes: readonly Note[];
}

/** Bytes of the largest file taken from the starter packages: generated bundles of types say little per byte. */
const STARTER_MAX_FILE = 200_000;
/** Bytes taken from one starter package, so that no package drowns the others. */
const STARTER_MAX_PACKAGE = 200_000;
/** Bytes of the starter corpus in all: what two cores index in well under a minute. */
const STARTER_MAX_TOTAL = 3_500_000;

const hash = (text: string): string => createHash('sha256').update(text).digest('base64');

const isStarterFile = (path: string): boolean =>
  // licences and change logs are the same everywhere and teach nothing about a package
  (/(^|\/)[^/]+\.md$/i.test(path) && !/(licen[sc]e|changelog|history|notice|conduct|security)[^/]*$/i.test(path)) ||
  (/\.d\.ts$/.test(path) && !/\.(min|generated)\.d\.ts$/.test(path));

const packagesOf = async (root: string): Promise<string[]> => {
  const entries = await readdir(root).catch((error: unknown) => {
    throw new MachineError(`${root} has no packages, whose documentation is taken: ${messageOf(error)}`);
  });
  const names = entries.filter((name) => !name.startsWith('.')).sort();
  const packages: string[] = [];
  for (const name of names) {
    if (!name.startsWith('@')) packages.push(name);
    else for (const scoped of (await readdir(join(root, name))).sort()) packages.push(`${name}/${scoped}`);
  }
  return packages.filter((name) => !LATER_PACKAGES.has(name));
};

const REFUSED = {
  empty: 'empty',
  binary: 'binary',
  'UTF-32': 'UTF-32, which is not read',
  'damaged UTF-8': 'damaged UTF-8',
  'damaged UTF-16': 'damaged UTF-16',
  'an unknown encoding': 'neither UTF-8 nor Windows-1252',
} as const;

/** Documents as they come, and a note of each file that is not one; the same text twice is one document. */
const collector = () => {
  const documents: Document[] = [];
  const notes: Note[] = [];
  const seen = new Set<string>();
  const pass = (path: string, reason: string): void => void notes.push({ path, reason, taken: false });
  return {
    documents,
    notes,
    pass,
    /** True if it became a document. */
    take(path: string, bytes: Uint8Array): boolean {
      const decoded = decodeText(bytes);
      if ('refused' in decoded) {
        pass(path, REFUSED[decoded.refused]);
        return false;
      }
      const mark = hash(decoded.text);
      if (seen.has(mark)) {
        pass(path, 'the same text as another file');
        return false;
      }
      seen.add(mark);
      documents.push({ path, text: decoded.text });
      if (decoded.encoding !== 'UTF-8') notes.push({ path, reason: `read as ${decoded.encoding}`, taken: true });
      return true;
    },
  };
};

/** READMEs, documentation and type declarations of the packages in node_modules. */
export const starterCorpus = async (nodeModules: string): Promise<Gathered> => {
  const { documents, notes, pass, take } = collector();
  let total = 0;
  for (const name of await packagesOf(nodeModules)) {
    // the platform packages hold binaries and copies of what stands elsewhere
    if (/^node-|(linux|darwin|win32|windows|freebsd|wasm32)[-\w]*$/.test(name)) continue;
    // a package may be a link, of a workspace
    const root = await realpath(join(nodeModules, MOVED_PACKAGES.get(name) ?? name));
    const found = await findFiles(root, new Set(['node_modules', 'dist-cjs', 'cjs']));
    let taken = 0;
    for (const file of found.files) {
      const path = `${name}/${file.path}`;
      if (!isStarterFile(path)) continue;
      const bytes = await readFound(file, STARTER_MAX_FILE);
      if ('reason' in bytes) {
        pass(path, bytes.reason);
        continue;
      }
      const size = bytes.byteLength;
      if (taken + size > STARTER_MAX_PACKAGE || total + size > STARTER_MAX_TOTAL) {
        pass(path, 'more than the starter corpus takes');
        continue;
      }
      if (!take(path, bytes)) continue;
      taken += size;
      total += size;
    }
  }
  if (documents.length === 0) throw new UsageError(`${nodeModules} holds no documentation: run npm ci first`);
  return { documents, notes };
};

/** The Markdown files of a directory of documentation. */
export const docsCorpus = async (directory: string): Promise<Gathered> => {
  const { documents, notes, take } = collector();
  for (const file of (await findFiles(directory, new Set())).files) {
    if (!file.path.endsWith('.md')) continue;
    const bytes = await readFound(file, MAX_CORPUS_FILE_BYTES);
    if ('reason' in bytes) notes.push(bytes);
    else take(file.path, bytes);
  }
  if (documents.length === 0) throw new UsageError(`${directory} holds no documentation: give --corpus DIR`);
  return { documents, notes };
};

/** Every text file below a user's directory. */
export const ownCorpus = async (directory: string): Promise<Gathered> => {
  const unreadable = (error: unknown): never => {
    throw new UsageError(`--corpus ${directory} cannot be read: ${messageOf(error)}`);
  };
  const root = await realpath(resolve(directory)).catch(unreadable);
  if (!(await stat(root).catch(unreadable)).isDirectory()) {
    throw new UsageError(`--corpus ${directory} is a file, it must be a directory`);
  }
  const found = await findFiles(root, new Set(['node_modules'])).catch(unreadable);
  const { documents, notes, take } = collector();
  notes.push(...found.notes);
  for (const file of found.files) {
    const bytes = await readFound(file, MAX_CORPUS_FILE_BYTES);
    if ('reason' in bytes) notes.push(bytes);
    else take(file.path, bytes);
  }
  if (documents.length === 0) {
    const looked = found.files.length + found.notes.length;
    const reasons = [...new Set(notes.map(({ reason }) => reason))].join(', ');
    throw new UsageError(`--corpus ${directory} holds no text (${looked} files looked at${reasons && `: ${reasons}`})`);
  }
  return { documents, notes };
};
