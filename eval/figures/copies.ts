// What SIFT and nearest neighbours lose of their gain when the corpus holds every example several times.
import { COPIES, STEPS } from '../run/grid.ts';
import { bootstrap, type Interval, macroMean, mean, type Observation } from '../statistics.ts';
import { type Arms, gainsOver, valuesAt } from './arms.ts';

export interface CopyLoss {
  readonly strategy: string;
  readonly copies: number;
  readonly prompts: number;
  /** Different examples among the picks, mean. */
  readonly distinct: number;
  readonly gain: Interval;
  /** 1 − gain / gain without copies, on the same prompts. */
  readonly lost: number;
}

type Bases = ReadonlyMap<string, Observation>;

const lossOf = (arms: Arms, bases: Bases, strategy: string, copies: number): CopyLoss[] => {
  const gainsWith = (times: number) => gainsOver(bases, valuesAt(arms.get(`${strategy} ×${times}`), STEPS));
  const gains = gainsWith(copies);
  if (gains.size === 0) return [];
  const single = Array.from(gainsWith(1)).flatMap(([id, gain]) => (gains.has(id) ? [gain] : []));
  const gain = bootstrap([...gains.values()]);
  const rows = arms.get(`${strategy} ×${copies}`)?.values() ?? [];
  return [
    {
      strategy,
      copies,
      prompts: gains.size,
      distinct: mean(Array.from(rows, ({ picks }) => new Set(picks.slice(0, STEPS)).size)),
      gain,
      lost: 1 - gain.mean / macroMean(single),
    },
  ];
};

export const copyLosses = (arms: Arms, bases: Bases): CopyLoss[] =>
  ['sift', 'nn'].flatMap((strategy) => COPIES.flatMap((copies) => lossOf(arms, bases, strategy, copies)));
