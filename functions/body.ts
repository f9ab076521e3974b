// Bodies are read with a cap while they are read: JSON into a route's typed value, NDJSON into lines.
// A line over its limit is counted and reported, never held. A stream that breaks off never yields its last half line.
import type { z } from 'zod';
import { FaultError, fail, ok, type Result } from '../wire/fault.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

const concat = (chunks: readonly Uint8Array[], total: number): Uint8Array => {
  if (chunks.length === 1 && chunks[0] !== undefined) return chunks[0];
  const all = new Uint8Array(total);
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return all;
};

/** The bytes of a body, or too_large as soon as the limit is passed; the rest is not read. */
export const readCapped = async (request: Request, limit: number): Promise<Result<Uint8Array>> => {
  const tooLarge = (got: number | string) => fail({ kind: 'too_large', param: 'body', got, limit, unit: 'bytes' });
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > limit) return tooLarge(declared);
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of request.body ?? []) {
    total += chunk.byteLength;
    if (total > limit) return tooLarge(`more than ${limit}`);
    chunks.push(chunk);
  }
  return ok(concat(chunks, total));
};

/** JSON text as a value of the schema; the fault names the first field that does not fit. */
export const parseAs = <Schema extends z.ZodType>(
  bytes: Uint8Array,
  schema: Schema,
  line?: number,
): Result<z.output<Schema>> => {
  const where = line === undefined ? 'the body' : 'the line';
  const badJson = (message: string) => fail({ kind: 'bad_json', message, ...(line === undefined ? {} : { line }) });
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch (error) {
    // the engine's own message quotes the input, which may be long or secret
    const why = error instanceof SyntaxError ? 'not JSON' : 'not UTF-8';
    return badJson(bytes.length === 0 ? `${where} is empty` : `${where} is ${why}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  const [issue] = parsed.error.issues;
  const param = issue?.path.map(String).join('.') || (line === undefined ? 'body' : 'line');
  const message = issue?.message ?? 'does not fit the schema';
  return line === undefined ? fail({ kind: 'bad_field', param, message }) : badJson(`${param}: ${message}`);
};

/** A request's JSON body as a value of the schema; throws the fault. */
export const readJson = async <Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
  limit: number,
): Promise<z.output<Schema>> => {
  const bytes = await readCapped(request, limit);
  if (!bytes.ok) throw new FaultError(bytes.fault);
  const parsed = parseAs(bytes.value, schema);
  if (!parsed.ok) throw new FaultError(parsed.fault);
  return parsed.value;
};

/** A line of an upload, counted from 1: its bytes, or its size when it is over the limit. */
export type Line = { line: number; bytes: Uint8Array } | { line: number; oversize: number };

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** The lines of a stream. At most `limit` bytes of a line are held; a missing last newline is forgiven. */
export async function* lines(stream: ReadableStream<Uint8Array>, limit: number): AsyncGenerator<Line, void, void> {
  let line = 0;
  let held: Uint8Array[] = [];
  let size = 0;
  const take = (piece: Uint8Array): void => {
    size += piece.byteLength;
    if (size > limit) held = [];
    else if (piece.byteLength > 0) held.push(piece);
  };
  const finish = (): Line => {
    line += 1;
    let bytes = concat(held, size > limit ? 0 : size);
    if (bytes.at(-1) === RETURN) bytes = bytes.subarray(0, -1);
    const done: Line = size > limit ? { line, oversize: size } : { line, bytes };
    held = [];
    size = 0;
    return done;
  };
  for await (const chunk of stream) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      take(chunk.subarray(from, at));
      from = at + 1;
      yield finish();
    }
    take(chunk.subarray(from));
  }
  if (size > 0) yield finish();
}
