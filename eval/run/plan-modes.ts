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
/** Prompts that get the main runs before any gets more; a multiple of the domains. */
const FIRST = 36;
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
  /** Prompts, in the study's order, that get the rates that are too high and the other method. */
  readonly high: number;
  /** Prompts that get the runs of 50 steps. */
  readonly long: number;
}

export const planModes = (
  prompts: readonly Prompt[],
  defaults: TuningDefaults,
  { high, long }: ModesProfile,
): ModeTask[] => {
  const tuningOf = (method: 'full' | 'lora'): Tuning => ({
    method,
    rank: method === 'lora' ? defaults.rank : 0,
    learningRate: defaults.learningRate[method],
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
  const alone = [point(5), point(TEN), point(TEN, 0, 'prompt')];
  const main = (of: readonly Prompt[]): ModeTask[] => [
    ...tasks('sift', of, [point(0), point(0, 0, 'prompt'), ...alone, point(TEN, TEN)], { baseLosses: true }),
    ...Object.keys(STRATEGIES).flatMap((strategy) => tasks(strategy, of, [point(0, TEN)])),
    ...tasks('nn', of, [...alone, point(TEN, TEN)]),
  ];
  const some = prompts.slice(0, high);
  const tooHigh = (tuned: Tuning): ModeTask[] =>
    TOO_HIGH.flatMap((factor) =>
      tasks('sift', some, [point(5), point(5, 0, 'prompt'), point(TEN), point(TEN, 0, 'prompt')], {
        tuning: { ...tuned, learningRate: tuned.learningRate * factor },
      }),
    );
  const far = [20, LONG].flatMap((steps) => [point(steps), point(steps, 5), point(steps, TEN)]);
  return [
    ...main(prompts.slice(0, FIRST)),
    ...tooHigh(own),
    ...['sift', 'nn'].flatMap((strategy) =>
      tasks(strategy, prompts.slice(0, long), far, { baseLosses: true, selection: { n: LONG } }),
    ),
    // prompt by prompt: each that is done is whole
    ...prompts.slice(FIRST).flatMap((prompt) => main([prompt])),
    ...['nn', 'sift'].flatMap((strategy) =>
      tasks(strategy, prompts, [point(0, TEN)], { selection: { copies: COPIES } }),
    ),
    ...tasks('sift', some, [point(5), point(TEN), point(TEN, 0, 'prompt')], { tuning: other }),
    ...tooHigh(other),
    ...['sift', 'nn'].flatMap((strategy) => tasks(strategy, prompts, [point(0, 5), point(0, TEN, 'prompt')])),
  ];
};
