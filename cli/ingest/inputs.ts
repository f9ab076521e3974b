// The paths of a command line as inputs: the files below directories, files, or stdin. The name of a directory begins the
// sources of its files (`docs/guide/a.md`), so that several directories can share a corpus and be pruned apart.
import { lstat, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { findFiles } from '../../corpus/files.ts';
import { ignoringLikeGit } from '../../corpus/gitignore.ts';
import { messageOf } from '../../wire/message.ts';
import { UsageError } from '../../wire/usage.ts';
import type { PassedOver, Refused } from './found.ts';
import type { Input } from './open.ts';

export interface Inputs {
  readonly inputs: readonly Input[];
  /** Files that were found but cannot be inputs. */
  readonly notes: readonly (Refused | PassedOver)[];
  /** Files and directories left out by a .gitignore. */
  readonly ignored: number;
  /** Bytes of all; undefined with stdin. */
  readonly bytes: number | undefined;
  /** Which sources are of these inputs: `docs/` and what is below, or one file's. */
  readonly covers: (source: string) => boolean;
}

export interface Wanted {
  readonly paths: readonly string[];
  /** In place of the one input's own name. */
  readonly name?: string;
  readonly ignoreFiles: boolean;
}

/** Reasons of the walk that are no refusals: the owner meant it so. */
const HARMLESS = new Set(['a link out of the directory', 'a linked directory', 'neither a file nor a directory']);

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.size ?? 0;

export const inputsOf = async ({ paths, name, ignoreFiles }: Wanted): Promise<Inputs> => {
  if (name !== undefined && paths.length > 1) {
    throw new UsageError(`--name names one input, there are ${paths.length}: ingest them one by one`);
  }
  const inputs: Input[] = [];
  const notes: (Refused | PassedOver)[] = [];
  const covered: { readonly name: string; readonly isDirectory: boolean }[] = [];
  let ignored = 0;
  for (const path of paths) {
    if (path === '-') {
      inputs.push({ source: name ?? 'stdin', named: true });
      covered.push({ name: name ?? 'stdin', isDirectory: false });
      continue;
    }
    const real = await realpath(resolve(path)).catch((error: unknown): never => {
      throw new UsageError(`${path} cannot be read: ${messageOf(error)}`);
    });
    const stats = await lstat(real);
    const called = name ?? basename(real);
    if (stats.isFile()) {
      inputs.push({ source: called, real, size: stats.size, named: true });
      covered.push({ name: called, isDirectory: false });
      continue;
    }
    if (!stats.isDirectory()) throw new UsageError(`${path} is neither a file nor a directory: pipe it into '-'`);
    const found = await findFiles(real, new Set(['node_modules']), ignoreFiles ? ignoringLikeGit : undefined).catch(
      (error: unknown): never => {
        throw new UsageError(`${path} cannot be read: ${messageOf(error)}`);
      },
    );
    covered.push({ name: called, isDirectory: true });
    ignored += found.ignored;
    for (const { path: below, reason } of found.notes) {
      notes.push({ type: HARMLESS.has(reason) ? 'passed' : 'refused', place: { source: join(called, below) }, reason });
    }
    for (const file of found.files) {
      const source = called === '' ? file.path : `${called}/${file.path}`;
      inputs.push({ source, real: file.real, size: await sizeOf(file.real), named: false });
    }
  }
  const names = covered.map((one) => one.name);
  const twice = names.find((one, i) => names.indexOf(one) !== i);
  if (twice !== undefined) {
    throw new UsageError(
      `two inputs are called '${twice}', and their examples would be too: ingest them one by one with --name`,
    );
  }
  return {
    inputs,
    notes,
    ignored,
    bytes: paths.includes('-') ? undefined : inputs.reduce((sum, { size = 0 }) => sum + size, 0),
    covers: (source) =>
      covered.some((one) =>
        one.isDirectory && one.name !== '' ? source.startsWith(`${one.name}/`) : source === one.name,
      ),
  };
};
