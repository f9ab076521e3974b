// The text that a command is about: typed as an argument, in a file, or piped in. Exactly one of them.
// A file is taken as it is; of what is piped in the last newline is left out, since `echo` adds one.
import { readFile } from 'node:fs/promises';
import { MAX_PROMPT_BYTES } from '../../wire/limits.ts';
import { messageOf } from '../../wire/message.ts';
import { UsageError } from '../../wire/usage.ts';
import { whenAborted } from '../aborted.ts';
import type { Given, Input } from '../commands/command.ts';
import { text } from '../commands/values.ts';

const decoded = (bytes: Uint8Array, where: string): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${where} is not UTF-8 text`);
  }
};

/** Everything that is piped in, up to a limit. */
export const readAll = async ({ stream }: Input, signal: AbortSignal, most = MAX_PROMPT_BYTES): Promise<string> => {
  const read = async (): Promise<string> => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stream) {
      const piece = Buffer.from(chunk);
      chunks.push(piece);
      bytes += piece.length;
      if (bytes > most) throw new UsageError(`stdin is longer than ${most} bytes`);
    }
    return decoded(Buffer.concat(chunks), 'stdin');
  };
  return Promise.race([read(), whenAborted(signal)]);
};

export const readTextFile = async (path: string): Promise<string> => {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new UsageError(`${path} cannot be read: ${messageOf(error)}`);
  });
  return decoded(bytes, path);
};

/** The text; undefined where there is none and somebody sits at the terminal. */
export const textOrNone = async (
  { console, input, values }: Pick<Given, 'console' | 'input' | 'values'>,
  argument: string | undefined,
  what: string,
): Promise<string | undefined> => {
  const file = text(values, 'file');
  if (file !== undefined && argument !== undefined) throw new UsageError(`give the ${what} or --file, not both`);
  if (file !== undefined && file !== '-') return readTextFile(file);
  if (argument === '') throw new UsageError(`no ${what}: the argument is empty`);
  if (argument !== undefined && argument !== '-') return argument;
  if (argument === undefined && file === undefined && input.interactive) return undefined;
  const piped = (await readAll(input, console.signal)).replace(/\r?\n$/, '');
  if (piped === '') throw new UsageError(`no ${what}: stdin is empty`);
  return piped;
};

export const textOf = async (given: Given, argument: string | undefined, what: string): Promise<string> => {
  const found = await textOrNone(given, argument, what);
  if (found === undefined) throw new UsageError(`no ${what}: give it as an argument, by --file, or pipe it in`);
  return found;
};
