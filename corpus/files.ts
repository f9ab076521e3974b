// Files of a directory that nobody vouches for: found and read without hanging and without leaving the directory.
// Whatever is passed over is named with its reason; only the directory itself must be readable.
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** A file that was passed over, or taken in a way that its owner should know of. */
export interface Note {
  /** Below the directory, with forward slashes. */
  readonly path: string;
  readonly reason: string;
  readonly taken: boolean;
}

export interface FoundFile {
  /** Below the directory, with forward slashes. */
  readonly path: string;
  /** Where it really is; inside the directory. */
  readonly real: string;
}

const passed = (path: string, reason: string): Note => ({ path, reason, taken: false });

/** What Node says of a failed call, as a reason. */
export const because = (error: unknown, path: string): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  // Node puts U+FFFD for what is not UTF-8 in a name, and no file is found under that
  if (code === 'ENOENT') return path.includes('\ufffd') ? 'a name that is not UTF-8' : 'gone while it was read';
  return code === 'EACCES' || code === 'EPERM' ? 'no permission to read it' : `cannot be read: ${message}`;
};

const isInside = (path: string, root: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);

/** Follows a link: to a file inside the directory, or to the reason why it is passed over. */
const followed = async (full: string, path: string, root: string): Promise<FoundFile | Note> => {
  let real: string;
  let stats: Stats;
  try {
    real = await realpath(full);
    stats = await lstat(real);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return passed(
      path,
      code === 'ENOENT' || code === 'ELOOP' || code === 'ENOTDIR' ? 'a broken link' : because(error, path),
    );
  }
  if (!isInside(real, root)) return passed(path, 'a link out of the directory');
  if (stats.isDirectory()) return passed(path, 'a linked directory');
  return stats.isFile() ? { path, real } : passed(path, 'neither a file nor a directory');
};

/** Whether a path below a directory is left out, by whatever that directory holds. */
export type Ignored = (path: string, isDirectory: boolean) => boolean;

/**
 * Files below `root`, a real path, in a fixed order; hidden ones and those of `skip` are left out without a note, and so is
 * what `ignoring` says: it is asked once for each directory, given its path below the root and what holds above it.
 */
export const findFiles = async (
  root: string,
  skip: ReadonlySet<string>,
  ignoring?: (directory: string, path: string, above: Ignored) => Promise<Ignored>,
): Promise<{ files: FoundFile[]; notes: Note[]; ignored: number }> => {
  const files: FoundFile[] = [];
  const notes: Note[] = [];
  let ignored = 0;
  const walk = async (directory: string, above: Ignored): Promise<void> => {
    const names = (await readdir(directory)).sort();
    const below = relative(root, directory).replaceAll('\\', '/');
    const isIgnored = (await ignoring?.(directory, below, above)) ?? above;
    for (const name of names) {
      if (name.startsWith('.') || skip.has(name)) continue;
      const full = join(directory, name);
      const path = relative(root, full).replaceAll('\\', '/');
      try {
        const stats = await lstat(full);
        if (isIgnored(path, stats.isDirectory())) {
          ignored += 1;
          continue;
        }
        if (stats.isSymbolicLink()) {
          const found = await followed(full, path, root);
          if ('real' in found) files.push(found);
          else notes.push(found);
        } else if (stats.isDirectory()) await walk(full, isIgnored);
        else if (stats.isFile()) files.push({ path, real: full });
        else notes.push(passed(path, 'neither a file nor a directory'));
      } catch (error) {
        notes.push(passed(path, because(error, path)));
      }
    }
  };
  await walk(root, () => false);
  return { files, notes, ignored };
};

const readUpTo = async (file: FileHandle, most: number): Promise<Uint8Array | undefined> => {
  const pieces: Uint8Array[] = [];
  let size = 0;
  // a file may grow while it is read, and some say that they hold nothing: only reading tells
  for (;;) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(256 * 1024), 0, 256 * 1024, null);
    if (bytesRead === 0) return Buffer.concat(pieces);
    size += bytesRead;
    if (size > most) return undefined;
    pieces.push(buffer.subarray(0, bytesRead));
  }
};

/** The bytes of a file that was found, or the note of why not; files over `most` bytes are not read. */
export const readFound = async ({ path, real }: FoundFile, most: number): Promise<Uint8Array | Note> => {
  const tooLarge = passed(path, `larger than ${most / 1_000_000} MB`);
  let file: FileHandle | undefined;
  try {
    // it may have become a FIFO or a link since it was found: opening one must neither wait nor follow
    file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const stats = await file.stat();
    if (!stats.isFile()) return passed(path, 'neither a file nor a directory');
    if (stats.size > most) return tooLarge;
    return (await readUpTo(file, most)) ?? tooLarge;
  } catch (error) {
    return passed(path, because(error, path));
  } finally {
    await file?.close();
  }
};
