// What the command lines here share: a mistake of the user's, and numbers as they are typed.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { messageOf } from '../wire/message.ts';
import { UsageError } from '../wire/usage.ts';

export { UsageError } from '../wire/usage.ts';

/** The options of a command line, by Node's own parser; one that is not known, or lacks its value, is the user's mistake. */
export const optionsOf = <const T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>>['values'] => {
  try {
    return parseArgs(config).values;
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
};

/** A whole number of the option `--name` within its limits. */
export const whole = (name: string, text: string, least: number, most: number): number => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new UsageError(`--${name} is '${text}', it must be a whole number from ${least} to ${most}`);
  }
  return value;
};
