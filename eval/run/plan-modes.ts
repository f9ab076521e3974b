// Which runs the comparison of tuning, context and both is made of, the most telling first, so that a run that was stopped
// has answered the main question for every prompt. Rates are the model's own defaults, chosen on other text; the higher
// ones only serve to see what the guard makes of a rate that harms.
import type { TuningDefaults } from '../../gateway/backends/contract.ts';
import { type SelectionSpec, spec } from '../choose/spec.ts';
import type { Prompt } from '../material/prompts.ts';
import type { Scored } from '../material/setting.ts';
import type { ModeTask, Point } from './modes.ts';
import type { Tuning } from './trajectory.ts';

/** Picks that the product makes by default. */
const TEN = 10;
const LONG = 50;
/** Factors of the default rate at which the guard is tried. */
const TOO_HIGH = [3, 10];

const STRATEGIES: Readonly<Record<string, SelectionSpec>> = {
  nn: spec('nn', { n: TEN }),
  mmr: spec('mmr', { n: TEN }),
  sift: spec('sift', { n: TEN }),
};
const COPIES = 5;

const point = (steps: number, context = 0, text: Scored = 'continuation'): Point => ({ steps, context, text });

export interface ModesProfile {
  /** Prompts, in the study's order, that get the runs of 50 steps and the rates that are too high. */
  readonly long: number;
}

export const planModes = (prompts: readonly Prompt[], defaults: TuningDefaults, { long }: ModesProfile): ModeTask[] => {
  const tuningOf = (method: 'full' | 'lora', factor = 1): Tuning => ({
    method,
    rank: method === 'lora' ? defaults.rank : 0,
    learningRate: defaults.learningRate[method] * factor,
    reuse: false,
  });
  const own = tuningOf(defaults.method);
  const other = tuningOf(defaults.method === 'lora' ? 'full' : 'lora');
  const tasks = (
    strategy: string,
    of: readonly Prompt[],
    points: readonly Point[],
    more: Partial<Pick<ModeTask, 'tuning' | 'baseLosses'>> & { selection?: Partial<SelectionSpec> } = {},
  ): ModeTask[] => {
    const selection = STRATEGIES[strategy];
    if (selection === undefined) throw new Error(`no strategy '${strategy}'`);
    const { tuning = own, baseLosses = false } = more;
    return of.map((prompt) => ({
      prompt,
      strategy,
      selection: { ...selection, ...more.selection },
      tuning,
      points,
      baseLosses,
    }));
  };
  const some = prompts.slice(0, long);
  const alone = [point(5), point(TEN), point(TEN, 0, 'prompt')];
  return [
    ...tasks('sift', prompts, [point(0), point(0, 0, 'prompt'), ...alone, point(TEN, TEN)], { baseLosses: true }),
    ...Object.keys(STRATEGIES).flatMap((strategy) => tasks(strategy, prompts, [point(0, TEN)])),
    ...tasks('nn', prompts, [...alone, point(TEN, TEN)]),
    ...tasks('nn', prompts, [point(0, TEN)], { selection: { copies: COPIES } }),
    ...tasks('sift', prompts, [point(0, TEN)], { selection: { copies: COPIES } }),
    ...TOO_HIGH.flatMap((factor) =>
      tasks('sift', some, [point(5), point(TEN)], { tuning: tuningOf(defaults.method, factor) }),
    ),
    ...['sift', 'nn'].flatMap((strategy) =>
      tasks(strategy, some, [point(20), point(20, 5), point(20, TEN), point(LONG), point(LONG, 5), point(LONG, TEN)], {
        baseLosses: true,
        selection: { n: LONG },
      }),
    ),
    ...tasks('sift', some, [point(5), point(TEN)], { tuning: other }),
    ...TOO_HIGH.flatMap((factor) =>
      tasks('sift', some, [point(5), point(TEN)], { tuning: tuningOf(other.method, factor) }),
    ),
    ...['sift', 'nn'].flatMap((strategy) => tasks(strategy, prompts, [point(0, 5), point(0, TEN, 'prompt')])),
  ];
};
