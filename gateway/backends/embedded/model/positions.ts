// The numbers that positions put into a graph: rotary angles and masks of the keys that a query sees.
import type { Architecture } from './config.ts';
import type { Rotation } from './rope.ts';

export interface Angles {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** cos and sin of position · frequency for positions [from, from + count), each [count, pairs]; in float32, as torch. */
export const angles = ({ frequencies, scale }: Rotation, from: number, count: number): Angles => {
  const pairs = frequencies.length;
  const cos = new Float32Array(count * pairs);
  const sin = new Float32Array(count * pairs);
  for (let t = 0; t < count; t++) {
    for (let i = 0; i < pairs; i++) {
      const angle = Math.fround((from + t) * (frequencies[i] as number));
      cos[t * pairs + i] = Math.fround(Math.cos(angle)) * scale;
      sin[t * pairs + i] = Math.fround(Math.sin(angle)) * scale;
    }
  }
  return { cos, sin };
};

export const rotationNames = (index: number): { cos: string; sin: string } => {
  const suffix = index === 0 ? '' : `:${index}`;
  return { cos: `cos${suffix}`, sin: `sin${suffix}` };
};

export type Window = number | undefined;
export const maskName = (window: Window): string => (window === undefined ? 'mask' : `mask:${window}`);

/** The windows that layers have, and the rotations they use: one input of a graph each. */
export const usedWindows = ({ kinds }: Architecture): Window[] => [...new Set(kinds.map(({ window }) => window))];
export const usedRotations = ({ kinds, rotations }: Architecture): [number, Rotation][] =>
  [...rotations.entries()].filter(([index]) => kinds.some(({ rotation }) => rotation === index));

/** Far below any score, and far above what a sum could overflow with. */
const HIDDEN = -1e9;

/** Token t sees keys 0…t, or the last `window` of them: [R·T, T], the same T rows for each of the group's R heads. */
export const causalMask = (repeats: number, count: number, window: Window): Float32Array => {
  const mask = new Float32Array(repeats * count * count);
  for (let t = 0; t < count; t++) {
    mask.fill(HIDDEN, t * count + t + 1, (t + 1) * count);
    if (window !== undefined && t >= window) mask.fill(HIDDEN, t * count, t * count + t + 1 - window);
  }
  for (let r = 1; r < repeats; r++) mask.copyWithin(r * count * count, 0, count * count);
  return mask;
};

/**
 * Writes what one token sees of a cache of `length` tokens in `capacity` places, and of itself in the last column:
 * [R, capacity + 1].
 */
export const showCached = (mask: Float32Array, capacity: number, length: number, window: Window): void => {
  const from = window === undefined ? 0 : Math.max(0, length + 1 - window);
  mask.fill(HIDDEN);
  for (let row = 0; row < mask.length; row += capacity + 1) {
    mask.fill(0, row + from, row + length);
    mask[row + capacity] = 0;
  }
};
