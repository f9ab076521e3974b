// Adam with decoupled weight decay (Loshchilov & Hutter, 2019) over one parameter's array, in place.
//   m ← β₁m + (1−β₁)g    v ← β₂v + (1−β₂)g²    p ← p − lr·(m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε) − lr·wd·p
// A plain loop: it reads four arrays and writes three, so memory bandwidth is what it costs.
import type { Adam } from '../backend.ts';

export interface Moments {
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/** One update; `t` counts from 1. */
export const adamStep = (p: Float32Array, g: Float32Array, { m, v }: Moments, t: number, adam: Adam): void => {
  const { beta1, beta2, epsilon, learningRate, weightDecay } = adam;
  const rate = learningRate / (1 - beta1 ** t);
  const correction = 1 / (1 - beta2 ** t);
  const keep = 1 - learningRate * weightDecay;
  const a = 1 - beta1;
  const b = 1 - beta2;
  for (let i = 0; i < p.length; i++) {
    const gi = g[i] as number; // in range by the loop; a check here would double the loop's cost
    const mi = beta1 * (m[i] as number) + a * gi;
    const vi = beta2 * (v[i] as number) + b * gi * gi;
    m[i] = mi;
    v[i] = vi;
    p[i] = keep * (p[i] as number) - (rate * mi) / (Math.sqrt(vi * correction) + epsilon);
  }
};
