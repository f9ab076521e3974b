// The little linear algebra that a selection needs outside its kernel, on plain float arrays.

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

/** Less than this of a unit vector is left where it is the other itself, but for rounding. */
const NOTHING_LEFT = 1e-3;

/** The direction of a vector less another one; zeros where nothing is left. */
export const less = (vector: Float32Array, other: Float32Array): Float32Array<ArrayBuffer> => {
  const left = Float32Array.from(vector, (value, i) => value - (other[i] ?? 0));
  return squaredNorm(left) > NOTHING_LEFT ** 2 ? normalise(left) : left.fill(0);
};

/** False for the zeros or NaNs that an embedder gives for a text without known tokens. */
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
