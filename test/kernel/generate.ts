// Numbers for a problem too large to send: the test and the Worker each make the same ones.

/** Rows and a query that both sides can make: values in ±1/√d from a hash of their index. */
export const generate = (count: number, dimensions: number): Float32Array => {
  const bound = 1 / Math.sqrt(dimensions);
  const values = new Float32Array(count * dimensions);
  for (let i = 0; i < values.length; i++) values[i] = (bound * Math.imul(i + 1, 0x9e3779b1)) / 0x80000000;
  return values;
};
