// Adaptive stopping, evaluated on runs that went on to the end: after so many picks the rule would have ended the run, and
// the run was scored there. Compared with a fixed N: the steps a rule saves, and the gain it loses.
import { at } from '../../wire/list.ts';
import { bpbAt, type Row } from '../run/tasks.ts';
import { mean } from '../statistics.ts';

/** As the kernel: end before the first n with σ_n > 1/(α·n), so n−1 picks are kept. */
export const alphaStop = (variances: readonly number[], alpha: number): number => {
  const end = variances.findIndex((variance, i) => Math.sqrt(variance) > 1 / (alpha * (i + 1)));
  return end < 0 ? variances.length : end;
};

/** End once a pick lowers σ² by less than this share of what the first one did. */
export const shareStop = (initial: number, variances: readonly number[], share: number): number => {
  const first = initial - (variances[0] ?? initial);
  const end = variances.findIndex((variance, i) => i > 0 && at(variances, i - 1) - variance < share * first);
  return end < 0 ? variances.length : end;
};

/** End once σ² is below this share of its beginning. */
export const levelStop = (initial: number, variances: readonly number[], level: number): number => {
  const end = variances.findIndex((variance) => variance <= level * initial);
  return end < 0 ? variances.length : end + 1;
};

/** End before the first pick whose covariance with the prompt, given those before it, is below a threshold. */
export const covarianceStop = (covariances: readonly number[], least: number): number => {
  const end = covariances.findIndex((covariance) => covariance < least);
  return end < 0 ? covariances.length : end;
};

/** Keep the picks up to the last whose similarity with the prompt reaches the threshold: the effect of `min_similarity`. */
export const similarityStop = (similarities: readonly number[], least: number): number =>
  similarities.findLastIndex((similarity) => similarity >= least) + 1;

export interface Stopped {
  readonly rule: string;
  readonly parameter: number;
  readonly steps: number;
  /** Mean of base − tuned, bits per byte. */
  readonly gain: number;
}

/** A run that a rule may end earlier. */
export interface StoppableRun {
  readonly row: Row;
  readonly base: number;
  /** Similarity of each pick with the prompt. */
  readonly similarities: readonly number[];
}

const gainAt = ({ row, base }: StoppableRun, n: number): number => (n <= 0 ? 0 : base - (bpbAt(row, n) ?? Number.NaN));

export const fixed = (runs: readonly StoppableRun[], n: number): Stopped => ({
  rule: 'fixed',
  parameter: n,
  steps: n,
  gain: mean(runs.map((run) => gainAt(run, n))),
});

const RULES = {
  alpha: {
    parameters: [0.01, 0.014, 0.02, 0.03, 0.05, 0.07, 0.1, 0.2],
    stop: ({ row }: StoppableRun, p: number) => alphaStop(row.variances, p),
  },
  share: {
    parameters: [1e-6, 1e-5, 1e-4, 0.001, 0.01, 0.1],
    stop: ({ row }: StoppableRun, p: number) => shareStop(row.initialVariance, row.variances, p),
  },
  level: {
    parameters: [0.8, 0.9, 0.95, 0.98, 0.99],
    stop: ({ row }: StoppableRun, p: number) => levelStop(row.initialVariance, row.variances, p),
  },
  covariance: {
    // of degree 6: sixth powers of cosines from 0.2 to 0.7
    parameters: [6e-5, 2e-4, 7e-4, 1e-3, 2e-3, 4e-3, 8e-3, 0.016, 0.03, 0.05, 0.1],
    stop: ({ row }: StoppableRun, p: number) => covarianceStop(row.covariances, p),
  },
  similarity: {
    parameters: [0.2, 0.25, 0.28, 0.3, 0.32, 0.34, 0.36, 0.38, 0.4, 0.45, 0.5],
    stop: ({ similarities }: StoppableRun, p: number) => similarityStop(similarities, p),
  },
} as const;

/** Every rule at every parameter, on runs that all have at least `most` steps. */
export const stopped = (runs: readonly StoppableRun[], most: number): Stopped[] =>
  Object.entries(RULES).flatMap(([rule, { parameters, stop }]) =>
    parameters.map((parameter) => {
      const stops = runs.map((run) => Math.min(most, stop(run, parameter)));
      return {
        rule,
        parameter,
        steps: mean(stops),
        gain: mean(runs.map((run, i) => gainAt(run, at(stops, i)))),
      };
    }),
  );

export interface Held {
  readonly chosen: Stopped;
  /** On the other half. */
  readonly judged: Stopped;
  readonly full: Stopped;
}

/** Chosen on one half of the runs: the cheapest rule that loses at most `loss` of the gain. Its figures on the other half. */
export const heldOut = (runs: readonly StoppableRun[], most: number, loss: number): Held | undefined => {
  const [even, odd] = [runs.filter((_, i) => i % 2 === 0), runs.filter((_, i) => i % 2 === 1)];
  if (even.length === 0 || odd.length === 0) return undefined;
  const enough = (1 - loss) * fixed(even, most).gain;
  const [chosen] = stopped(even, most)
    .filter(({ gain }) => gain >= enough)
    .sort((a, b) => a.steps - b.steps);
  const judged =
    chosen && stopped(odd, most).find(({ rule, parameter }) => rule === chosen.rule && parameter === chosen.parameter);
  return chosen === undefined || judged === undefined ? undefined : { chosen, judged, full: fixed(odd, most) };
};

/** Steps that a fixed N would need for the same gain, interpolated between the N that were tried; NaN beyond them. */
export const stepsFor = (gain: number, fixedRules: readonly Stopped[]): number => {
  const after = fixedRules.findIndex((one) => one.gain >= gain);
  const [a, b] = [fixedRules[after - 1] ?? { steps: 0, gain: 0 }, fixedRules[after]];
  if (b === undefined) return Number.NaN;
  return a.steps + ((gain - a.gain) / (b.gain - a.gain)) * (b.steps - a.steps);
};

/** Every stopping rule on the runs that lasted so many steps. */
export interface Rules {
  readonly most: number;
  readonly among: readonly StoppableRun[];
  readonly rules: readonly Stopped[];
}

const FIXED = [1, 2, 3, 5, 7, 10, 14, 20, 25, 30, 35, 40, 50, 60, 70, 80, 90, 100];

export const rulesTo = (runs: readonly StoppableRun[], most: number): Rules => {
  const among = runs.filter(({ row }) => row.losses.length >= most);
  const counts = FIXED.filter((n) => n <= most);
  const rules = among.length === 0 ? [] : [...counts.map((n) => fixed(among, n)), ...stopped(among, most)];
  return { most, among, rules };
};
