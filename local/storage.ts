// Whether the state directory can be worked with, asked before anything starts: a full or read-only disk and a damaged
// database are a sentence now instead of a failure of every request later. GET /health asks the running edge (worker/).

import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { STATE_PROBE_BYTES } from '../wire/limits.ts';
import { messageOf } from '../wire/message.ts';
import { MachineError } from '../wire/usage.ts';

/** Makes the directory if need be, and writes to it what a first upload would. */
export const checkWritable = async (directory: string): Promise<void> => {
  const probe = join(directory, `probe.${process.pid}`);
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(probe, new Uint8Array(STATE_PROBE_BYTES), { flush: true });
    await rm(probe);
  } catch (error) {
    await rm(probe, { force: true }).catch(() => {});
    throw new MachineError(
      `${directory} cannot be written, and everything that is indexed is kept there: ${messageOf(error)}. ` +
        'Make it writable, or name another directory with SIFT_STATE',
    );
  }
};

const databasesBelow = async (directory: string): Promise<string[]> => {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw new MachineError(`${directory} cannot be read: ${messageOf(error)}`);
    },
  );
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.sqlite'))
    .map((entry) => join(entry.parentPath, entry.name));
};

/** Why SQLite could not open this file; undefined when it can. An empty one is a database that was never written. */
const problemOf = async (path: string): Promise<string | undefined> => {
  try {
    if ((await stat(path)).size === 0) return undefined;
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      const found = database.prepare('PRAGMA quick_check(1)').get()?.quick_check;
      return found === 'ok' ? undefined : String(found);
    } finally {
      database.close();
    }
  } catch (error) {
    return messageOf(error);
  }
};

/** Throws a MachineError that says what is wrong with the state and what to do. */
export const checkState = async (directory: string): Promise<void> => {
  await checkWritable(directory);
  for (const path of await databasesBelow(directory)) {
    const problem = await problemOf(path);
    if (problem === undefined) continue;
    throw new MachineError(
      `${path} is damaged (${problem}). Put it back from a copy, or delete ${directory} to index anew; ` +
        'what callers uploaded is then lost, and the key in secrets.json is made anew',
    );
  }
};
