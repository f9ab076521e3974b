// The runs that stopping rules are judged on: SIFT's picks at the model's own rate, read often enough that any rule's end
// has its bits nearby. The prompt's bits are read too, since a server could read them: they cost a forward pass.
import type { TuningDefaults } from '../../gateway/backends/contract.ts';
import { spec } from '../choose/spec.ts';
import type { Prompt } from '../material/prompts.ts';
import type { ModeTask, Point } from './modes.ts';

export const LONGEST = 100;
/** Steps after which both texts are read. */
export const READ_AFTER = [0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 70, LONGEST] as const;

export const planStopping = (
  prompts: readonly Prompt[],
  { method, rank, learningRate }: TuningDefaults,
): ModeTask[] => {
  const points = READ_AFTER.flatMap((steps): Point[] => [
    { steps, context: 0, text: 'continuation' },
    { steps, context: 0, text: 'prompt' },
  ]);
  return prompts.map((prompt) => ({
    prompt,
    strategy: 'sift',
    selection: spec('sift', { n: LONGEST }),
    tuning: { method, rank: method === 'lora' ? rank : 0, learningRate: learningRate[method], reuse: false },
    points,
    baseLosses: true,
  }));
};
