// Reads inputs one after the other, each by what it is. What cannot be read is told and the next one is read: only a mistake
// of the command line in its only input ends the whole.
import { decodeText } from '../../corpus/decode.ts';
import type { Filterable } from '../../wire/api/corpora.ts';
import { INGEST_PEEK_BYTES, MAX_CORPUS_FILE_BYTES } from '../../wire/limits.ts';
import { messageOf } from '../../wire/message.ts';
import { UsageError } from '../../wire/usage.ts';
import { ColumnError, readCsv } from './csv.ts';
import type { Fields } from './fields.ts';
import { type Found, refused } from './found.ts';
import { textOfHtml } from './html.ts';
import { beginsAsJsonl, readJsonl } from './jsonl.ts';
import { isPromised, type Kind, kindOf } from './kinds.ts';
import { bytesOf, type Input, ReadError, type Reading, wholeOf } from './open.ts';
import { pdfReader } from './pdf.ts';

export interface ReadOptions {
  /** What files named on the command line and stdin are, whatever they are called. */
  readonly as?: Kind;
  readonly fields: Fields;
  readonly types: Filterable;
}

/** Reasons for which a file of no particular kind is passed over rather than refused: it is no text. */
const NO_TEXT = new Set(['empty', 'binary']);
const REASONS: Readonly<Record<string, string>> = {
  'UTF-32': 'UTF-32, which is not read',
  'an unknown encoding': 'neither UTF-8 nor Windows-1252',
};

/** Bytes of stdin up to the first newline, which tell what it is, and all of it again from the beginning. */
const peeked = async (bytes: AsyncGenerator<Uint8Array, void, void>) => {
  const held: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const next = await bytes.next();
    if (next.done === true) break;
    held.push(next.value);
    size += next.value.byteLength;
    if (next.value.includes(0x0a) || size >= INGEST_PEEK_BYTES) break;
  }
  const first = Buffer.concat(held);
  async function* again(): AsyncGenerator<Uint8Array, void, void> {
    yield first;
    yield* bytes;
  }
  return { first, bytes: again() };
};

async function* readDocument(input: Input, reading: Reading, kind: Kind): AsyncGenerator<Found, void, void> {
  const place = { source: input.source };
  const bytes = await wholeOf(input, reading, MAX_CORPUS_FILE_BYTES);
  if (kind === 'html') {
    yield { type: 'text', place, text: textOfHtml(bytes), isRow: false };
    return;
  }
  const read = decodeText(bytes);
  if ('refused' in read) throw new ReadError(read.refused);
  yield { type: 'text', place, text: read.text, isRow: false };
}

/** stdin of which nobody says what it is. */
async function* readUnknown(
  input: Input,
  reading: Reading,
  { fields, types }: ReadOptions,
): AsyncGenerator<Found, void, void> {
  const { first, bytes } = await peeked(bytesOf(input, reading));
  const [line = ''] = first
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .split('\n');
  if (beginsAsJsonl(line)) yield* readJsonl(input.source, bytes, fields, types);
  else yield* readDocument(input, { ...reading, stdin: bytes, onBytes: () => {} }, 'text');
}

export async function* readInputs(
  inputs: readonly Input[],
  reading: Reading,
  options: ReadOptions,
  onFile: (input: Input) => void = () => {},
): AsyncGenerator<Found, void, void> {
  const pdfs = pdfReader();
  const { fields, types } = options;
  const read = (input: Input, kind: Kind | undefined): AsyncGenerator<Found, void, void> => {
    if (kind === undefined) return readUnknown(input, reading, options);
    if (kind === 'csv' || kind === 'tsv') return readCsv(input, reading, kind === 'csv' ? ',' : '\t', fields, types);
    if (kind === 'jsonl') return readJsonl(input.source, bytesOf(input, reading), fields, types);
    return kind === 'pdf' ? pdfs.read(input, reading) : readDocument(input, reading, kind);
  };
  try {
    for (const input of inputs) {
      onFile(input);
      const given = input.named ? options.as : undefined;
      const kind = given ?? (input.real === undefined ? undefined : kindOf(input.source));
      try {
        yield* read(input, kind);
      } catch (error) {
        if (error instanceof ColumnError && inputs.length === 1) {
          throw new UsageError(`${input.source}: ${error.message}`);
        }
        const reason = error instanceof ReadError ? (REASONS[error.message] ?? error.message) : messageOf(error);
        const place = { source: input.source };
        const isText = kind === undefined || !isPromised(kind);
        if (NO_TEXT.has(reason) && isText) yield { type: 'passed', place, reason };
        else if (reason === 'empty') yield { type: 'passed', place, reason };
        else yield refused(place, reason);
      }
    }
  } finally {
    await pdfs.close();
  }
}
