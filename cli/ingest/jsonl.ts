// JSONL (NDJSON): a value a line, of any size in all. A line in the edge's own shape goes as it is; of another object the
// named fields are taken, by dotted paths. A line that cannot be read is refused with its number, and the next one is read.
import type { Filterable } from '../../wire/api/corpora.ts';
import { MAX_LINE_BYTES } from '../../wire/limits.ts';
import { messageOf } from '../../wire/message.ts';
import { shown } from '../../wire/words.ts';
import { type Fields, type MetadataValue, TEXT_FIELDS, typedText } from './fields.ts';
import { type Found, type FoundText, type Refused, refused } from './found.ts';
import { linesOf } from './lines.ts';

type Json = Readonly<Record<string, unknown>>;

const OWN: ReadonlySet<string> = new Set(['id', 'text', 'vector', 'source', 'metadata']);
const utf8 = new TextDecoder('utf-8', { fatal: true });

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** JSON in which whole numbers that a float64 cannot hold become their digits, as text, rather than other numbers. */
const parseExactly = (text: string): unknown => {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' &&
    Number.isInteger(value) &&
    !Number.isSafeInteger(value) &&
    /^-?\d+$/.test(context?.source ?? '')
      ? context?.source
      : value,
  );
};

/** A field by its name, or else by a dotted path. */
export const fieldOf = (row: Json, path: string): unknown => {
  if (Object.hasOwn(row, path)) return row[path];
  let value: unknown = row;
  for (const name of path.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
};

const asMetadata = (value: unknown): MetadataValue | undefined => {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : undefined;
};

type Row = Omit<FoundText, 'type' | 'place' | 'isRow'> | { readonly problem: string; readonly id?: string };

const mapped = (row: Json, fields: Fields, types: Filterable): Row => {
  const field = fields.text ?? TEXT_FIELDS.find((name) => typeof row[name] === 'string');
  if (field === undefined) {
    return {
      problem: `no field ${TEXT_FIELDS.join(', ')}; it has ${Object.keys(row).slice(0, 10).join(', ') || 'none'}`,
    };
  }
  const id = fields.id === undefined ? undefined : fieldOf(row, fields.id);
  if (id !== undefined && typeof id !== 'string' && typeof id !== 'number') {
    return { problem: `${fields.id} is ${shown(id)}, an id is a text or a number` };
  }
  if (fields.id !== undefined && id === undefined) return { problem: `no field ${fields.id}, which is to be the id` };
  const own = id === undefined ? {} : { id: String(id) };
  const text = fieldOf(row, field);
  if (typeof text !== 'string') {
    return {
      problem: text === undefined ? `no field ${field}` : `${field} is ${shown(text)}, it must be a text`,
      ...own,
    };
  }
  const metadata: Record<string, MetadataValue> = {};
  for (const { name, field: from } of fields.meta) {
    const raw = fieldOf(row, from);
    if (raw === undefined || raw === null) continue;
    const value = asMetadata(raw);
    if (value === undefined)
      return {
        problem: `${from} is ${shown(raw)}, metadata is text, a number, true or false, or a list of texts`,
        ...own,
      };
    const typed = typeof value === 'string' ? typedText(name, value, types) : { value };
    if ('problem' in typed) return { problem: typed.problem, ...own };
    metadata[name] = typed.value;
  }
  return { text, ...own, metadata };
};

/** Whether nothing but the edge's own fields is there, and nobody says what to take. */
const isOwnShape = (row: Json, fields: Fields): boolean =>
  fields.text === undefined &&
  fields.id === undefined &&
  fields.meta.length === 0 &&
  ('text' in row || 'vector' in row) &&
  Object.keys(row).every((key) => OWN.has(key));

/** What else is wrong with these fields is said by the edge's own schema (cut.ts). */
const asIs = ({ id, text, vector, source, metadata }: Json): Row => ({
  text: (text ?? '') as string,
  ...(id == null ? {} : { id: id as string }),
  ...(vector == null ? {} : { vector }),
  ...(source == null ? {} : { source: source as string }),
  ...(metadata == null ? {} : { metadata: metadata as FoundText['metadata'] & {} }),
});

/** Whether a first line says that its file is NDJSON: an object with a text. */
export const beginsAsJsonl = (line: string): boolean => {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) && (typeof value.text === 'string' || 'vector' in value);
  } catch {
    return false;
  }
};

export async function* readJsonl(
  source: string,
  bytes: AsyncIterable<Uint8Array>,
  fields: Fields,
  types: Filterable,
): AsyncGenerator<Found, void, void> {
  for await (const { line, ...rest } of linesOf(bytes, MAX_LINE_BYTES)) {
    const place = { source, line };
    const refuse = (reason: string, id?: string): Refused => refused(place, reason, id);
    if ('oversize' in rest) {
      yield refuse(`the line is ${rest.oversize} bytes, the limit is ${MAX_LINE_BYTES}`);
      continue;
    }
    let text: string;
    try {
      // a mark at the very beginning is left out by the decoder
      text = utf8.decode(rest.bytes);
    } catch {
      const isUtf16 = line === 1 && (rest.bytes[0] ?? 0) >= 0xfe;
      yield refuse(isUtf16 ? 'the file is UTF-16, JSONL must be UTF-8' : 'the line is not UTF-8');
      if (isUtf16) return;
      continue;
    }
    if (text.trim() === '') continue;
    let value: unknown;
    try {
      value = parseExactly(text);
    } catch (error) {
      yield refuse(`the line is not JSON: ${messageOf(error)}`);
      continue;
    }
    if (!isObject(value)) {
      yield refuse(`the line is ${shown(value)}, it must be an object`);
      continue;
    }
    const row = isOwnShape(value, fields) ? asIs(value) : mapped(value, fields, types);
    if ('problem' in row) yield refuse(row.problem, row.id);
    else yield { type: 'text', place, isRow: true, ...row };
  }
}
