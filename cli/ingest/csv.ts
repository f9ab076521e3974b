// CSV and TSV with a header, of any size in all: a row is an example, its columns chosen by name. Spreadsheets write
// Windows-1252 and UTF-16 as well: a file that fits into memory is decoded as documents are, a larger one must be UTF-8.
// A quote that is never closed swallows what follows, so reading ends there, and it is told from which line on.
import { parse } from 'csv-parse';
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

/** Characters given to the parser at a time. */
const PIECE = 64 * 1024;

interface Row {
  readonly cells: readonly string[];
  /** Of its first character. */
  readonly line: number;
}

/** Rows as they come, and where they end early the line from which on nothing is read, with why. */
async function* rowsOf(
  texts: AsyncIterable<string>,
  delimiter: string,
): AsyncGenerator<Row | { readonly from: number; readonly why: string }, void, void> {
  let rows: Row[] = [];
  let line = 1;
  const parser = parse({
    delimiter,
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
    // characters, quotes included
    max_record_size: MAX_LINE_BYTES,
    // kept here: what a stream still holds is lost when it fails
    on_record: (cells: string[], { lines }) => {
      rows.push({ cells, line });
      line = lines + 1;
      return null;
    },
  });
  let failure: unknown;
  let failed = (): void => {};
  parser.on('error', (error) => {
    failure = error;
    failed();
  });
  const taken = (work: (done: () => void) => void): Promise<void> =>
    new Promise((resolve) => {
      failed = resolve;
      work(resolve);
    });
  function* drained() {
    const now = rows;
    rows = [];
    yield* now;
    if (failure !== undefined) yield { from: line, why: messageOf(failure) };
  }
  for await (const text of texts) {
    for (let at = 0; at < text.length; at += PIECE) {
      await taken((done) => parser.write(text.slice(at, at + PIECE), () => done()));
      yield* drained();
      if (failure !== undefined) return;
    }
  }
  await taken((done) => parser.end(() => done()));
  yield* drained();
}

export async function* readCsv(
  input: Input,
  reading: Reading,
  delimiter: ',' | '\t',
  fields: Fields,
  types: Filterable,
): AsyncGenerator<Found, void, void> {
  const { source } = input;
  let header: readonly string[] | undefined;
  let columns: Columns | undefined;
  for await (const row of rowsOf(decoded(input, reading), delimiter)) {
    if ('why' in row) {
      yield refused({ source, line: row.from }, `nothing is read from here on: ${row.why}`);
      return;
    }
    const { cells, line } = row;
    if (header === undefined || columns === undefined) {
      header = cells;
      columns = columnsOf(header, fields);
    } else if (cells.length !== header.length) {
      yield refused({ source, line }, `${cells.length} fields, the header has ${header.length}`);
    } else yield foundIn(source, line, cells, columns, types);
  }
  if (header === undefined) throw new ReadError('empty');
}
