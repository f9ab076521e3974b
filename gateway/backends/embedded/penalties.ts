// Tokens made less likely for having been generated before, as OpenAI defines it: off a token's logit go the presence
// penalty once, and the frequency penalty as often as it was there. The prompt's tokens do not count.
import type { Sampling } from '../contract.ts';

export interface Penalties {
  /** The logits that are sampled from: a copy where something was taken off. */
  of(logits: Float32Array): Float32Array;
  add(token: number): void;
}

export const createPenalties = ({ presencePenalty = 0, frequencyPenalty = 0 }: Sampling): Penalties => {
  if (presencePenalty === 0 && frequencyPenalty === 0) return { of: (logits) => logits, add: () => {} };
  const times = new Map<number, number>();
  return {
    of(logits) {
      if (times.size === 0) return logits;
      const changed = logits.slice();
      for (const [token, count] of times) {
        changed[token] = (changed[token] as number) - presencePenalty - count * frequencyPenalty;
      }
      return changed;
    },
    add(token) {
      times.set(token, (times.get(token) ?? 0) + 1);
    },
  };
};
