// The runs that learning rates and SIFT's kernel are chosen on: tuning prompts only, none of the study's. They are chosen
// by the continuation, which is what the product generates, whatever the tables score.
import { spec } from '../choose/spec.ts';
import type { Prompt } from '../material/prompts.ts';
import type { Scored, Setting } from '../material/setting.ts';
import { armOf, familyOf, full, lora, SIFT } from './arms.ts';
import { baseTask } from './cells.ts';
import { FALLBACK_RATE, KERNELS_TUNED, kernelName, LORA_RATES, RATES, STEPS } from './grid.ts';
import type { Profile } from './profile.ts';
import type { Planned, Task } from './tasks.ts';

const RATED: Scored = 'continuation';

export const planRates = (setting: Setting, profile: Profile): Planned[] => {
  // the first arm of a family stands for it
  const families = [...new Map(profile.arms.toReversed().map((arm) => [familyOf(arm), arm])).values()].reverse();
  const planned = (arm: string, task: Pick<Task, 'prompt' | 'selection' | 'tuning'>): Planned => ({
    question: 'rates',
    arm,
    task: { ...task, steps: STEPS, scoredAt: [1, 5, STEPS], scored: RATED },
  });
  const ofFamilies = (prompt: Prompt): Planned[] =>
    families.flatMap((arm) =>
      RATES.map((rate) => planned(`${familyOf(arm)} ${rate}`, { prompt, selection: armOf(arm), tuning: full(rate) })),
    );
  const ofKernels = (prompt: Prompt): Planned[] =>
    KERNELS_TUNED.map((kernel) =>
      planned(`sift ${kernelName(kernel)} ${FALLBACK_RATE}`, {
        prompt,
        selection: spec('sift', kernel),
        tuning: full(FALLBACK_RATE),
      }),
    );
  const ofLora = (prompt: Prompt): Planned[] =>
    LORA_RATES.map((rate) => planned(`lora ${rate}`, { prompt, selection: armOf(SIFT), tuning: lora(rate) }));
  return setting.tuning.flatMap((prompt) => [
    { question: 'rates', arm: 'base', task: baseTask(prompt, RATED) },
    ...ofFamilies(prompt),
    ...(profile.sides ? [...ofKernels(prompt), ...ofLora(prompt)] : []),
  ]);
};
