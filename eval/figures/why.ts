// Why a step helps: a regression of the gain of single steps on the similarity of the step's example with the prompt
// (relevance) and with the most similar example already picked (redundancy). SIFT trades one for the other; the coefficients
// show the best price. Both are in standard deviations; the mean gain at the same step number is subtracted from each gain;
// intervals are by bootstrap over prompts.
import { dot } from '../../functions/vectors/algebra.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import type { Prompt } from '../material/prompts.ts';
import type { Setting } from '../material/setting.ts';
import type { Row } from '../run/tasks.ts';
import { type Interval, mean, quantile } from '../statistics.ts';

interface Step {
  /** Of the step in its run, from 1. */
  readonly number: number;
  readonly relevance: number;
  readonly redundancy: number;
  readonly gain: number;
}

export interface Why {
  readonly prompts: number;
  readonly steps: number;
  readonly relevance: Interval;
  readonly redundancy: Interval;
  /** Of relevance and redundancy among the steps. */
  readonly correlation: number;
}

const DRAWS = 500;

const stepsOf = (setting: Setting, prompt: Prompt, row: Row): Step[] => {
  const vector = setting.vectorOf(prompt);
  const rows = row.picks.map((i) => setting.corpus.store.row(i));
  return rows.flatMap((own, i) => {
    const before = row.scores.find(([n]) => n === i);
    const after = row.scores.find(([n]) => n === i + 1);
    if (i === 0 || before === undefined || after === undefined) return [];
    const redundancy = Math.max(...rows.slice(0, i).map((other) => dot(own, other)));
    return [{ number: i + 1, relevance: dot(own, vector), redundancy, gain: before[1] - after[1] }];
  });
};

const standard = (values: readonly number[]): number[] => {
  const middle = mean(values);
  const deviation = Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
  return values.map((value) => (value - middle) / (deviation === 0 ? 1 : deviation));
};

/** Least squares of y on a and b, all of mean zero. */
export const leastSquares = (
  y: readonly number[],
  a: readonly number[],
  b: readonly number[],
): { a: number; b: number } => {
  const of = (u: readonly number[], v: readonly number[]): number =>
    u.reduce((sum, value, i) => sum + value * at(v, i), 0);
  const [aa, bb, ab, ay, by] = [of(a, a), of(b, b), of(a, b), of(a, y), of(b, y)];
  const determinant = aa * bb - ab * ab;
  return { a: (ay * bb - by * ab) / determinant, b: (by * aa - ay * ab) / determinant };
};

export const why = (setting: Setting, runs: readonly { prompt: Prompt; row: Row }[]): Why | undefined => {
  const byPrompt = [...Map.groupBy(runs, ({ prompt }) => prompt.id).values()].map((own) =>
    own.flatMap(({ prompt, row }) => stepsOf(setting, prompt, row)),
  );
  const all = byPrompt.flat();
  if (all.length < 30) return undefined;
  const relevance = standard(all.map((step) => step.relevance));
  const redundancy = standard(all.map((step) => step.redundancy));
  const usual = new Map(
    [...Map.groupBy(all, ({ number }) => number)].map(([number, steps]) => [
      number,
      mean(steps.map(({ gain }) => gain)),
    ]),
  );
  const gains = all.map(({ number, gain }) => gain - (usual.get(number) ?? Number.NaN));
  let from = 0;
  const ranges = byPrompt.map(({ length }) => {
    from += length;
    return [from - length, from] as const;
  });
  const regress = (chosen: readonly (readonly [number, number])[]) => {
    const take = (values: readonly number[]): number[] => {
      const taken = chosen.flatMap(([start, end]) => values.slice(start, end));
      const middle = mean(taken);
      return taken.map((value) => value - middle);
    };
    return leastSquares(take(gains), take(relevance), take(redundancy));
  };
  const random = seededRandom(1);
  const drawn = Array.from({ length: DRAWS }, () =>
    regress(ranges.map(() => at(ranges, Math.floor(random() * ranges.length)))),
  );
  const whole = regress(ranges);
  const interval = (of: 'a' | 'b'): Interval => {
    const values = drawn.map((one) => one[of]);
    return { mean: whole[of], low: quantile(values, 0.025), high: quantile(values, 0.975) };
  };
  return {
    prompts: byPrompt.length,
    steps: all.length,
    relevance: interval('a'),
    redundancy: interval('b'),
    correlation: mean(relevance.map((value, i) => value * at(redundancy, i))),
  };
};
