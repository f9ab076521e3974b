// Whether a selection subtracts the mean of the corpus' vectors. An embedder like E5 adds one direction to every text, so
// that all cosines are above 0.8: a kernel made for cosines of 0.3 to 0.6 then takes everything for redundant. Less the
// mean, cosines are those of other embedders, and the same degree, λ and min_similarity mean the same (docs/models.md).
import type { Geometry } from '../corpora/geometry.ts';
import { less, squaredNorm } from '../vectors/algebra.ts';

/** The mean to subtract, if any: as the request says, or else where it is long. */
export const meanFor = (geometry: Geometry | undefined, wanted: boolean | undefined): Float32Array | undefined =>
  (wanted ?? geometry?.centred !== undefined) ? geometry?.mean : undefined;

/**
 * The mean for several corpora of one embedder: that of their means, since one shift for all keeps their vectors comparable;
 * it is subtracted where any of them would subtract its own. One that is too small to be measured says nothing.
 */
export const meanForAll = (
  geometries: readonly (Geometry | undefined)[],
  wanted: boolean | undefined,
): Float32Array | undefined => {
  const known = geometries.filter((geometry) => geometry !== undefined);
  const [first, ...others] = known.map(({ mean }) => mean);
  if (first === undefined || known.every((geometry) => meanFor(geometry, wanted) === undefined)) return undefined;
  return first.map((value, i) => others.reduce((sum, mean) => sum + (mean[i] ?? 0), value) / known.length);
};

/** The prompts less the mean. Undefined where there is none, or where nothing of a prompt is left. */
export const centredPrompts = (
  prompts: readonly Float32Array[],
  mean: Float32Array | undefined,
): Float32Array[] | undefined => {
  if (mean === undefined) return undefined;
  const left = prompts.map((prompt) => less(prompt, mean));
  return left.every((prompt) => squaredNorm(prompt) > 0) ? left : undefined;
};
