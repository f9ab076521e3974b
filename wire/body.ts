// A request's body on both sides of the wire: read with a cap while it is read, then parsed by the route's schema into a
// typed value, or the first fault in the caller's terms.
import type { z } from 'zod';
import { fail, ok, type Result } from './faults.ts';
import { inWords } from './words.ts';

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
  return { param: issue?.path.map(String).join('.') || whole, message: issue?.message ?? 'does not fit the schema' };
};

/** What Python's json and others write for numbers that JSON does not have. */
const NO_NUMBER = /[[:,]\s*(NaN|-?Infinity)\s*[,\]}]/;

/** Strings, blanked before looking for such a number: a text may well speak of NaN. */
const STRING = /"(?:[^"\\]|\\.)*"/gs;

const whyNotJson = (text: string): string => {
  const bare = NO_NUMBER.exec(text.replace(STRING, (string) => '_'.repeat(string.length)));
  // the engine's own message quotes the input, which may be long or secret
  return bare === null
    ? ''
    : `: ${bare[1]} at character ${bare.index + bare[0].indexOf(bare[1] ?? '') + 1}; JSON has no such number`;
};

/** JSON text as a value of the schema; the fault names the first field that does not fit, or the line of an upload. */
export const parseAs = <Schema extends z.ZodType>(
  bytes: Uint8Array,
  schema: Schema,
  line?: number,
): Result<z.output<Schema>> => {
  const where = line === undefined ? 'the body' : 'the line';
  const badJson = (message: string) => fail({ kind: 'bad_json', message, ...(line === undefined ? {} : { line }) });
  if (bytes.length === 0) return badJson(`${where} is empty`);
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return badJson(`${where} is not UTF-8`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return badJson(`${where} is not JSON${whyNotJson(text)}`);
  }
  const parsed = schema.safeParse(value, { error: inWords });
  if (parsed.success) return ok(parsed.data);
  const { param, message } = problem(parsed, line === undefined ? 'body' : 'line') ?? { param: 'body', message: '' };
  return line === undefined ? fail({ kind: 'bad_field', param, message }) : badJson(`${param}: ${message}`);
};
