// One line of an upload becomes a prepared example, or the fault that its result line will carry.

import { exampleLine } from '../../wire/api/corpora.ts';
import { conform, parseJson } from '../../wire/body.ts';
import { asFault, type Fault, fail, ok, type Result } from '../../wire/faults.ts';
import { MAX_LINE_BYTES, MAX_TEXT_BYTES, VECTORIZE_MAX_ID_BYTES } from '../../wire/limits.ts';
import { byteLength } from '../../wire/text.ts';
import { shortened } from '../../wire/words.ts';
import type { Line } from '../http/body.ts';
import { normalise } from '../vectors/algebra.ts';
import { parseVector } from '../vectors/input.ts';
import type { CorpusInfo } from './contract.ts';
import { contentId, fingerprintOf, fitsId, vectorId } from './keys.ts';
import { lossOf } from './lossless.ts';
import type { Example } from './record.ts';

/** An example ready to be reserved; its vector is there if the caller sent one. */
export interface Prepared {
  readonly line: number;
  readonly example: Example;
  readonly fingerprint: string;
  /** Id in the vector index. */
  readonly vectorId: string;
  readonly vector?: Float32Array<ArrayBuffer>;
}

export interface Refused {
  readonly line: number;
  readonly id: string | null;
  readonly fault: Fault;
}

/** Sorted by name, so that the same metadata in another order is the same example. */
const canonical = (metadata: Example['metadata']): unknown =>
  Object.entries(metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));

const prepare = async (line: number, value: unknown, info: CorpusInfo): Promise<Result<Prepared>> => {
  const parsed = conform(value, exampleLine, line);
  if (!parsed.ok) return parsed;
  const { id: given, text = '', vector: sent, source, metadata } = parsed.value;
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
    const checked = parseVector(sent, info.dimensions, { param: 'vector', line });
    if (!checked.ok) return checked;
    vector = normalise(checked.value);
  }
  const content = [info.embedder, text, source ?? null, canonical(metadata), vector === undefined ? null : [...vector]];
  const fingerprint = await fingerprintOf(content);
  const id = given ?? contentId(fingerprint);
  return ok({
    line,
    example: {
      id,
      text,
      ...(source === undefined ? {} : { source }),
      ...(metadata === undefined ? {} : { metadata }),
    },
    fingerprint,
    vectorId: await vectorId(info.space, id),
    ...(vector === undefined ? {} : { vector }),
  });
};

/** The id of a refused line, if it can be read: it helps its sender to find the line. */
const idOf = (value: unknown): string | null => {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : undefined;
  return typeof id === 'string' ? shortened(id, VECTORIZE_MAX_ID_BYTES * 4) : null;
};

export const prepareLine = async (line: Line, info: CorpusInfo): Promise<Prepared | Refused> => {
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
    const prepared = await prepare(line.line, value.value, info);
    return prepared.ok ? prepared.value : refused(prepared.fault);
  } catch (error) {
    // whatever was not foreseen about this line is no reason to lose the others
    return refused(asFault(error));
  }
};
