// Something that cannot be undone: typed at a terminal, or said by --yes.
import { createInterface } from 'node:readline/promises';
import { UsageError } from '../../wire/usage.ts';
import type { Given } from '../commands/command.ts';
import { flag } from '../commands/values.ts';
import { CommandError } from '../exit.ts';

/** Resolves when the word was typed. */
export const confirm = async (
  { console, input, values }: Pick<Given, 'console' | 'input' | 'values'>,
  what: string,
  word: string,
): Promise<void> => {
  if (flag(values, 'yes')) return;
  if (!input.interactive) throw new UsageError(`${what}: say --yes, since nobody can be asked here`);
  console.note(`${what}. This cannot be undone. Type ${word} to go on:`);
  const lines = createInterface({ input: input.stream, terminal: false });
  console.signal.addEventListener('abort', () => lines.close(), { once: true });
  for await (const line of lines) {
    if (line.trim() === word) return lines.close();
    break;
  }
  lines.close();
  throw new CommandError('nothing was deleted');
};
