// This machine: its Node, memory and disk.
import { statfs } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { DOCTOR_DISK_BYTES, DOCTOR_MEMORY_BYTES } from '../../wire/limits.ts';
import { type Check, fail, ok, warn } from './finding.ts';

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

export const nodeCheck: Check = async () => {
  const { node } = process.versions;
  const major = Number(node.split('.')[0]);
  return major >= 25
    ? [ok('node', `Node ${node}`)]
    : [
        fail(
          'node',
          `Node ${node}`,
          '25 or newer is needed',
          'run npm ci without --omit=optional, or install a newer Node',
        ),
      ];
};

export const memoryFinding = (available: number, cores: number) => {
  const what = `${gigabytes(available)} of memory free, ${cores} cores`;
  if (available >= DOCTOR_MEMORY_BYTES) return ok('memory', what);
  const todo = 'end something else, or serve with --workers 1';
  return warn('memory', what, `serve wants ${gigabytes(DOCTOR_MEMORY_BYTES)} with the bundled model`, todo);
};

export const memoryCheck: Check = async () => [memoryFinding(process.availableMemory(), availableParallelism())];

/** Of the nearest directory that is there. */
const freeBelow = async (directory: string): Promise<number> => {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(directory) === directory) throw error;
    return freeBelow(dirname(directory));
  }
};

export const diskFinding = (free: number, directory: string) => {
  const what = `${gigabytes(free)} of disk free for ${directory}`;
  if (free >= DOCTOR_DISK_BYTES) return ok('disk', what);
  return warn(
    'disk',
    what,
    `less than ${gigabytes(DOCTOR_DISK_BYTES)}`,
    'make room, or name another directory with SIFT_STATE',
  );
};

export const diskCheck: Check = async ({ state }) => [diskFinding(await freeBelow(state), state)];
