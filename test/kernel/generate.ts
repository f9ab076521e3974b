// Numbers for a problem too large to send: the test and the Worker each make the same ones.

/** Values in ±1/√d from a hash of their index. */
export const generate = (count: number, dimensions: number): Float32Array => {
  const bound = 1 / Math.sqrt(dimensions);
  const values = new Float32Array(count * dimensions);
  for (let i = 0; i < values.length; i++) {
    const a = Math.imul(i ^ (i >>> 16) ^ 0x5bd1e995, 0x85ebca6b);
    const b = Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
    values[i] = (bound * (b ^ (b >>> 16))) / 0x80000000;
  }
  return values;
};
