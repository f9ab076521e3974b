// CSV and TSV with a header, of any size in all: a row is an example, its columns chosen by name. Spreadsheets write
// Windows-1252 and UTF-16 as well: a file that fits into memory is decoded as documents are, a larger one must be UTF-8.
// A quote that is never closed swallows what follows, so reading ends there, and it is told from which line on.
import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { decodeText } from '../../corpus/decode.ts';
import type { Filterable } from '../../wire/api/corpora.ts';
import { MAX_CORPUS_FILE_BYTES, MAX_LINE_BYTES } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { messageOf } from '../../wire/message.ts';
import { type Fields, type MetadataValue, TEXT_FIELDS, typedText } from './fields.ts';
import { type Found, refused } from './found.ts';
import { bytesOf, type Input, ReadError, type Reading, wholeOf } from './open.ts';

/** The named columns are not there; the message lists those that are. */
export class ColumnError extends ReadError {}

async function* decoded(input: Input, reading: Reading): AsyncGenerator<string, void, void> {
  if (input.size !== undefined && input.size <= MAX_CORPUS_FILE_BYTES) {
    const read = decodeText(await wholeOf(input, reading, MAX_CORPUS_FILE_BYTES));
    if ('refused' in read) throw new ReadError(read.refused);
    yield read.text;
    return;
  }
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  let offset = 0;
  const decode = (piece?: Uint8Array): string => {
    try {
      const text = piece === undefined ? utf8.decode() : utf8.decode(piece, { stream: true });
      offset += piece?.byteLength ?? 0;
      return text;
    } catch {
      throw new ReadError(`not UTF-8 after ${offset} bytes: convert it first`);
    }
  };
  for await (const piece of bytesOf(input, reading)) yield decode(piece);
  yield decode();
}

interface Columns {
  readonly text: number;
  readonly id: number | undefined;
  readonly meta: readonly { readonly name: string; readonly column: number }[];
}

const columnsOf = (header: readonly string[], fields: Fields): Columns => {
  const names = header.map((name) => name.trim());
  const list = `it has ${names.slice(0, 30).join(', ')}`;
  const find = (name: string): number => {
    const column = names.indexOf(name);
    if (column < 0) throw new ColumnError(`no column '${name}': ${list}`);
    return column;
  };
  const guess = (): number => {
    const lower = names.map((name) => name.toLowerCase());
    const name = TEXT_FIELDS.find((one) => lower.includes(one));
    if (name === undefined) throw new ColumnError(`no column text, content or body: say --text-column; ${list}`);
    return lower.indexOf(name);
  };
  return {
    text: fields.text === undefined ? guess() : find(fields.text),
    id: fields.id === undefined ? undefined : find(fields.id),
    meta: fields.meta.map(({ name, field }) => ({ name, column: find(field) })),
  };
};

const foundIn = (source: string, line: number, row: readonly string[], columns: Columns, types: Filterable): Found => {
  const place = { source, line };
  const id = columns.id === undefined ? undefined : at(row, columns.id).trim();
  if (id === '') return refused(place, 'its id is empty');
  const metadata: Record<string, MetadataValue> = {};
  for (const { name, column } of columns.meta) {
    // an empty cell is an absent value
    if (at(row, column) === '') continue;
    const typed = typedText(name, at(row, column), types);
    if ('problem' in typed) return refused(place, typed.problem, id);
    metadata[name] = typed.value;
  }
  return {
    type: 'text',
    place,
    text: at(row, columns.text),
    isRow: true,
    ...(id === undefined ? {} : { id }),
    metadata,
  };
};

export async function* readCsv(
  input: Input,
  reading: Reading,
  delimiter: ',' | '\t',
  fields: Fields,
  types: Filterable,
): AsyncGenerator<Found, void, void> {
  const { source } = input;
  const parser = parse({
    delimiter,
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    // characters, quotes included
    max_record_size: MAX_LINE_BYTES,
  });
  const text = Readable.from(decoded(input, reading));
  text.on('error', (error) => parser.destroy(error));
  text.pipe(parser);
  let header: readonly string[] | undefined;
  let columns: Columns | undefined;
  let line = 1;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      // `lines` counts to the row's end; where it begins is after the one before
      const from = line;
      line = info.lines + 1;
      if (header === undefined || columns === undefined) {
        header = record;
        columns = columnsOf(header, fields);
      } else if (record.length !== header.length) {
        yield refused({ source, line: from }, `${record.length} fields, the header has ${header.length}`);
      } else yield foundIn(source, from, record, columns, types);
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    yield refused({ source, line }, `nothing is read from here on: ${messageOf(error)}`);
  } finally {
    text.destroy();
    parser.destroy();
  }
  if (header === undefined && line === 1) throw new ReadError('empty');
}
