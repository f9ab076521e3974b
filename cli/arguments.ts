// What the command lines here share: a mistake of the user's, and numbers as they are typed.
import { UsageError } from '../wire/usage.ts';

export { UsageError } from '../wire/usage.ts';

/** A whole number of the option `--name` within its limits. */
export const whole = (name: string, text: string, least: number, most: number): number => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new UsageError(`--${name} is '${text}', it must be a whole number from ${least} to ${most}`);
  }
  return value;
};
