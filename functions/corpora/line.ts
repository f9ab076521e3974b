// One line of an upload becomes prepared examples, or the fault that its result line will carry. One line is one example,
// or, where its text is to be cut, one for each chunk: `ID#k`, with the line's metadata, and the line's id as source unless
// it names one. A line that brings its own vector is not cut: the vector is of all of its text.

import { cut } from '../../corpus/chunk.ts';
import { chunkId } from '../../corpus/chunk-id.ts';
import { exampleLine, metadataValue } from '../../wire/api/corpora.ts';
import { conform, parseJson } from '../../wire/body.ts';
import { asFault, describe, type Fault, fail, ok, type Result } from '../../wire/faults.ts';
import { MAX_CHUNKS, MAX_LINE_BYTES, MAX_TEXT_BYTES, VECTORIZE_MAX_ID_BYTES } from '../../wire/limits.ts';
import { byteLength } from '../../wire/text.ts';
import { shortened } from '../../wire/words.ts';
import type { Line } from '../http/body.ts';
import { normalise } from '../vectors/algebra.ts';
import { parseVector } from '../vectors/input.ts';
import { contentId, fingerprintOf, fitsId } from './keys.ts';
import { lossOf } from './lossless.ts';
import type { CallerMetadata, Example } from './record.ts';

/** An example ready to be reserved; its vector is there if the caller sent one. */
export interface Prepared {
  readonly line: number;
  readonly example: Example;
  readonly fingerprint: string;
  readonly vector?: Float32Array<ArrayBuffer>;
}

/** What became of one line. */
export interface Accepted {
  readonly line: number;
  /** As the line named it, or made from its content. */
  readonly id: string;
  readonly parts: readonly Prepared[];
  /** Whether the parts are chunks. */
  readonly chunked: boolean;
}

/** What must be known to read a line: the corpus' vectors, and how long texts are cut. */
export interface Shape {
  readonly dimensions: number;
  readonly embedder: string;
  readonly chunk?: { readonly size: number; readonly overlap: number } | undefined;
}

export interface Refused {
  readonly line: number;
  readonly id: string | null;
  readonly fault: Fault;
}

/** Sorted by name, so that the same metadata in another order is the same example. */
const canonical = (metadata: Example['metadata']): unknown =>
  Object.entries(metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));

/** What tells this version of an example from another; `vector` is what the caller sent. */
export const versionOf = (
  embedder: string,
  { text, source, metadata }: Omit<Example, 'id'>,
  vector: Float32Array | undefined,
): Promise<string> =>
  fingerprintOf([embedder, text, source ?? null, canonical(metadata), vector === undefined ? null : [...vector]]);

/** Zod's records pass over this name, which for JSON is one like any other: what they dropped is put back. */
export const withProto = (metadata: CallerMetadata, sent: unknown): Result<CallerMetadata> => {
  if (typeof sent !== 'object' || sent === null || !Object.hasOwn(sent, '__proto__')) return ok(metadata);
  const value = Object.getOwnPropertyDescriptor(sent, '__proto__')?.value;
  const parsed = metadataValue.safeParse(value);
  if (!parsed.success) {
    const message = parsed.error.issues[0]?.message ?? 'does not fit the schema';
    return fail({ kind: 'bad_field', param: 'metadata.__proto__', message });
  }
  const all: CallerMetadata = { ...metadata };
  Object.defineProperty(all, '__proto__', { value: parsed.data, enumerable: true, writable: true, configurable: true });
  return ok(all);
};

const sentMetadata = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'metadata' in value ? value.metadata : undefined;

/** The texts that a line's text is cut into; itself alone where it is not to be cut. */
const cutUp = (text: string, chunk: NonNullable<Shape['chunk']>, line: number): Result<string[]> => {
  const got = Math.ceil(text.length / (chunk.size - chunk.overlap));
  if (got > MAX_CHUNKS) return fail({ kind: 'too_large', param: 'text', got, limit: MAX_CHUNKS, unit: 'chunks', line });
  return ok(cut(text, chunk.size, chunk.overlap));
};

