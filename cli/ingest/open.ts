// The bytes of an input, as they come. A file is opened so that neither a FIFO nor a link put in its place can hang or
// mislead; one that changes while it is read is told, since what was read may be of two versions.
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { because } from '../../corpus/files.ts';

export interface Input {
  /** Name of the input and `source` of its examples. */
  readonly source: string;
  /** Where the file is; absent for stdin. */
  readonly real?: string;
  /** Bytes, as found; unknown of stdin. */
  readonly size?: number;
  /** Named on the command line, rather than found in a directory. */
  readonly named: boolean;
}

/** Why an input, or the rest of it, cannot be read. */
export class ReadError extends Error {}

export interface Reading {
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Told of bytes as they are read. */
  onBytes(count: number): void;
}

const PIECE = 256 * 1024;
const changed = (a: Stats, b: Stats): boolean => a.size !== b.size || a.mtimeMs !== b.mtimeMs;

async function* pieces(file: FileHandle): AsyncGenerator<Uint8Array, void, void> {
  for (;;) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(PIECE), 0, PIECE, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

export async function* bytesOf(input: Input, reading: Reading): AsyncGenerator<Uint8Array, void, void> {
  if (input.real === undefined) {
    for await (const piece of reading.stdin) {
      reading.onBytes(piece.byteLength);
      yield piece;
    }
    return;
  }
  let file: FileHandle | undefined;
  try {
    file = await open(input.real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const before = await file.stat();
    if (!before.isFile()) throw new ReadError('neither a file nor a directory');
    for await (const piece of pieces(file)) {
      reading.onBytes(piece.byteLength);
      yield piece;
    }
    if (changed(before, await file.stat())) throw new ReadError('changed while it was read: run the same again');
  } catch (error) {
    throw error instanceof ReadError ? error : new ReadError(because(error, input.source));
  } finally {
    await file?.close();
  }
}

/** All bytes of an input that has at most so many. */
export const wholeOf = async (input: Input, reading: Reading, most: number): Promise<Uint8Array<ArrayBuffer>> => {
  const tooLarge = (): ReadError => new ReadError(`larger than ${most / 1_000_000} MB`);
  if ((input.size ?? 0) > most) throw tooLarge();
  const all: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bytesOf(input, reading)) {
    size += piece.byteLength;
    if (size > most) throw tooLarge();
    all.push(piece);
  }
  return new Uint8Array(Buffer.concat(all));
};
