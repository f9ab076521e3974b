// What plans are made of: the task that scores the base model, and which prompts and numbers of steps are taken.
import type { Prompt } from '../material/prompts.ts';
import type { Scored } from '../material/setting.ts';
import { full, SIFT } from './arms.ts';
import { COUNTS, DENSE } from './grid.ts';
import type { Task } from './tasks.ts';

export const baseTask = (prompt: Prompt, scored: Scored): Task => ({
  prompt,
  tuning: full(0),
  steps: 0,
  scoredAt: [0],
  scored,
});

export const upTo = (counts: readonly number[], steps: number): number[] => counts.filter((n) => n <= steps);

export const scoresOf = (arm: string, steps: number): number[] => upTo(arm === SIFT ? DENSE : COUNTS, steps);

/** The first `count` prompts of every domain. */
export const first = (prompts: readonly Prompt[], count: number): Prompt[] => {
  const seen = new Map<string, number>();
  return prompts.filter(({ domain }) => {
    const number = (seen.get(domain) ?? 0) + 1;
    seen.set(domain, number);
    return number <= count;
  });
};
