// Which learning rate is best for every family of arms.
import { at } from '../../wire/list.ts';
import { macroMean } from '../statistics.ts';
import { type Arms, valuesAt } from './arms.ts';

export interface RateChoice {
  readonly rate: number;
  /** Every rate tried, and the mean bits per byte with it. */
  readonly table: readonly (readonly [number, number])[];
  readonly prompts: number;
}

interface Tried {
  readonly rate: number;
  readonly bpb: number;
  readonly prompts: number;
}

/** An arm's name is its family and its rate. */
const familyAndRate = (arm: string): [string, number] => {
  const end = arm.lastIndexOf(' ');
  return [arm.slice(0, end), Number(arm.slice(end + 1))];
};

/** The learning rate of every family with the lowest mean after `steps`; of equals the first that was tried. */
export const bestRates = (arms: Arms, steps: number): Record<string, RateChoice> => {
  const families = new Map<string, Tried[]>();
  for (const [arm, rows] of arms) {
    if (arm === 'base') continue;
    const values = [...valuesAt(rows, steps).values()];
    if (values.length === 0) continue;
    const [family, rate] = familyAndRate(arm);
    const tried = families.get(family) ?? [];
    families.set(family, [...tried, { rate, bpb: macroMean(values), prompts: values.length }]);
  }
  return Object.fromEntries(
    Array.from(families, ([family, tried]) => {
      const best = tried.reduce((lowest, one) => (one.bpb < lowest.bpb ? one : lowest), at(tried, 0));
      const table = tried.map(({ rate, bpb }) => [rate, bpb] as const);
      return [family, { rate: best.rate, table, prompts: Math.min(...tried.map(({ prompts }) => prompts)) }];
    }),
  );
};
