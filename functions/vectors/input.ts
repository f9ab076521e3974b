// A caller's vector, as an array of numbers or as base64 of little-endian float32, becomes a checked Float32Array.
// Refused with the offending index: what is not finite, all zeros, or of another length than the index has.
import type { VectorInput } from '../../wire/api/vector.ts';
import { fail, ok, type Result } from '../../wire/faults.ts';
import { shown } from '../../wire/words.ts';
import { fromBase64 } from './base64.ts';

export interface VectorPlace {
  /** The caller's name for it, such as `vector` or `candidates[3].vector`. */
  readonly param: string;
  /** Line of an upload. */
  readonly line?: number;
}

const fromText = (text: string, place: VectorPlace): Result<Float32Array<ArrayBuffer>> => {
  const bytes = fromBase64(text);
  if (bytes === undefined || bytes.length % 4 !== 0) {
    const message = 'is neither an array of numbers nor base64 of float32 values';
    return place.line === undefined
      ? fail({ kind: 'bad_field', param: place.param, message })
      : fail({ kind: 'bad_json', message: `${place.param} ${message}`, line: place.line });
  }
  return ok(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4));
};

const fromNumbers = (values: readonly unknown[], place: VectorPlace): Result<Float32Array<ArrayBuffer>> => {
  const vector = new Float32Array(values.length);
  for (const [index, value] of values.entries()) {
    if (typeof value !== 'number') return fail({ kind: 'bad_vector', ...place, index, value: shown(value) });
    vector[index] = value;
  }
  return ok(vector);
};

export const parseVector = (
  input: VectorInput,
  dimensions: number | undefined,
  place: VectorPlace,
): Result<Float32Array<ArrayBuffer>> => {
  const parsed = typeof input === 'string' ? fromText(input, place) : fromNumbers(input, place);
  if (!parsed.ok) return parsed;
  const vector = parsed.value;
  if (dimensions !== undefined && vector.length !== dimensions) {
    return fail({ kind: 'wrong_dimensions', ...place, got: vector.length, want: dimensions });
  }
  let zero = true;
  for (const [index, value] of vector.entries()) {
    // a float64 beyond float32's range is infinite by now
    if (!Number.isFinite(value)) return fail({ kind: 'bad_vector', ...place, index, value: String(value) });
    if (value !== 0) zero = false;
  }
  return zero ? fail({ kind: 'zero_vector', ...place }) : ok(vector);
};
