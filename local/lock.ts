// One owner of a state directory at a time: two edges over the same SQLite files would write past each other.
// The operating system holds the lock, through SQLite, and frees it when its process ends, however it ends. A lock made
// of files alone cannot be taken over safely after a crash: between looking and taking, a third process comes.
// The file beside it only tells others who the owner is. Trade-off: it holds on one machine, not on every network disk.
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { MachineError } from '../wire/usage.ts';

const SQLITE_BUSY = 5;
/** Keeps the databases from the garbage collector, which would close them and give the directory up. */
const held = new Set<DatabaseSync>();
const owner = z.object({ pid: z.int().positive() });

export interface Lock {
  /** Gives the directory up; the end of the process does so too. */
  release(): void;
}

/** “process 4711”, as the owner wrote it down; the lock is real also where that is missing or damaged. */
const nameOfOwner = async (path: string): Promise<string> => {
  try {
    return `process ${owner.parse(JSON.parse(await readFile(path, 'utf8'))).pid}`;
  } catch {
    return 'another process';
  }
};

/** Takes the directory for this process; a MachineError names the process that has it. */
export const lockState = async (directory: string): Promise<Lock> => {
  const note = join(directory, 'lock');
  const database = new DatabaseSync(join(directory, 'lock.db'));
  try {
    // one process at most holds an immediate transaction; an exclusive one could go to nobody, while several only look
    database.exec('BEGIN IMMEDIATE');
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    throw new MachineError(
      `${directory} is in use by ${await nameOfOwner(note)}: stop that one first, or give this one another directory with SIFT_STATE`,
    );
  }
  held.add(database);
  const next = `${note}.new`;
  await writeFile(next, `${JSON.stringify({ pid: process.pid })}\n`);
  await rename(next, note);
  return {
    release: () => {
      if (held.delete(database)) database.close();
    },
  };
};

/** Who has the directory, without taking it for longer than a moment; undefined: nobody. */
export const ownerOf = async (directory: string): Promise<string | undefined> => {
  const path = join(directory, 'lock.db');
  if (!existsSync(path)) return undefined;
  const database = new DatabaseSync(path);
  try {
    database.exec('BEGIN IMMEDIATE; ROLLBACK');
    return undefined;
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    return await nameOfOwner(join(directory, 'lock'));
  } finally {
    database.close();
  }
};
