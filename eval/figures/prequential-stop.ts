// Whether another step is worth its cost, from the same differences that the guard judges by. The loss of texts like the
// prompt falls about with the logarithm of the steps made (ten, twenty and fifty steps, docs/study/results.md), so that one number
// b is fitted, d = −b·ln(step) through the first pick's 0, with the noise of the picks around it; the next step's gain is
// the fall from here to there. It did not pay (docs/study/stopping.md), so that no route uses it.
// Trade-off: one curve for all prompts. Where the gain comes at once and then stays, the fit stops late, not early.
import type { Difference } from '../../gateway/prequential.ts';

/** Picks that are new to the model before a step more is estimated: with fewer the noise is not known. */
const MIN_PICKS = 4;
/** Standard errors by which the gain may be larger than it looks: one ends a step that pays in one of six cases. */
const DEVIATIONS = 1;

export interface Expectation {
  /** Nats per token that one step more is expected to gain on texts like the picks. */
  readonly gain: number;
  /** Its standard error. */
  readonly noise: number;
}

/** Undefined while there are too few picks to tell. `steps`: those made. */
export const expectedGain = (differences: readonly Difference[], steps: number): Expectation | undefined => {
  const later = differences.filter(({ step }) => step > 1);
  if (later.length + 1 < MIN_PICKS) return undefined;
  const points = later.map(({ step, nats }) => ({ x: Math.log(step), fall: -nats }));
  const squares = points.reduce((sum, { x }) => sum + x * x, 0);
  const slope = points.reduce((sum, { x, fall }) => sum + x * fall, 0) / squares;
  const residual = points.reduce((sum, { x, fall }) => sum + (fall - slope * x) ** 2, 0) / (points.length - 1);
  // the weights after n steps are those that pick n + 1 was read under
  const further = Math.log((steps + 2) / (steps + 1));
  return { gain: slope * further, noise: Math.sqrt(residual / squares) * further };
};

/**
 * Whether to end before the next step: even if the picks so far were unlucky, its gain is below what it costs.
 * `cost`: the nats per token that a step must gain to be worth making.
 */
export const stopping = (differences: readonly Difference[], cost: number): boolean => {
  const last = differences.at(-1);
  const expected = last === undefined ? undefined : expectedGain(differences, last.step);
  return expected !== undefined && expected.gain + DEVIATIONS * expected.noise < cost;
};
