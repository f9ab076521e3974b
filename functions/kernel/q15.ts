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
