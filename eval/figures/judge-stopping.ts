// Stopping rules judged: each rule's parameter is chosen on one half of the prompts, the fewest steps at which at most one per
// cent of the gain is lost, and it is judged on the other half, in many random halves. A rule must do better than a fixed
// number of steps, chosen in the same way, or than as many fixed steps as it made itself.
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { type Interval, mean, quantile, short, shortInterval } from '../statistics.ts';
import { type Between, overHalves, resampled, TIMES, type Times } from './halves.ts';
import type { LongRun } from './long-runs.ts';
import { RULES, type Rule, type Stop } from './stop-rules.ts';

/** Share of the gain that may be lost where a parameter is chosen. */
export const MOST_LOST = 0.01;
export interface Outcome {
  readonly steps: number;
  readonly gain: number;
}

const outcomeOf = (runs: readonly LongRun[], most: number, stop: Stop): Outcome => {
  const stops = runs.map((run) => stop(run, most));
  return { steps: mean(stops), gain: mean(runs.map((run, i) => run.gain(at(stops, i)))) };
};

/** Mean gain after a fixed number of steps, linear between whole numbers of them. */
const fixedGain = (runs: readonly LongRun[], steps: number): number => {
  const [low, high] = [Math.floor(steps), Math.ceil(steps)];
  const gain = (n: number): number => mean(runs.map((run) => run.gain(n)));
  return gain(low) + (steps - low) * (gain(high) - gain(low));
};

/** A rule's stops, a parameter each, on the runs that it may learn from. */
type StopsOf = (learned: readonly LongRun[]) => readonly Stop[];

const remembering = (stop: Stop): Stop => {
  const known = new Map<LongRun, number>();
  return (run, most) => {
    const steps = known.get(run) ?? stop(run, most);
    known.set(run, steps);
    return steps;
  };
};

/** For one length of runs: each run's end is computed once where a rule learns nothing. */
const stopsOf = ({ parameters, learns, stop }: Rule): StopsOf => {
  if (learns) return (learned) => parameters.map((parameter) => stop(parameter, learned));
  const stops = parameters.map((parameter) => remembering(stop(parameter, [])));
  return () => stops;
};

/** The cheapest parameter that loses no more than it may; where none does, the run goes to its end. */
const choose = (stops: StopsOf, runs: readonly LongRun[], most: number): Stop => {
  const enough = (1 - MOST_LOST) * fixedGain(runs, most);
  const [best] = stops(runs)
    .map((stop) => ({ stop, ...outcomeOf(runs, most, stop) }))
    .filter(({ gain }) => gain >= enough)
    .sort((a, b) => a.steps - b.steps);
  return best?.stop ?? ((_, all) => all);
};

const SHARES = ['saved', 'lost', 'ahead'] as const;

/** Share of the steps at which rules are compared without choosing any by its gain. */
export const COMPARED_AT = 0.6;

export interface Compared extends Outcome {
  readonly parameter: number;
  /** Share of the whole run's gain that is gained more than by as many fixed steps. */
  readonly ahead: Interval;
}

export interface Judged extends Readonly<Record<(typeof SHARES)[number], Between>> {
  readonly rule: string;
  /** Every parameter on all runs: what the rule could do if it were chosen after the fact. */
  readonly curve: readonly (Outcome & { readonly parameter: number })[];
  /** At the parameter whose mean number of steps is nearest to the share that rules are compared at. */
  readonly compared: Compared;
}

const rounded = ({ steps, gain }: Outcome): Outcome => ({ steps: short(steps, 2), gain: short(gain, 5) });

/** Nothing is chosen by its gain here, so that all prompts can judge; the interval draws them with replacement. */
const compare = (
  stops: readonly Stop[],
  curve: Judged['curve'],
  runs: readonly LongRun[],
  most: number,
  { draws }: Times,
): Compared => {
  const far = ({ steps }: Outcome): number => Math.abs(steps - COMPARED_AT * most);
  const place = curve.reduce((best, one, i) => (far(one) < far(at(curve, best)) ? i : best), 0);
  const random = seededRandom(1);
  const ahead = (some: readonly LongRun[]): number => {
    const { steps, gain } = outcomeOf(some, most, at(stops, place));
    return (gain - fixedGain(some, steps)) / fixedGain(runs, most);
  };
  const drawn = Array.from({ length: draws }, () => ahead(resampled(runs, random)));
  const interval = { mean: ahead(runs), low: quantile(drawn, 0.025), high: quantile(drawn, 0.975) };
  return { ...at(curve, place), ahead: shortInterval(interval) };
};

/**
 * Shares of the steps, and of the gain that the whole run has over all prompts, since that of a half may be near zero.
 * `ahead`: gained more than as many fixed steps.
 */
export const judgeRule = (rule: Rule, runs: readonly LongRun[], most: number, times = TIMES): Judged => {
  const stops = stopsOf(rule);
  const whole = fixedGain(runs, most);
  const curve = stops(runs).map((stop, i) => ({
    parameter: at(rule.parameters, i),
    ...rounded(outcomeOf(runs, most, stop)),
  }));
  return {
    rule: rule.name,
    ...overHalves(runs, SHARES, times, (chosenOn, judgedOn) => {
      const { steps, gain } = outcomeOf(judgedOn, most, choose(stops, chosenOn, most));
      return {
        saved: 1 - steps / most,
        lost: (fixedGain(judgedOn, most) - gain) / whole,
        ahead: (gain - fixedGain(judgedOn, steps)) / whole,
      };
    }),
    curve,
    compared: compare(stops(runs), curve, runs, most, times),
  };
};

/** With hindsight: each prompt ends where its gain less a price for each step is highest, for prices from high to none. */
export const bound = (runs: readonly LongRun[], most: number): Outcome[] => {
  const prices = [0.02, 0.01, 0.005, 0.003, 0.002, 0.0015, 0.001, 0.0007, 0.0005, 0.0003, 0.0002, 0.0001, 0];
  const ends = prices.map(
    (price): Stop =>
      (run) => {
        const worth = (steps: number): number => run.gain(steps) - price * steps;
        return run.read.filter((steps) => steps <= most).reduce((a, b) => (worth(b) > worth(a) ? b : a), 0);
      },
  );
  return ends.map((stop) => rounded(outcomeOf(runs, most, stop)));
};

export interface Judgement {
  /** Steps of the whole run, and their gain. */
  readonly most: number;
  readonly gain: number;
  readonly prompts: number;
  readonly rules: readonly Judged[];
  readonly bound: readonly Outcome[];
}

export const judgeAll = (runs: readonly LongRun[], most: number, rules = RULES, times = TIMES): Judgement => ({
  most,
  gain: short(fixedGain(runs, most), 5),
  prompts: runs.length,
  rules: rules.map((rule) => judgeRule(rule, runs, most, times)),
  bound: bound(runs, most),
});
