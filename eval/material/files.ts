// Text files below a directory, in a fixed order. What is no UTF-8 is passed over; what cannot be read is an error that
// names the path.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../cli/arguments.ts';
import { messageOf } from '../../wire/message.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Files below a directory in the order of their names; links and hidden files are left out. */
export const filesBelow = async (root: string, skip: (path: string) => boolean): Promise<string[]> => {
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

/** undefined: not UTF-8. */
export const readText = async (path: string): Promise<string | undefined> => {
  try {
    return utf8.decode(await readFile(path));
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw new UsageError(`${path} cannot be read: ${messageOf(error)}`);
  }
};
