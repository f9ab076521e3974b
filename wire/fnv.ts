// FNV-1a, 32 bits: a quick hash that is the same on every machine. Not for secrets, nor against adversaries.

export const FNV_START = 0x811c9dc5;

/** One more byte or code unit of the input; begin with FNV_START. Unsigned. */
export const fnvNext = (hash: number, unit: number): number => Math.imul(hash ^ unit, 0x01000193) >>> 0;

/** The hash of a run of bytes. */
export const fnv1a = (bytes: Iterable<number>): number => {
  let hash = FNV_START;
  for (const byte of bytes) hash = fnvNext(hash, byte);
  return hash;
};
