// Q15: a unit vector as int16, round(32767·x). Half the bytes of float32, and integer sums that are exact.

const ONE = 32767;

/** Values beyond ±1 are clamped: Q15 is for vectors with ‖x‖ ≤ 1. */
export const toQ15 = (values: ArrayLike<number>): Int16Array => {
  const out = new Int16Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const scaled = Math.round(ONE * (values[i] ?? 0));
    out[i] = Math.max(-ONE, Math.min(ONE, scaled));
  }
  return out;
};

export const fromQ15 = (values: Int16Array): Float32Array => {
  const out = new Float32Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = (values[i] ?? 0) / ONE;
  return out;
};

/**
 * A query for int16 rows: at unit length as int16, and the scale that brings it back. Rounding changes a unit vector's length
 * by some 1e-5, and k(q,q) takes that to the power of 2p; so the scale is of the length after rounding, and k(q,q) is the
 * query's own.
 */
export const quantised = (query: Float32Array): { row: Int16Array; scale: number } => {
  // Math.hypot takes as long for 1,024 values as the kernel for three picks
  let squared = 0;
  for (const value of query) squared += value * value;
  const norm = Math.sqrt(squared);
  if (!(norm > 0)) return { row: new Int16Array(query.length), scale: norm };
  const row = toQ15(query.map((value) => value / norm));
  let rounded = 0;
  for (const value of row) rounded += value * value;
  return { row, scale: (norm * ONE) / Math.sqrt(rounded) };
};

/** The same query in float64, as the kernel sees it beside int16 rows. */
export const asQuantised = (query: Float32Array): Float64Array => {
  const { row, scale } = quantised(query);
  return Float64Array.from(row, (value) => (scale * value) / ONE);
};
