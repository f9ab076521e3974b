// A selection from candidates that the caller sent: vectors of any length, each once in the order it came.
import type { SelectionOptions } from '../../wire/api/select.ts';
import { FaultError, unwrap } from '../../wire/faults.ts';
import { at } from '../../wire/list.ts';
import { noise } from '../kernel/select.ts';
import type { Select } from '../pool/pool.ts';
import { squaredNorm } from '../vectors/algebra.ts';
import { accountOf, type Base } from './account.ts';
import { removableBy } from './explained.ts';
import type { Selection } from './selection.ts';
import { type Chosen, choose, similarities } from './strategies.ts';

/** A candidate that the caller sent, its vector known by now. */
export interface Sent {
  readonly id: string;
  readonly text?: string | undefined;
  readonly vector: Float32Array;
}

const times = (chosen: Chosen, factor: number): Chosen => ({
  ...chosen,
  gains: chosen.gains.map((value) => value * factor),
  variances: chosen.variances.map((value) => value * factor),
  covariances: chosen.covariances.map((value) => value * factor),
  initialVariance: chosen.initialVariance * factor,
});

/** Variances in the caller's units outside this range would be infinite, or lose their digits, as float64. */
const SMALLEST = 1e-300;
const LARGEST = 1e300;

/**
 * λ is relative to the largest ‖φ‖²ᵖ here: these vectors may have any length. They are chosen from at a scale where that is
 * one, so that neither tiny nor huge ones leave float32's range; every figure is told in the caller's own units.
 */
export const selectFromCandidates = (
  candidates: readonly Sent[],
  prompts: readonly Float32Array[],
  options: SelectionOptions,
  select: Select,
): Selection => {
  const dimensions = prompts[0]?.length ?? 0;
  const rows = new Float32Array(candidates.length * dimensions);
  for (const [i, { vector }] of candidates.entries()) rows.set(vector, i * dimensions);
  const { noise: used, maxSquaredNorm } = noise(options.lambda, rows, dimensions, options.degree);
  const squared = used === options.lambda ? 1 : maxSquaredNorm;
  const unit = 1 / Math.sqrt(squared);
  // what a variance is worth in the caller's units
  const factor = squared ** options.degree;
  const longest = prompts.reduce((most, prompt) => Math.max(most, squaredNorm(prompt)), squared);
  if (!(factor >= SMALLEST && prompts.length * longest ** options.degree <= LARGEST)) {
    const message = `have, with the prompt, squared lengths up to ${longest}: to the power of ${options.degree} that is beyond float64`;
    throw new FaultError({ kind: 'bad_field', param: 'candidates', message });
  }
  const queries = prompts.map((prompt) => prompt.map((value) => value * unit));
  const choice = { rows: rows.map((value) => value * unit), queries, dimensions, noise: options.lambda };
  // σ is compared with 1/(alpha·n), and similarities with their least, in the caller's units
  const { alpha, min_similarity } = options;
  const scaled = {
    ...options,
    ...(alpha === undefined ? {} : { alpha: alpha * Math.sqrt(factor) }),
    ...(typeof min_similarity !== 'number' ? {} : { min_similarity: min_similarity / squared }),
  };
  const chosen = times(unwrap(choose(choice, scaled, select)), factor);
  const similarity = similarities(choice).map((value) => value * squared);
  const removable = removableBy(choice, options, select);
  const base: Base = {
    lambda: used,
    centred: false,
    pool: { size: candidates.length, collapsed: 0, queries: 0, rounds: 0 },
    removable: { ...removable, variance: factor * removable.variance },
  };
  return accountOf(base, options, chosen, similarity, (i) => {
    const { id, text } = at(candidates, i);
    return { id, text, copies: 0, index: i };
  });
};
