// What is run, in which order: the main table first, its most important arms first, for all prompts in turns over the
// domains, so that an interrupted run has balanced tables; then the side questions, on the first prompts of every domain.
// A task that two questions share is run once.
import type { Prompt } from '../material/prompts.ts';
import type { Scored, Setting } from '../material/setting.ts';
import { armOf, full, type Rates, rateOf } from './arms.ts';
import { baseTask, first, scoresOf } from './cells.ts';
import { planFar } from './plan-far.ts';
import { planSides } from './plan-sides.ts';
import type { Profile } from './profile.ts';
import type { Planned, Task } from './tasks.ts';
import type { Tuning } from './trajectory.ts';

/** A HullFT arm is of one N: it is left out where that is more than the profile's steps. */
const isTooLong = (arm: string, { steps }: Profile): boolean => {
  const { strategy, n } = armOf(arm);
  return strategy === 'hullft' && n > steps;
};

const taskOf = (
  profile: Profile,
  tuningOf: (arm: string) => Tuning,
  prompt: Prompt,
  arm: string,
  scored: Scored,
): Task => {
  const selection = armOf(arm);
  const isHull = selection.strategy === 'hullft';
  const steps = isHull ? selection.n : profile.steps;
  const scoredAt = isHull ? [steps] : scoresOf(arm, steps);
  return { prompt, selection, tuning: tuningOf(arm), steps, scoredAt, scored };
};

/** `fixed`: how the main arms are tuned, in place of full fine-tuning at the rate of each. */
export const planStudy = (setting: Setting, profile: Profile, rates: Rates, fixed?: Tuning): Planned[] => {
  const tuningOf = (arm: string): Tuning => fixed ?? full(rateOf(rates, arm));
  const { scored } = profile;
  const other: Scored = scored === 'prompt' ? 'continuation' : 'prompt';
  const arms = (prompts: readonly Prompt[], question: string, names: readonly string[], text: Scored): Planned[] =>
    prompts.flatMap((prompt) => [
      { question, arm: 'base', task: baseTask(prompt, text) },
      ...names
        .filter((arm) => !isTooLong(arm, profile))
        .map((arm) => ({ question, arm, task: taskOf(profile, tuningOf, prompt, arm, text) })),
    ]);
  const core = profile.arms.slice(0, 2);
  const side = first(setting.study, profile.side);
  const few = first(setting.study, profile.far);
  const mainTask = (prompt: Prompt, arm: string): Task => taskOf(profile, tuningOf, prompt, arm, scored);
  return [
    ...arms(side, 'main', core, scored),
    ...arms(side, 'other score', core, other),
    ...arms(setting.study, 'main', core, scored),
    ...(profile.sides ? planSides(side, rates, mainTask, scored) : []),
    ...arms(setting.study, 'other score', core, other),
    ...arms(few, 'main', profile.arms, scored),
    ...(profile.sides ? planFar(few, rates) : []),
    ...arms(setting.study, 'main', profile.arms, scored),
  ];
};
