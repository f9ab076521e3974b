// Runs of twice the usual number of steps, to see where gains end; and with a least similarity, which ends a run by itself.
import { spec } from '../choose/spec.ts';
import type { Prompt } from '../material/prompts.ts';
import type { Scored } from '../material/setting.ts';
import { full, type Rates, rateOf, SIFT } from './arms.ts';
import { baseTask, scoresOf } from './cells.ts';
import { FAR, FLOORS } from './grid.ts';
import type { Planned } from './tasks.ts';

/** Both texts, for the questions that are asked of both. */
export const TEXTS: readonly Scored[] = ['prompt', 'continuation'];

export const planFar = (prompts: readonly Prompt[], rates: Rates): Planned[] =>
  TEXTS.flatMap((text) =>
    prompts.flatMap((prompt) => {
      const far = { steps: FAR, scoredAt: scoresOf(SIFT, FAR), scored: text };
      const tuning = full(rateOf(rates, SIFT));
      const question = `far, ${text}`;
      return [
        { question, arm: 'base', task: baseTask(prompt, text) },
        { question, arm: SIFT, task: { prompt, selection: spec('sift', { n: FAR }), tuning, ...far } },
        ...FLOORS.map((minSimilarity) => ({
          question,
          arm: `similarity ≥ ${minSimilarity}`,
          task: { prompt, selection: spec('sift', { n: FAR, minSimilarity }), tuning, ...far, scoredAt: [FAR] },
        })),
      ];
    }),
  );
