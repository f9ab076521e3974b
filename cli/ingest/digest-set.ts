// A set of digests in little memory: 64 bits of each, in a table that doubles, at most 22 bytes a digest. Ten million
// digests hold one false hit with a probability of 3e-6.
import { hash } from 'node:crypto';

/** Slots at the beginning; a power of two, as always. */
const FIRST = 1_024;
const FULLEST = 0.75;

export interface DigestSet {
  readonly size: number;
  has(digest: Uint8Array): boolean;
  /** False if it was there. */
  add(digest: Uint8Array): boolean;
}

const firstOf = (digest: Uint8Array): bigint =>
  // zero marks a free slot
  new DataView(digest.buffer, digest.byteOffset, 8).getBigUint64(0) || 1n;

export const digestSet = (): DigestSet => {
  let slots = new BigUint64Array(FIRST);
  let size = 0;
  const slotOf = (table: BigUint64Array, value: bigint): number => {
    const mask = table.length - 1;
    let at = Number(value & BigInt(mask));
    while (table[at] !== 0n && table[at] !== value) at = (at + 1) & mask;
    return at;
  };
  const grow = (): void => {
    const larger = new BigUint64Array(2 * slots.length);
    for (const value of slots) if (value !== 0n) larger[slotOf(larger, value)] = value;
    slots = larger;
  };
  return {
    get size() {
      return size;
    },
    has: (digest) => slots[slotOf(slots, firstOf(digest))] !== 0n,
    add(digest) {
      const value = firstOf(digest);
      const at = slotOf(slots, value);
      if (slots[at] === value) return false;
      slots[at] = value;
      size += 1;
      if (size > FULLEST * slots.length) grow();
      return true;
    },
  };
};

/** Of an example's id. */
export const idDigest = (id: string): Uint8Array => hash('sha256', id, 'buffer');
