// Values of flags as they are typed, into what they mean.
import type { Filterable } from '../../wire/api/corpora.ts';
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

/** `--filterable lang,year:number`, several times or separated by commas; a name alone is a string. */
export const filterableOf = (typed: readonly string[]): Filterable =>
  Object.fromEntries(
    typed
      .flatMap((one) => one.split(','))
      .map((one) => {
        const [, name, type = 'string'] = /^([^:]+)(?::(string|number|boolean))?$/.exec(one.trim()) ?? [];
        if (name === undefined) {
          throw new UsageError(`--filterable is '${one}', it must be NAME, NAME:string, NAME:number or NAME:boolean`);
        }
        return [name, type as Filterable[string]];
      }),
  );

/** A JSON value, as a filter is typed. */
export const json = (values: Values, name: string): unknown => {
  const given = text(values, name);
  if (given === undefined) return undefined;
  try {
    return JSON.parse(given);
  } catch {
    throw new UsageError(`--${name} is '${given}', it must be JSON, such as '{"source":"guide.md"}'`);
  }
};

/** Without what is undefined: a request says only what was given. */
export const given = <T extends Readonly<Record<string, unknown>>>(
  fields: T,
): { [Name in keyof T]?: Exclude<T[Name], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>;
  };
