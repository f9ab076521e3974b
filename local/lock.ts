// One owner of a state directory at a time: two edges over the same SQLite files would write past each other.
// The lock is a file that names the owner's process. A lock whose process has ended, by a crash or kill -9, is taken over.
// Trade-off: processes are compared by number and start time, so the lock holds on one machine and not over a network.
import { execFile } from 'node:child_process';
import { readFileSync, unlinkSync } from 'node:fs';
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { LOCK_ATTEMPTS } from '../wire/limits.ts';
import { UsageError } from '../wire/usage.ts';

const owner = z.object({ pid: z.int().positive(), started: z.string() });
type Owner = z.output<typeof owner>;

export interface Lock {
  /** Gives the directory up; also called by itself when the process ends. */
  release(): void;
}

/** When a process began, which tells it from a later one of the same number; undefined when there is none. */
const startOf = async (pid: number): Promise<string | undefined> => {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    // the name before it may hold spaces and brackets; field 3 is the state, field 22 the start
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields === undefined || fields[0] === 'Z' ? undefined : fields[19];
  }
  const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout.trim() === '' ? undefined : stdout.trim();
};

const parse = (text: string): Owner | undefined => {
  try {
    return owner.parse(JSON.parse(text));
  } catch {
    return undefined; // cut off by a crash
  }
};

const isHeld = async (by: Owner | undefined): Promise<boolean> =>
  by !== undefined && (await startOf(by.pid)) === by.started;

/** Removes a lock that was found stale, unless another process has taken it over meanwhile. */
const removeStale = async (path: string, stale: string): Promise<void> => {
  const aside = `${path}.${process.pid}.old`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, 'utf8')) !== stale) await link(aside, path).catch(() => {});
    await unlink(aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
};

/** Takes the directory for this process; a UsageError names the process that has it. */
export const lockState = async (directory: string): Promise<Lock> => {
  const path = join(directory, 'lock');
  const mine = `${JSON.stringify({ pid: process.pid, started: (await startOf(process.pid)) ?? '' })}\n`;
  const own = `${path}.${process.pid}.new`;
  await writeFile(own, mine);
  try {
    for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
      try {
        // a link is made whole or not at all, so that no lock is ever seen half written
        await link(own, path);
        return held(path, mine);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const text = await readFile(path, 'utf8').catch(() => undefined);
      if (text === undefined) continue; // given up just now
      const by = parse(text);
      if (by !== undefined && (await isHeld(by))) {
        throw new UsageError(
          `${directory} is in use by process ${by.pid}: stop that one first, or give this one another directory with SIFT_STATE`,
        );
      }
      await removeStale(path, text);
    }
    throw new UsageError(`${path} is taken again and again: is something starting sift-edge in a loop?`);
  } finally {
    await unlink(own);
  }
};

const held = (path: string, mine: string): Lock => {
  const release = (): void => {
    process.removeListener('exit', release);
    try {
      if (readFileSync(path, 'utf8') === mine) unlinkSync(path);
    } catch {
      // gone with its directory
    }
  };
  process.once('exit', release);
  return { release };
};
