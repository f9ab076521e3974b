// The next token from a vector of logits: temperature, then top-k, then top-p, then a draw from a seeded generator.
import type { Sampling } from '../contract.ts';

const argmax = (logits: Float32Array): number => {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] ?? 0) > (logits[best] ?? 0)) best = i;
  return best;
};

export const sample = (
  logits: Float32Array,
  { temperature, topK, topP }: Pick<Sampling, 'temperature' | 'topK' | 'topP'>,
  random: () => number,
): number => {
  const top = argmax(logits);
  if (temperature === 0) return top;
  const highest = logits[top] ?? 0;
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - highest) / temperature));
  let order: number[] | undefined;
  if (topK > 0 || topP < 1) {
    order = Array.from(weights.keys()).sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b);
    if (topK > 0) order.length = Math.min(order.length, topK);
    if (topP < 1) {
      const total = order.reduce((sum, id) => sum + (weights[id] ?? 0), 0);
      let reached = 0;
      // the smallest set whose probability reaches topP, never empty
      const cut = order.findIndex((id) => {
        reached += weights[id] ?? 0;
        return reached >= topP * total;
      });
      if (cut >= 0) order.length = cut + 1;
    }
  }
  const candidates = order ?? Array.from(weights.keys());
  let rest = random() * candidates.reduce((sum, id) => sum + (weights[id] ?? 0), 0);
  for (const id of candidates) {
    rest -= weights[id] ?? 0;
    if (rest < 0) return id;
  }
  return top;
};
