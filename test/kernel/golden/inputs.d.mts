export function makeInputs(
  geom: string,
  d: number,
  K: number,
  seed: number,
): { X: Float32Array<ArrayBuffer>; Q: Float32Array<ArrayBuffer>; m: number };
export function sha(inputs: { X: Float32Array; Q: Float32Array }): string;
