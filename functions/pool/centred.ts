// An index whose rows come back less the corpus' mean μ, at unit length φ(x) = (x−μ)/‖x−μ‖: everything behind it
// (residuals, the kernel) then sees what differs between examples; copies are still those of the stored rows. The index itself
// stays as it is and is asked with vectors w of its own space: it answers the rows with the largest w·x. For a direction d of
// the centred space
//   d·φ(x) ≥ c   is the same as   d·(x−μ) − c·‖x−μ‖ ≥ 0,   and about   (d + c/n·μ)·x ≥ a constant
// with n = √(1−‖μ‖²), since ‖x−μ‖² = 1 + ‖μ‖² − 2·μ·x: so d leant towards μ by c/n finds those above the level c. With
// MiniLM's vectors and a direction in all of them (docs/models.md) 47 to 49 of the fifty with the largest d·φ(x) are found so,
// 40 to 47 with d alone, 16 to 30 with d + μ/n.
// Trade-off: one level for all queries, and approximate where ‖x−μ‖ differs by more than a few tenths.
import { AIMED_COSINE } from '../../wire/limits.ts';
import { fromQ15, toQ15 } from '../kernel/q15.ts';
import { less, normalise, squaredNorm } from '../vectors/algebra.ts';
import type { Index } from './candidate.ts';

export const centredIndex = (index: Index, mean: Float32Array): Index => ({
  async query(vector, k) {
    const found = await index.query(vector, k);
    // an example at the mean itself becomes a row of zeros, which the kernel never gains by
    return found.map((one) => ({ ...one, stored: one.row, row: toQ15(less(fromQ15(one.row), mean)) }));
  },
});

/** What to ask the index with for a direction of the centred space. */
export const aimFor = (mean: Float32Array): ((direction: Float32Array) => Float32Array) => {
  const left = Math.sqrt(Math.max(0, 1 - squaredNorm(mean)));
  // all vectors are the mean: there is nothing to find
  const lean = left > AIMED_COSINE ? AIMED_COSINE / left : 0;
  return (direction) => normalise(direction.map((value, i) => value + lean * (mean[i] ?? 0)));
};
