// Something that cannot be undone: typed at a terminal, or said by --yes.
import { createInterface } from 'node:readline/promises';
import { UsageError } from '../../wire/usage.ts';
import type { Given } from '../commands/command.ts';
import { flag } from '../commands/values.ts';
import { CommandError } from '../exit.ts';

/** A line that is typed in answer to a question; undefined where nobody can be asked, or nobody answers. */
export const typedLine = async (
  { console, input }: Pick<Given, 'console' | 'input'>,
  question: string,
): Promise<string | undefined> => {
  if (!input.interactive) return undefined;
  console.note(question);
  const lines = createInterface({ input: input.stream, terminal: false });
  console.signal.addEventListener('abort', () => lines.close(), { once: true });
  try {
    for await (const line of lines) return line.trim();
    return undefined;
  } finally {
    lines.close();
  }
};

/** Resolves when the word was typed. */
export const confirm = async (
  { values, ...given }: Pick<Given, 'console' | 'input' | 'values'>,
  what: string,
  word: string,
): Promise<void> => {
  if (flag(values, 'yes')) return;
  if (!given.input.interactive) throw new UsageError(`${what}: say --yes, since nobody can be asked here`);
  const typed = await typedLine(given, `${what}. This cannot be undone. Type ${word} to go on:`);
  if (typed !== word) throw new CommandError('nothing was deleted');
};
