// Something that cannot be undone: typed at a terminal, or said by --yes.
import { createInterface } from 'node:readline/promises';
import { UsageError } from '../../wire/usage.ts';
import type { Given } from '../commands/command.ts';
import { flag } from '../commands/values.ts';
import { CommandError } from '../exit.ts';

/** The line that is typed, without the spaces around it; undefined where nobody can be asked. Ctrl-C ends it as an empty line. */
export const typedLine = async (
  { console, input }: Pick<Given, 'console' | 'input'>,
  question: string,
): Promise<string | undefined> => {
  if (!input.interactive) return undefined;
  console.note(question);
  const lines = createInterface({ input: input.stream, terminal: false });
  console.signal.addEventListener('abort', () => lines.close(), { once: true });
  let typed = '';
  for await (const line of lines) {
    typed = line.trim();
    break;
  }
  lines.close();
  return typed;
};

/** Resolves when the word was typed. */
export const confirm = async (
  { console, input, values }: Pick<Given, 'console' | 'input' | 'values'>,
  what: string,
  word: string,
): Promise<void> => {
  if (flag(values, 'yes')) return;
  const typed = await typedLine({ console, input }, `${what}. This cannot be undone. Type ${word} to go on:`);
  if (typed === undefined) throw new UsageError(`${what}: say --yes, since nobody can be asked here`);
  if (typed !== word) throw new CommandError('nothing was deleted');
};
