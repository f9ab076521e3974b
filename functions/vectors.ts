// A caller's vector, as an array of numbers or as base64 of little-endian float32, becomes a checked Float32Array.
// Refused with the offending index: what is not finite, all zeros, or of another length than the index has.
import { fail, ok, type Result } from '../wire/fault.ts';
import { fromBase64 } from './base64.ts';

export type VectorInput = string | readonly unknown[];

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
    if (typeof value !== 'number') return fail({ kind: 'bad_vector', ...place, index, value: JSON.stringify(value) });
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

export const squaredNorm = (vector: Float32Array): number => {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return sum;
};

/** The vector at length one; scaled first, so that neither tiny nor huge values are lost. Never call it with zeros. */
export const normalise = (vector: Float32Array): Float32Array<ArrayBuffer> => {
  let largest = 0;
  for (const value of vector) largest = Math.max(largest, Math.abs(value));
  let sum = 0;
  for (const value of vector) sum += (value / largest) ** 2;
  const norm = Math.sqrt(sum);
  return Float32Array.from(vector, (value) => value / largest / norm);
};

/** False for the zeros or NaNs that an embedder gives for a text of which it knows nothing. */
export const isUnit = (vector: Float32Array): boolean => Math.abs(squaredNorm(vector) - 1) < 1e-2;

export const dot = (
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  aOffset = 0,
  bOffset = 0,
  length = a.length,
): number => {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += (a[aOffset + i] ?? 0) * (b[bOffset + i] ?? 0);
  return sum;
};