const prepare = async (line: number, value: unknown, shape: Shape): Promise<Result<Accepted>> => {
  const parsed = conform(value, exampleLine, line);
  if (!parsed.ok) return parsed;
  const given = parsed.value.id ?? undefined;
  const text = parsed.value.text ?? '';
  const sent = parsed.value.vector ?? undefined;
  const source = parsed.value.source ?? undefined;
  const metadata = parsed.value.metadata ? withProto(parsed.value.metadata, sentMetadata(value)) : ok(undefined);
  if (!metadata.ok) return fail({ kind: 'bad_json', message: describe(metadata.fault), line });
  if (given !== undefined && !fitsId(given)) {
    const got = byteLength(given);
    return fail({ kind: 'too_large', param: 'id', got, limit: VECTORIZE_MAX_ID_BYTES, unit: 'bytes', line });
  }
  if (sent === undefined && text.trim() === '') return fail({ kind: 'empty_text', param: 'text', line });
  const size = byteLength(text);
  if (size > MAX_TEXT_BYTES) {
    return fail({ kind: 'too_large', param: 'text', got: size, limit: MAX_TEXT_BYTES, unit: 'bytes', line });
  }
  let vector: Float32Array<ArrayBuffer> | undefined;
  if (sent !== undefined) {
    const checked = parseVector(sent, shape.dimensions, { param: 'vector', line });
    if (!checked.ok) return checked;
    vector = normalise(checked.value);
  }
  const { embedder, chunk } = shape;
  const own = { ...(source === undefined ? {} : { source }), ...(metadata.value ? { metadata: metadata.value } : {}) };
  const fingerprint = await versionOf(embedder, { text, ...own }, vector);
  const id = given ?? contentId(fingerprint);
  if (chunk === undefined || vector !== undefined) {
    const whole = { line, example: { id, text, ...own }, fingerprint, ...(vector === undefined ? {} : { vector }) };
    return ok({ line, id, parts: [whole], chunked: false });
  }
  const texts = cutUp(text, chunk, line);
  if (!texts.ok) return texts;
  const parts: Prepared[] = [];
  for (const [k, part] of texts.value.entries()) {
    const example = { ...own, id: chunkId(id, k), text: part, source: source ?? id };
    parts.push({ line, example, fingerprint: await versionOf(embedder, example, undefined) });
  }
  return ok({ line, id, parts, chunked: true });
};

/** The id of a refused line, if it can be read: it helps its sender to find the line. */
const idOf = (value: unknown): string | null => {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : undefined;
  return typeof id === 'string' ? shortened(id, VECTORIZE_MAX_ID_BYTES * 4) : null;
};

export const prepareLine = async (line: Line, shape: Shape): Promise<Accepted | Refused> => {
  if ('oversize' in line) {
    const fault: Fault = {
      kind: 'too_large',
      param: 'the line',
      got: line.oversize,
      limit: MAX_LINE_BYTES,
      unit: 'bytes',
      line: line.line,
    };
    return { line: line.line, id: null, fault };
  }
  if ('empty' in line) {
    const what = line.empty === 1 ? 'the line is empty' : `${line.empty} lines are empty, from this one on`;
    return { line: line.line, id: null, fault: { kind: 'bad_json', message: what, line: line.line } };
  }
  const value = parseJson(line.bytes, line.line);
  if (!value.ok) return { line: line.line, id: null, fault: value.fault };
  const refused = (fault: Fault): Refused => ({ line: line.line, id: idOf(value.value), fault });
  try {
    const loss = lossOf(new TextDecoder().decode(line.bytes), 'vector');
    if (loss !== undefined) return refused({ kind: 'bad_json', message: loss, line: line.line });
    const prepared = await prepare(line.line, value.value, shape);
    return prepared.ok ? prepared.value : refused(prepared.fault);
  } catch (error) {
    // whatever was not foreseen about this line is no reason to lose the others
    return refused(asFault(error));
  }
};
