// Does a signal predict the gain? Spearman's correlation over prompts, of what is known after k steps with the gain of those
// steps, of the whole run and of the steps still to come; and along each run, beside what the number of steps alone predicts.
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { bootstrap, type Interval, quantile, shortInterval, spearman } from '../statistics.ts';
import type { LongRun } from './long-runs.ts';
import { SIGNALS, type Signal } from './signals.ts';

const DRAWS = 1_000;

/** Interval over prompts drawn with replacement. */
const correlated = (x: readonly number[], y: readonly number[]): Interval => {
  const random = seededRandom(1);
  const drawn = Array.from({ length: DRAWS }, () => {
    const places = x.map(() => Math.floor(random() * x.length));
    return spearman(
      places.map((i) => at(x, i)),
      places.map((i) => at(y, i)),
    );
  }).filter(Number.isFinite);
  return shortInterval({ mean: spearman(x, y), low: quantile(drawn, 0.025), high: quantile(drawn, 0.975) });
};

export interface Predicted {
  readonly signal: string;
  /** Steps after which the signal is read. */
  readonly after: number;
  readonly total: number;
  /** With the gain of those steps, of `total` steps, and of the steps between. */
  readonly now: Interval;
  readonly all: Interval;
  readonly rest: Interval;
}

/** `total`: the steps whose gain is predicted. */
export const predictGain = (runs: readonly LongRun[], after: readonly number[], total: number): Predicted[] =>
  after.flatMap((steps) =>
    Object.entries<Signal>(SIGNALS).map(([signal, of]) => {
      const told = runs.map((run) => of(run, steps));
      const [now, all] = [runs.map((run) => run.gain(steps)), runs.map((run) => run.gain(total))];
      return {
        signal,
        after: steps,
        total,
        now: correlated(told, now),
        all: correlated(told, all),
        rest: correlated(
          told,
          all.map((gain, i) => gain - at(now, i)),
        ),
      };
    }),
  );

/** What the number of steps alone predicts along a run: a signal has to do better. */
const STEPS = 'the number of steps';
/** Fewest steps at which a signal is read along a run. */
const LEAST = 3;

export interface Along {
  readonly signal: string;
  readonly steps: number;
  /** Mean over runs; a run along which the gain or the signal stays the same has none. */
  readonly value: Interval;
}

export const alongRuns = (runs: readonly LongRun[], total: number): Along[] =>
  Object.entries<Signal>({ [STEPS]: (_, steps) => steps, ...SIGNALS }).map(([signal, of]) => {
    const observed = runs
      .map((run) => {
        const places = run.read.filter((steps) => steps >= LEAST && steps <= total);
        const value = spearman(
          places.map((steps) => of(run, steps)),
          places.map((steps) => run.gain(steps)),
        );
        return { domain: run.domain, value };
      })
      .filter(({ value }) => Number.isFinite(value));
    return { signal, steps: total, value: shortInterval(bootstrap(observed)) };
  });
