// What a vector carries in Vectorize, so that one query brings a whole pool: the row as base64 of int16 Q15, the text
// while it fits, and the caller's own metadata under `meta`. A text that does not fit goes to R2, and `long` says so.
import { fail, ok, type Result } from '../../wire/faults.ts';
import { VECTORIZE_MAX_METADATA_BYTES } from '../../wire/limits.ts';
import { byteLength } from '../../wire/text.ts';
import { fromBase64, toBase64 } from '../vectors/base64.ts';

/** Flat, as Vectorize wants it. */
export type CallerMetadata = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface Example {
  readonly id: string;
  /** Absent only where a caller indexes bare vectors. */
  readonly text: string;
  readonly source?: string;
  readonly metadata?: CallerMetadata;
}

export interface RecordMetadata {
  /** base64 of little-endian int16, `round(32767·x)`. */
  q15: string;
  id: string;
  /** UTF-8 bytes of the text. */
  bytes: number;
  /** Fingerprint of this version of the example. */
  hash: string;
  text?: string;
  /** The text is in R2. */
  long?: true;
  source?: string;
  meta?: CallerMetadata;
}

export const q15ToBase64 = (row: Int16Array): string =>
  toBase64(new Uint8Array(row.buffer, row.byteOffset, row.byteLength));

/** The row, or undefined when the text is not one of this many dimensions. */
export const q15FromBase64 = (text: string, dimensions: number): Int16Array | undefined => {
  const bytes = fromBase64(text);
  return bytes === undefined || bytes.length !== 2 * dimensions
    ? undefined
    : new Int16Array(bytes.buffer, bytes.byteOffset, dimensions);
};

/** The metadata of an example, its text inside if all of it stays within 10 KiB. */
export const makeRecord = (
  example: Example,
  row: Int16Array,
  hash: string,
  line?: number,
): Result<{ metadata: RecordMetadata; long: boolean }> => {
  const bytes = byteLength(example.text);
  const bare: RecordMetadata = {
    q15: q15ToBase64(row),
    id: example.id,
    bytes,
    hash,
    ...(example.source === undefined ? {} : { source: example.source }),
    ...(example.metadata === undefined ? {} : { meta: example.metadata }),
  };
  const whole = { ...bare, text: example.text };
  if (byteLength(JSON.stringify(whole)) <= VECTORIZE_MAX_METADATA_BYTES) {
    return ok({ metadata: whole, long: false });
  }
  const short = { ...bare, long: true as const };
  const got = byteLength(JSON.stringify(short));
  if (got > VECTORIZE_MAX_METADATA_BYTES) {
    const limit = VECTORIZE_MAX_METADATA_BYTES;
    return fail({
      kind: 'too_large',
      param: 'metadata with the vector',
      got,
      limit,
      unit: 'bytes',
      ...(line === undefined ? {} : { line }),
    });
  }
  return ok({ metadata: short, long: true });
};

const isString = (value: unknown): value is string => typeof value === 'string';

/** A record as it came back; undefined when it is not one of ours. */
export const readRecord = (metadata: unknown): RecordMetadata | undefined => {
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  const { q15, id, bytes, hash, text, long, source, meta } = metadata as Partial<Record<keyof RecordMetadata, unknown>>;
  if (!isString(q15) || !isString(id) || !isString(hash) || typeof bytes !== 'number') return undefined;
  return {
    q15,
    id,
    bytes,
    hash,
    ...(isString(text) ? { text } : {}),
    ...(long === true ? { long } : {}),
    ...(isString(source) ? { source } : {}),
    // written by makeRecord from a checked CallerMetadata
    ...(typeof meta === 'object' && meta !== null ? { meta: meta as CallerMetadata } : {}),
  };
};
