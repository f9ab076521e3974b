// The lines of an export, to stdout or into a file, which appears under its name when it is whole.
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../../wire/message.ts';
import type { Console } from '../commands/command.ts';
import { CommandError } from '../exit.ts';

type Lines = AsyncIterable<unknown>;

const toFile = async (lines: Lines, path: string, signal: AbortSignal): Promise<number> => {
  let count = 0;
  const texts = async function* () {
    for await (const line of lines) {
      count += 1;
      yield `${JSON.stringify(line)}\n`;
    }
  };
  const part = `${path}.${process.pid}.part`;
  try {
    await pipeline(Readable.from(texts()), createWriteStream(part), { signal });
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    if (typeof (error as NodeJS.ErrnoException).syscall !== 'string') throw error;
    throw new CommandError(`${path} cannot be written: ${messageOf(error)}`);
  }
  return count;
};

/** How many there were. It is NDJSON with and without --json. */
export const writeLines = async (lines: Lines, path: string | undefined, console: Console): Promise<number> => {
  if (path !== undefined) return toFile(lines, path, console.signal);
  let count = 0;
  for await (const line of lines) {
    count += 1;
    console.emit(line);
    console.say(JSON.stringify(line));
  }
  return count;
};
