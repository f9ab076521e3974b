// One tuning run: from the base weights, one gradient step on each pick in order, bits per byte of the prompt's scored
// text after some of the steps. A run of 50 steps gives every N up to 50 at once, since picks are chosen one by one.
import type { Backend, OpenOptions } from '../../gateway/backends/contract.ts';
import { short } from '../statistics.ts';

export interface Tuning {
  readonly method: 'full' | 'lora';
  readonly rank: number;
  readonly learningRate: number;
  readonly reuse: boolean;
}

export interface Run {
  /** [steps taken, bits per byte], in order. */
  readonly scores: readonly (readonly [number, number])[];
  /** Loss of each example before its step, nats per token. */
  readonly losses: readonly number[];
  /** Milliseconds of each step. */
  readonly ms: readonly number[];
  readonly tokens: number;
}

/** Adam's usual figures, as in the product. */
const adam = (learningRate: number) => ({ learningRate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 });

export const openOptions = (model: string, tuning: Tuning): OpenOptions => ({
  model,
  method: tuning.method,
  rank: tuning.rank,
  optimiser: adam(tuning.learningRate),
  seed: 1,
  reuseGradients: tuning.reuse,
});

/** `texts`: the picks in order; scored after each number of steps in `scoredAt` (0 is the base) that is reached. */
export const runTrajectory = async (
  backend: Backend,
  tuning: Tuning,
  texts: readonly string[],
  scoredAt: readonly number[],
  context: string,
  scored: string,
  signal = new AbortController().signal,
): Promise<Run> => {
  const session = await backend.open(openOptions('base', tuning), signal);
  const scores: [number, number][] = [];
  const losses: number[] = [];
  const ms: number[] = [];
  let tokens = 0;
  try {
    const score = async (steps: number): Promise<void> => {
      if (!scoredAt.includes(steps)) return;
      const { bits, bytes } = await session.score(context, scored, signal);
      scores.push([steps, short(bits / bytes, 5)]);
    };
    await score(0);
    for (const [at, text] of texts.entries()) {
      for await (const step of session.train([text], signal)) {
        losses.push(short(step.loss));
        ms.push(short(step.ms, 1));
        tokens += step.tokens;
      }
      await score(at + 1);
    }
  } finally {
    await session.close();
  }
  return { scores, losses, ms, tokens };
};
