// All figures of docs/study/stopping.md, from the runs there are.
import { mean, short } from '../statistics.ts';
import { type Judgement, judgeAll } from './judge-stopping.ts';
import type { LongRun } from './long-runs.ts';
import { type Along, alongRuns, type Predicted, predictGain } from './predict-gain.ts';
import { type Shared, shareSteps } from './share-steps.ts';

/** Steps of whole runs. */
const WHOLE = [50, 100];
/** Steps a prompt of a shared budget. */
const EACH = [10, 20, 50];

export interface StoppingFigures {
  /** [steps, mean gain in bits per byte, share of prompts worse than the base]. */
  readonly curve: readonly (readonly [number, number, number])[];
  readonly judged: readonly Judgement[];
  readonly predicted: readonly Predicted[];
  readonly along: readonly Along[];
  readonly shared: readonly Shared[];
}

/** A run ends early where the pool has no more picks. */
const lasting = (runs: readonly LongRun[], steps: number): LongRun[] => runs.filter(({ read }) => read.includes(steps));

export const stoppingFigures = (runs: readonly LongRun[]): StoppingFigures => {
  const whole = lasting(runs, Math.max(...WHOLE));
  return {
    curve: (whole[0]?.read ?? [])
      .filter((steps) => steps > 0)
      .map((steps) => {
        const gains = whole.map((run) => run.gain(steps));
        return [steps, short(mean(gains)), short(mean(gains.map((gain) => (gain < 0 ? 1 : 0))))] as const;
      }),
    judged: WHOLE.map((most) => judgeAll(lasting(runs, most), most)),
    predicted: WHOLE.flatMap((total) =>
      predictGain(
        lasting(runs, total),
        [10, 20, 50].filter((after) => after <= total),
        total,
      ),
    ),
    along: WHOLE.flatMap((total) => alongRuns(lasting(runs, total), total)),
    shared: EACH.map((each) => shareSteps(whole, each)),
  };
};
