// The numbers that positions put into a graph: rotary angles and causal masks, made once for the longest use and sliced.
import type { Architecture } from './config.ts';

export interface Angles {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** cos and sin of position · θ^(−2i/E) for positions [from, from + count), each [count, E/2]. */
export const angles = ({ headSize, ropeTheta }: Architecture, from: number, count: number): Angles => {
  const half = headSize / 2;
  const cos = new Float32Array(count * half);
  const sin = new Float32Array(count * half);
  for (let t = 0; t < count; t++) {
    for (let i = 0; i < half; i++) {
      const angle = (from + t) * ropeTheta ** ((-2 * i) / headSize);
      cos[t * half + i] = Math.cos(angle);
      sin[t * half + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
};

/** Far below any score, and far above what a sum could overflow with. */
const HIDDEN = -1e9;

/** Token t sees keys 0…t: [R·T, T], the same T rows for each of the group's R heads. */
export const causalMask = (repeats: number, count: number): Float32Array => {
  const mask = new Float32Array(repeats * count * count);
  for (let t = 0; t < count; t++) mask.fill(HIDDEN, t * count + t + 1, (t + 1) * count);
  for (let r = 1; r < repeats; r++) mask.copyWithin(r * count * count, 0, count * count);
  return mask;
};
