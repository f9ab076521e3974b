// A request's body on both sides of the wire: read with a cap while it is read, then parsed by the route's schema into a
// typed value, or the first fault in the caller's terms.
import type { z } from 'zod';
import { fail, ok, type Result } from './faults.ts';
import { lookAtJson } from './json.ts';
import { MAX_SHOWN_CHARACTERS } from './limits.ts';
import { inWords, shortened } from './words.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

export const concat = (chunks: readonly Uint8Array[], total: number): Uint8Array<ArrayBuffer> => {
  const all = new Uint8Array(total);
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return all;
};

/** The bytes of a body, or too_large as soon as the limit is passed; the rest is not read. `onChunk` sees what comes. */
export const readCapped = async (
  request: Request,
  limit: number,
  onChunk?: (chunk: Uint8Array) => void,
): Promise<Result<Uint8Array<ArrayBuffer>>> => {
  const tooLarge = (got: number | string) => fail({ kind: 'too_large', param: 'body', got, limit, unit: 'bytes' });
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > limit) return tooLarge(declared);
  if (declared > 0 && onChunk === undefined) {
    // as long as it says, by HTTP itself: read as a whole, which costs a fraction of reading it in chunks
    const bytes = new Uint8Array(await request.arrayBuffer());
    return bytes.byteLength > limit ? tooLarge(bytes.byteLength) : ok(bytes);
  }
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of request.body ?? []) {
    total += chunk.byteLength;
    if (total > limit) return tooLarge(`more than ${limit}`);
    onChunk?.(chunk);
    chunks.push(chunk);
  }
  return ok(concat(chunks, total));
};

/** The first issue of a value that does not fit, and where it is; undefined for one that fits. */
export const problem = (
  parsed: z.ZodSafeParseResult<unknown>,
  whole: string,
): { param: string; message: string } | undefined => {
  if (parsed.success) return undefined;
  const [issue] = parsed.error.issues;
  const path = issue?.path.map((part) => shortened(String(part), MAX_SHOWN_CHARACTERS)).join('.');
  return { param: path || whole, message: issue?.message ?? 'does not fit the schema' };
};

const badJson = (message: string, line: number | undefined) =>
  fail({ kind: 'bad_json', message, ...(line === undefined ? {} : { line }) });

/** JSON text as a value whose depth and size are bounded (wire/json.ts). */
export const parseJson = (bytes: Uint8Array, line?: number): Result<unknown> => {
  const where = line === undefined ? 'the body' : 'the line';
  if (bytes.length === 0) return badJson(`${where} is empty`, line);
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return badJson(`${where} is not UTF-8`, line);
  }
  const { excess, oddNumber } = lookAtJson(text);
  if (excess !== undefined) return badJson(`${where} ${excess}`, line);
  try {
    return ok(JSON.parse(text));
  } catch {
    // the engine's own message quotes the input, which may be long or secret
    const why =
      oddNumber === undefined ? '' : `: ${oddNumber.name} at character ${oddNumber.at}; JSON has no such number`;
    return badJson(`${where} is not JSON${why}`, line);
  }
};

/** A parsed value by its schema; the fault names the first field that does not fit, or the line of an upload. */
export const conform = <Schema extends z.ZodType>(
  value: unknown,
  schema: Schema,
  line?: number,
): Result<z.output<Schema>> => {
  const parsed = schema.safeParse(value, { error: inWords });
  if (parsed.success) return ok(parsed.data);
  const { param, message } = problem(parsed, line === undefined ? 'body' : 'line') ?? { param: 'body', message: '' };
  return line === undefined ? fail({ kind: 'bad_field', param, message }) : badJson(`${param}: ${message}`, line);
};

/** JSON text as a value of the schema. */
export const parseAs = <Schema extends z.ZodType>(
  bytes: Uint8Array,
  schema: Schema,
  line?: number,
): Result<z.output<Schema>> => {
  const value = parseJson(bytes, line);
  return value.ok ? conform(value.value, schema, line) : value;
};
