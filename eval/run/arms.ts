// The arms of the main table by name: which examples an arm picks, which learning rate it takes, and how its picks are
// tuned on.
import { type SelectionSpec, spec, WHOLE } from '../choose/spec.ts';
import { FALLBACK_RATE, LORA_RANK } from './grid.ts';
import type { Tuning } from './trajectory.ts';

export const SIFT = 'sift';

/** HullFT's picks for N are not the first of its picks for more, so it has an arm for each N. */
export const ARMS: Readonly<Record<string, SelectionSpec>> = {
  nn: spec('nn'),
  [SIFT]: spec('sift'),
  'sift, the paper’s λ': spec('sift', { degree: 1, lambda: 0.01, repeat: true }),
  'sift, inner product': spec('sift', { degree: 1, lambda: 10 }),
  mmr: spec('mmr'),
  'nn distinct': spec('nn-distinct'),
  'hullft N=10': spec('hullft', { n: 10 }),
  'hullft N=20': spec('hullft', { n: 20 }),
  'hullft N=50': spec('hullft', { n: 50 }),
  'nn-f': spec('nn-f'),
  random: spec('random', { pool: WHOLE }),
  uncertainty: spec('uncertainty'),
  'random of 200': spec('random-pool'),
};

export const armOf = (name: string): SelectionSpec => {
  const selection = ARMS[name];
  if (selection === undefined) throw new Error(`no arm '${name}'`);
  return selection;
};

/** Arms that share a learning rate: HullFT's for each N, and NN with and without copies. */
export const familyOf = (arm: string): string => arm.replace(/ N=\S+/, '').replace('nn distinct', 'nn');

/** The learning rate of each family. */
export type Rates = Readonly<Record<string, number>>;
export const rateOf = (rates: Rates, arm: string): number => rates[familyOf(arm)] ?? FALLBACK_RATE;

export const full = (learningRate: number): Tuning => ({ method: 'full', rank: 0, learningRate, reuse: false });
export const lora = (learningRate: number): Tuning => ({
  method: 'lora',
  rank: LORA_RANK,
  learningRate,
  reuse: false,
});
