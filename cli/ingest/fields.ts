// Fields of a row, from a CSV's cells or a JSON object, into an example's id, text and metadata. A property that the corpus
// declares as a number or boolean is read as one; whatever else a cell holds is text.
import type { Filterable } from '../../wire/api/corpora.ts';
import { UsageError } from '../../wire/usage.ts';
import { shown } from '../../wire/words.ts';

export type MetadataValue = string | number | boolean | string[];
export type CallerMetadata = Readonly<Record<string, MetadataValue>>;

/** Which fields of a row are what; undefined is for the reader to guess. */
export interface Fields {
  readonly text?: string;
  readonly id?: string;
  /** Names in the metadata, and the fields that they come from. */
  readonly meta: readonly { readonly name: string; readonly field: string }[];
}

/** What a field is called where nobody says which one holds the text. */
export const TEXT_FIELDS = ['text', 'content', 'body'] as const;

/** `lang,year=published.year`: fields, or a name and its field; the dots of a path cannot stand in a name. */
export const metaFields = (list: string | undefined): Fields['meta'] =>
  (list ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
    .map((one) => {
      const equals = one.indexOf('=');
      return equals <= 0
        ? { name: one.replaceAll('.', '_'), field: one }
        : { name: one.slice(0, equals), field: one.slice(equals + 1) };
    });

/** A text as the type that its property has, or why it cannot be one. */
export const typedText = (
  name: string,
  value: string,
  types: Filterable,
): { readonly value: string | number | boolean } | { readonly problem: string } => {
  const type = types[name] ?? 'string';
  if (type === 'string') return { value };
  const trimmed = value.trim();
  if (type === 'number' && trimmed !== '' && Number.isFinite(Number(trimmed))) return { value: Number(trimmed) };
  if (type === 'boolean' && /^(true|false)$/i.test(trimmed)) return { value: trimmed.toLowerCase() === 'true' };
  return { problem: `${name} is ${shown(value)}, it must be ${type === 'number' ? 'a number' : 'true or false'}` };
};

/** `--meta k=v`, several times. */
export const fixedMetadata = (pairs: readonly string[], types: Filterable): CallerMetadata =>
  Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      if (equals <= 0) throw new UsageError(`--meta is '${pair}', it must be NAME=VALUE`);
      const name = pair.slice(0, equals);
      const typed = typedText(name, pair.slice(equals + 1), types);
      if ('problem' in typed) throw new UsageError(`--meta ${typed.problem}`);
      return [name, typed.value];
    }),
  );
