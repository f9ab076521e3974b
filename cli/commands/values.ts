// Values of flags as they are typed, into what they mean.
import { UsageError } from '../../wire/usage.ts';
import type { Values } from './command.ts';

/** A flag's text; undefined where it was not given. */
export const text = (values: Values, name: string): string | undefined => {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
};

export const texts = (values: Values, name: string): readonly string[] => {
  const value = values[name];
  return Array.isArray(value) ? value : [];
};

export const flag = (values: Values, name: string): boolean => values[name] === true;

/** A number within its limits; undefined where the flag was not given. */
export const number = (
  values: Values,
  name: string,
  { least, most, whole = true }: { readonly least: number; readonly most: number; readonly whole?: boolean },
): number | undefined => {
  const given = text(values, name);
  if (given === undefined) return undefined;
  const value = Number(given);
  const isNumber = given.trim() !== '' && Number.isFinite(value) && (!whole || Number.isInteger(value));
  if (isNumber && value >= least && value <= most) return value;
  const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const kind = whole ? 'a whole number' : 'a number';
  throw new UsageError(`--${option} is '${given}', it must be ${kind} from ${least} to ${most}`);
};
