// What becomes of a tuning run, judged by prequential gain: every pick is new to the model before its own step, so that
// its loss then, less its loss under the base weights, says whether the steps so far help texts like the prompt. The
// prompt's own loss does not: picks are chosen to be like it, and it falls even where what follows gets worse.
// A policy without I/O: it is told the differences of one attempt, and says how to go on. Thresholds: wire/limits.ts.
// Trade-off: the last step is judged by nothing, since no pick comes after it.
import {
  GUARD_EARLY_NATS,
  GUARD_EARLY_PICKS,
  GUARD_END_NATS,
  GUARD_FIRST_PART_NATS,
  GUARD_LAST_PART_NATS,
  GUARD_MAX_LATE_RESTARTS,
  GUARD_MAX_RESTARTS,
  GUARD_MOST_GAIN_NATS,
  GUARD_PART_PICKS,
  GUARD_RATE_DIVISOR,
  MIN_LEARNING_RATE,
} from '../wire/limits.ts';
import { at } from '../wire/list.ts';

/** A pick that was new to the model when its step came. */
export interface Difference {
  /** Its step, from 1: the weights it was read under had made one step less. */
  readonly step: number;
  /** Nats per token above its loss under the base weights; of the first pick 0, of a loss that is no number Infinity. */
  readonly nats: number;
}

/** The steps from the base weights on, at one learning rate. */
export interface Attempt {
  readonly learningRate: number;
  /** Steps of the whole tuning. */
  readonly steps: number;
  readonly differences: readonly Difference[];
  /** Attempts before this one, and those of them that were undone only after all their steps. */
  readonly restarts: number;
  readonly lateRestarts: number;
  /** Whether so many steps from the base weights on, and the answer, still fit into the request's time. */
  fits(steps: number): boolean;
}

export type Verdict =
  | { readonly kind: 'continue'; readonly reason?: string }
  /** Undo all steps and make them again at this rate. */
  | { readonly kind: 'lower'; readonly learningRate: number; readonly late: boolean; readonly reason: string }
  /** Undo all steps and make the first of them again. */
  | { readonly kind: 'cut'; readonly steps: number; readonly prequential: number; readonly reason: string }
  /** Undo all steps. */
  | { readonly kind: 'base'; readonly reason: string };

const CONTINUE: Verdict = { kind: 'continue' };

/** As it counts: a pick that is nearly an earlier one again gains more than any other text would. */
const counted = ({ nats }: Difference): number => Math.max(nats, -GUARD_MOST_GAIN_NATS);

const mean = (differences: readonly Difference[]): number =>
  differences.reduce((sum, difference) => sum + counted(difference), 0) / differences.length;

/** The mean over the picks after the first, each as it counts; undefined before there is any. */
export const prequentialGain = (differences: readonly Difference[]): number | undefined =>
  differences.length < 2 ? undefined : mean(differences.slice(1));

const inWords = (nats: number): string => `${Math.abs(nats).toFixed(3)} nats a token`;
const rateInWords = (rate: number): string => String(Number(rate.toPrecision(3)));

const NO_TIME = 'there is no time left to make them again';

/** All steps again at a lower rate, or none, where that cannot be. */
const lowerOrBase = (attempt: Attempt, late: boolean, why: string): Verdict => {
  const learningRate = attempt.learningRate / GUARD_RATE_DIVISOR;
  const again = attempt.restarts < GUARD_MAX_RESTARTS && (!late || attempt.lateRestarts < GUARD_MAX_LATE_RESTARTS);
  if (!again || learningRate < MIN_LEARNING_RATE) return { kind: 'base', reason: why };
  if (!attempt.fits(attempt.steps)) return { kind: 'base', reason: `${why}; ${NO_TIME} at a lower rate` };
  return { kind: 'lower', learningRate, late, reason: why };
};

/** After each step but the last: whether the rate is plainly too large. */
export const afterStep = (attempt: Attempt): Verdict => {
  const { differences } = attempt;
  const gain = prequentialGain(differences);
  // where the picks before were helped, the end decides which steps are kept
  if (gain === undefined || gain <= 0) return CONTINUE;
  const last = mean(differences.slice(-GUARD_EARLY_PICKS));
  if (last <= GUARD_EARLY_NATS) return CONTINUE;
  const at = `at learning_rate ${rateInWords(attempt.learningRate)}`;
  const why = Number.isFinite(last)
    ? `the last ${GUARD_EARLY_PICKS} picks cost ${inWords(last)} more than under the base weights ${at}`
    : `the loss of step ${differences.at(-1)?.step} is no finite number ${at}`;
  return lowerOrBase(attempt, false, why);
};

/** Where the differences turn from gains to losses: the picks up to where their sum is lowest, and those after. */
const parts = (differences: readonly Difference[]): [readonly Difference[], readonly Difference[]] => {
  let [sum, lowest, place] = [0, Number.POSITIVE_INFINITY, 0];
  for (const [i, difference] of differences.entries()) {
    sum += counted(difference);
    if (sum < lowest) [lowest, place] = [sum, i + 1];
  }
  return [differences.slice(0, place), differences.slice(place)];
};

/** After the last step: whether what the steps made is kept. */
export const atEnd = (attempt: Attempt): Verdict => {
  const gain = prequentialGain(attempt.differences);
  if (gain === undefined) return CONTINUE;
  const [first, last] = parts(attempt.differences.slice(1));
  const turned =
    Math.min(first.length, last.length) >= GUARD_PART_PICKS &&
    mean(first) <= GUARD_FIRST_PART_NATS &&
    mean(last) > GUARD_LAST_PART_NATS;
  if (turned) {
    // the last pick that was helped was read under the weights of one step less
    const steps = at(first, first.length - 1).step - 1;
    const reason = `the first picks gained ${inWords(mean(first))}, and those after step ${steps + 1} lost ${inWords(mean(last))}`;
    if (attempt.fits(steps)) return { kind: 'cut', steps, prequential: mean(first), reason };
    return { kind: gain <= GUARD_END_NATS ? 'continue' : 'base', reason: `${reason}; ${NO_TIME}` };
  }
  if (gain <= GUARD_END_NATS) return CONTINUE;
  const compared = gain > 0 ? `cost ${inWords(gain)} more` : `cost only ${inWords(gain)} less`;
  const why = `new picks ${compared} than under the base weights at learning_rate ${rateInWords(attempt.learningRate)}`;
  return lowerOrBase(attempt, true, why);
};
