// Which experts a prompt gets and with what weights, and the factors that they make together. As in TTMM (arXiv 2505.14136)
// the weights are a softmax of the prompt's similarity with the centroids, of the few largest only. The merged change of a
// weight is the weighted sum of the experts' changes: their factors side by side, at the sum of their ranks, exactly.
import type { Adapter } from '../../gateway/backends/embedded/weights.ts';
import { at } from '../../wire/list.ts';

export interface Weighted {
  /** Number of the cluster. */
  readonly expert: number;
  readonly weight: number;
}

const dot = (a: Float32Array, b: Float32Array): number => {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += (a[d] as number) * (b[d] as number);
  return sum;
};

/** The `top` most similar experts, the most similar first; their weights sum to one. */
export const weigh = (
  vector: Float32Array,
  centroids: readonly Float32Array[],
  { top, temperature }: { readonly top: number; readonly temperature: number },
): Weighted[] => {
  const near = centroids
    .map((centroid, expert) => ({ expert, similarity: dot(vector, centroid) }))
    .sort((a, b) => b.similarity - a.similarity || a.expert - b.expert)
    .slice(0, top);
  const most = at(near, 0).similarity;
  const raw = near.map(({ similarity }) => Math.exp((similarity - most) / temperature));
  const whole = raw.reduce((sum, value) => sum + value, 0);
  return near.map(({ expert }, i) => ({ expert, weight: at(raw, i) / whole }));
};

const isDown = (name: string): boolean => name.includes('lora_A');

/** A of all experts below each other; B beside each other, times the weights. */
export const merge = (experts: readonly { readonly adapter: Adapter; readonly weight: number }[], rank: number) => {
  const merged = new Map<string, Float32Array>();
  const whole = rank * experts.length;
  for (const [name, { length }] of at(experts, 0).adapter) {
    const parts = experts.map(({ adapter, weight }) => {
      const data = adapter.get(name);
      if (data?.length !== length) throw new Error(`'${name}' is not the same factor in all experts`);
      return { data, weight };
    });
    const out = new Float32Array(length * experts.length);
    for (const [e, { data, weight }] of parts.entries()) {
      if (isDown(name)) out.set(data, e * length);
      else {
        for (let i = 0; i < length; i++) {
          out[Math.floor(i / rank) * whole + e * rank + (i % rank)] = weight * (data[i] as number);
        }
      }
    }
    merged.set(name, out);
  }
  return merged;
};
