// What single steps bring, by the sign of their pick's posterior covariance with the prompt.
import { at } from '../../wire/list.ts';
import type { Row } from '../run/tasks.ts';

export interface SignedStep {
  readonly sign: 'positive' | 'negative';
  /** Drop of σ² by the pick. */
  readonly drop: number;
  /** Bits per byte before the step less those after it. */
  readonly gain: number;
  /** Number of the step, from 1. */
  readonly at: number;
}

/** The steps with a score before and after them. A run has no score of its own before the first. */
export const signSteps = (rows: Iterable<Row>): SignedStep[] =>
  Array.from(rows).flatMap((row) =>
    row.covariances.flatMap((covariance, i): SignedStep[] => {
      const before = i === 0 ? undefined : row.scores.find(([n]) => n === i);
      const after = row.scores.find(([n]) => n === i + 1);
      if (before === undefined || after === undefined) return [];
      const drop = (row.variances[i - 1] ?? row.initialVariance) - at(row.variances, i);
      return [{ sign: covariance < 0 ? 'negative' : 'positive', drop, gain: before[1] - after[1], at: i + 1 }];
    }),
  );
