// Files where a Worker serves them from. Other processes start Workers on the same directory at any moment, and those read all
// of it: so a file that is as it should be is not touched, and any other one is replaced in one step.
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';

/** Contents by path below a directory, with slashes. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** None where there is no such directory. */
export const filesIn = async (directory: string): Promise<Files> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const read = async (path: string) => [relative(directory, path).replaceAll(sep, '/'), await readFile(path)] as const;
  return new Map(await Promise.all(paths.map(read)));
};

/** The directory holds these files afterwards, and nothing else. */
export const place = async (directory: string, files: Files): Promise<void> => {
  await mkdir(directory, { recursive: true });
  const before = await filesIn(directory);
  for (const [path, contents] of files) {
    const there = before.get(path);
    if (there !== undefined && Buffer.from(there).equals(contents)) continue;
    const target = join(directory, path);
    // beside the directory, so that nobody takes it for one of its files
    const written = `${directory}.${randomUUID()}`;
    await writeFile(written, contents);
    await mkdir(dirname(target), { recursive: true });
    await rename(written, target);
  }
  const left = [...before.keys()].filter((path) => !files.has(path));
  await Promise.all(left.map((path) => rm(join(directory, path), { force: true })));
};
