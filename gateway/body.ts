// Reads a request's body with a cap while it is read, and parses it with the route's schema into a typed value.
import type { z } from 'zod';
import { fail, ok, type Result } from '../wire/fault.ts';

/** The bytes of a body, or too_large as soon as the limit is passed; the rest is not read. */
export const readCapped = async (request: Request, limit: number): Promise<Result<Uint8Array<ArrayBuffer>>> => {
  const tooLarge = (got: number | string) => fail({ kind: 'too_large', param: 'body', got, limit, unit: 'bytes' });
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > limit) return tooLarge(declared);
  const chunks: Uint8Array[] = [];
  let total = 0;
  if (request.body !== null) {
    for await (const chunk of request.body) {
      total += chunk.byteLength;
      if (total > limit) return tooLarge(`more than ${limit}`);
      chunks.push(chunk);
    }
  }
  const body = new Uint8Array(total);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return ok(body);
};

const utf8 = new TextDecoder('utf-8', { fatal: true });

export const parseJson = <Schema extends z.ZodType>(bytes: Uint8Array, schema: Schema): Result<z.output<Schema>> => {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch (error) {
    return fail({
      kind: 'bad_json',
      message: `the body is not JSON: ${error instanceof Error ? error.message : error}`,
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  const [issue] = parsed.error.issues;
  return fail({
    kind: 'bad_field',
    param: issue?.path.join('.') || 'body',
    message: issue?.message ?? 'does not fit the schema',
  });
};
