// The values that the study tries: numbers of steps, kernels, learning rates, copies, pools, least similarities. Where a
// figure names no other, it is of the product's defaults.
import { DEFAULT_DEGREE, DEFAULT_LAMBDA, DEFAULT_LEARNING_RATE } from '../../wire/limits.ts';
import { PAPER, type PoolSpec, ROUNDS, WHOLE } from '../choose/spec.ts';

/** Numbers of steps after which every arm is scored. */
export const COUNTS = [1, 2, 5, 10, 20, 50] as const;
/** SIFT is scored more often, for stopping rules and for the gain of single steps. */
export const DENSE = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100];
/** Steps of the runs that go on well past the usual number, to see where gains end. */
export const FAR = 100;
/** Steps at which single figures are given. */
export const STEPS = 10;

/** Of the arm called `sift`. */
export const LAMBDA = DEFAULT_LAMBDA;
export const DEGREE = DEFAULT_DEGREE;
export const REPEAT = false;

export interface KernelSetting {
  readonly degree: number;
  readonly lambda: number;
  /** Whether an example may be picked twice. */
  readonly repeat: boolean;
}

export const KERNELS: readonly KernelSetting[] = [
  { degree: 1, lambda: 0.01, repeat: true },
  ...[0.1, 1, 10, 100].map((lambda) => ({ degree: 1, lambda, repeat: false })),
  { degree: 3, lambda: 1, repeat: false },
  ...[0.1, 0.3, 1, 10].map((lambda) => ({ degree: 6, lambda, repeat: false })),
  { degree: 6, lambda: 0.3, repeat: true },
  { degree: 12, lambda: 0.3, repeat: false },
];

export const kernelName = ({ degree, lambda, repeat }: KernelSetting): string =>
  `p=${degree} λ=${lambda}${repeat ? ' repeat' : ''}`;

/** Those that the default was chosen among, on the tuning prompts. */
export const KERNELS_TUNED = KERNELS.filter(
  ({ degree, lambda, repeat }) => !repeat && lambda >= 0.1 && lambda <= 10 && degree <= 6,
);

/** How many times the corpus holds every example. */
export const COPIES = [1, 2, 5, 10];

export const RATES = [2e-4, 5e-4, 1e-3];
export const LORA_RATES = [5e-4, 1e-3, 2e-3, 5e-3];
export const LORA_RANK = 8;
/** Where no rate has been chosen yet. */
export const FALLBACK_RATE = DEFAULT_LEARNING_RATE;
export const FALLBACK_LORA_RATE = 1e-3;

/** Least similarities that are tried as a rule to stop by. */
export const FLOORS = [0.28, 0.33, 0.38];

/** `tuned` false: only the selection is looked at. */
export const POOLS: readonly { name: string; pool: PoolSpec; stripes: number; tuned: boolean }[] = [
  { name: '1 × 50', pool: { rounds: 1, topK: 50, sign: 'plus' }, stripes: 1, tuned: true },
  { name: '1 × 100', pool: { rounds: 1, topK: 100, sign: 'plus' }, stripes: 1, tuned: false },
  { name: '1 × 200 (paper)', pool: PAPER, stripes: 1, tuned: true },
  { name: '1 × 1,000', pool: { rounds: 1, topK: 1_000, sign: 'plus' }, stripes: 1, tuned: false },
  { name: '1 × 50 × 4 stripes', pool: { rounds: 1, topK: 50, sign: 'plus' }, stripes: 4, tuned: false },
  { name: '2 × 50, +r of all picks', pool: { rounds: 2, topK: 50, sign: 'plus' }, stripes: 1, tuned: false },
  { name: '3 × 50, +r of all picks', pool: { rounds: 3, topK: 50, sign: 'plus' }, stripes: 1, tuned: true },
  { name: '5 × 50, +r of all picks', pool: { rounds: 5, topK: 50, sign: 'plus' }, stripes: 1, tuned: false },
  { name: '3 × 50, +r of 4, 8 (default)', pool: ROUNDS, stripes: 1, tuned: true },
  { name: '5 × 50, +r of 4, 8, 12, 16', pool: { ...ROUNDS, rounds: 5 }, stripes: 1, tuned: false },
  { name: '3 × 50, ±r of 4, 8', pool: { ...ROUNDS, sign: 'both' }, stripes: 1, tuned: true },
  { name: '5 × 50, ±r of all picks', pool: { rounds: 5, topK: 50, sign: 'both' }, stripes: 1, tuned: false },
  { name: '3 × 50, +r of 4, 8, 4 stripes', pool: ROUNDS, stripes: 4, tuned: false },
  { name: 'whole corpus', pool: WHOLE, stripes: 1, tuned: true },
];
