// From rows of eval/run/expert-arms.ts to the figures of docs/study/experts.md, and whether experts trained ahead pay: at least 60 %
// of the gain of tuning on SIFT's picks, in at most 5 % of what that adds to a request's time. Only prompts that all arms
// have count, so that every comparison is paired.
import { at } from '../../wire/list.ts';
import type { ExpertArm, ExpertRow } from '../run/expert-arms.ts';
import type { Shape } from '../run/shape.ts';
import {
  bootstrap,
  type Interval,
  macroMean,
  mean,
  type Observation,
  quantile,
  short,
  shortInterval,
  winRate,
} from '../statistics.ts';
import { operations } from './modes.ts';

export const LEAST_GAIN = 0.6;
export const MOST_TIME = 0.05;

export interface ExpertFigures {
  readonly name: string;
  /** Experts alone: what the rule is about. */
  readonly alone: boolean;
  readonly bitsPerByte: number;
  readonly byDomain: Readonly<Record<string, number>>;
  /** Less the base's, and less that of tuning on SIFT's picks; negative is better. */
  readonly lessBase: Interval;
  readonly lessSift: Interval;
  /** Of SIFT's gain. */
  readonly gain: number;
  /** The change, less LEAST_GAIN of SIFT's: below zero, the rule's first half holds. */
  readonly lessRule: Interval;
  /** Shares of the prompts: better than the base, and worse by more than 1 %. */
  readonly better: number;
  readonly worse: number;
  /** Of what SIFT's steps add before the prompt is read: the median of the ratios by prompt. And with reading counted. */
  readonly time: number;
  readonly timeWithReading: number;
  /** Means: tokens trained on, tokens read before the continuation, and the arithmetic of both, in 10¹² operations. */
  readonly trained: number;
  readonly read: number;
  readonly teraflops: number;
}

export interface ExpertSummary {
  readonly prompts: number;
  readonly domains: readonly string[];
  readonly figures: readonly ExpertFigures[];
  readonly pays: boolean;
}

/** The model's shape, and values of LoRA's factors for each rank. */
export interface AdaptedShape extends Shape {
  readonly perRank: number;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const costOf = (shape: AdaptedShape, { trained, read, rank }: ExpertRow): number => {
  const adapted = { ...shape, parameters: shape.parameters + rank * shape.perRank };
  // a backward pass through the weights themselves only where they are trained
  const passes = rank === 0 ? 3 : 2;
  return operations(adapted, read, 1) + sum(trained.map((tokens) => operations(adapted, tokens, passes)));
};

/** `base` and `sift`: the names of the arms that the others are compared with. */
export const summariseExperts = (
  rows: readonly ExpertRow[],
  arms: readonly ExpertArm[],
  { base, sift }: { readonly base: string; readonly sift: string },
  shape: AdaptedShape,
): ExpertSummary => {
  const of = new Map(arms.map(({ name }) => [name, new Map<string, ExpertRow>()]));
  for (const row of rows) of.get(row.arm)?.set(row.prompt, row);
  const rowsOf = (name: string): ReadonlyMap<string, ExpertRow> => {
    const found = of.get(name);
    if (found === undefined) throw new Error(`no arm '${name}'`);
    return found;
  };
  const prompts = [...rowsOf(base).keys()].filter((id) => [...of.values()].every((found) => found.has(id)));
  const take = (name: string): ExpertRow[] => prompts.flatMap((id) => rowsOf(name).get(id) ?? []);
  const [bases, sifts] = [take(base), take(sift)];
  const domains = [...new Set(bases.map(({ domain }) => domain))].toSorted();
  const differences = (value: (i: number) => number): Observation[] =>
    bases.map(({ domain }, i) => ({ domain, value: value(i) }));
  const baseAt = (i: number): number => at(bases, i).bitsPerByte;
  const siftAt = (i: number): number => at(sifts, i).bitsPerByte;
  const siftGain = macroMean(differences((i) => baseAt(i) - siftAt(i)));
  const figures = arms.map((arm): ExpertFigures => {
    const own = take(arm.name);
    const ownAt = (i: number): number => at(own, i).bitsPerByte;
    const change = differences((i) => ownAt(i) - baseAt(i));
    const ratio = (time: (row: ExpertRow) => number): number =>
      short(
        quantile(
          own.map((row, i) => time(row) / time(at(sifts, i))),
          0.5,
        ),
      );
    const inDomain = (domain: string): number =>
      short(mean(own.filter((row) => row.domain === domain).map(({ bitsPerByte }) => bitsPerByte)));
    return {
      name: arm.name,
      alone: arm.k !== undefined && arm.steps === 0 && arm.context === 0,
      bitsPerByte: short(macroMean(own.map(({ domain, bitsPerByte }) => ({ domain, value: bitsPerByte })))),
      byDomain: Object.fromEntries(domains.map((domain) => [domain, inDomain(domain)])),
      lessBase: shortInterval(bootstrap(change)),
      lessSift: shortInterval(bootstrap(differences((i) => ownAt(i) - siftAt(i)))),
      gain: short(-macroMean(change) / siftGain),
      lessRule: shortInterval(
        bootstrap(differences((i) => ownAt(i) - baseAt(i) - LEAST_GAIN * (siftAt(i) - baseAt(i)))),
      ),
      better: short(winRate(change.map(({ value }) => value))),
      worse: short(mean(own.map(({ bitsPerByte }, i) => (bitsPerByte > 1.01 * baseAt(i) ? 1 : 0)))),
      time: ratio(({ ms }) => ms),
      timeWithReading: ratio(({ ms, readMs }) => ms + readMs),
      trained: short(mean(own.map(({ trained }) => sum(trained))), 1),
      read: short(mean(own.map(({ read }) => read)), 1),
      teraflops: short(mean(own.map((row) => costOf(shape, row))) / 1e12),
    };
  });
  const pays = siftGain > 0 && figures.some((one) => one.alone && one.gain >= LEAST_GAIN && one.time <= MOST_TIME);
  return { prompts: prompts.length, domains, figures, pays };
};
