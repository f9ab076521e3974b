// How to select, as the edge's `sift` fields in JavaScript's spelling, with the edge's own defaults and limits.
import type { SelectionOptions } from '../wire/api/select.ts';
import {
  DEFAULT_DEGREE,
  DEFAULT_LAMBDA,
  DEFAULT_RESIDUAL_PICKS,
  DEFAULT_ROUNDS,
  MAX_DEGREE,
  MAX_LAMBDA,
  MAX_LIBRARY_PICKS,
  MAX_POOL,
  MAX_ROUNDS,
  MIN_LAMBDA,
  VECTORIZE_TOP_K_FULL,
} from '../wire/limits.ts';
import { shown } from '../wire/words.ts';
import type { PoolOptions, Strategy } from './contract.ts';
import { KernelError } from './error.ts';

const refuse = (param: string, value: unknown, must: string): never => {
  throw new KernelError('bad_option', `${param} is ${shown(value)}, it must be ${must}`, { param, value });
};

const number = (param: string, value: unknown, least: number, most: number, kind = 'a number'): number =>
  typeof value === 'number' && value >= least && value <= most
    ? value
    : refuse(param, value, `${kind} from ${least} to ${most}`);

const whole = (param: string, value: unknown, least: number, most: number): number =>
  Number.isInteger(value) || typeof value !== 'number'
    ? number(param, value, least, most, 'a whole number')
    : refuse(param, value, `a whole number from ${least} to ${most}`);

const STRATEGIES: readonly unknown[] = ['sift', 'nn', 'mmr'] satisfies Strategy[];
const isStrategy = (value: unknown): value is Strategy => STRATEGIES.includes(value);

const KNOWN = new Set(['n', 'lambda', 'degree', 'strategy', 'alpha', 'repeat', 'minSimilarity', 'mmrLambda']);
const OF_POOL = new Set(['rounds', 'topK']);

/** `pool`: whether rounds and topK make sense. */
export const optionsOf = (given: PoolOptions, { pool }: { readonly pool: boolean }): SelectionOptions => {
  for (const name of Object.keys(given)) {
    if (KNOWN.has(name) || (pool && OF_POOL.has(name))) continue;
    throw new KernelError('bad_option', `there is no option '${name}'`, { param: name });
  }
  const { n, lambda = DEFAULT_LAMBDA, degree = DEFAULT_DEGREE, strategy = 'sift', alpha, repeat = false } = given;
  const { minSimilarity, mmrLambda = 0.5, rounds = DEFAULT_ROUNDS, topK = VECTORIZE_TOP_K_FULL } = given;
  if (typeof repeat !== 'boolean') return refuse('repeat', repeat, 'true or false');
  if (!isStrategy(strategy)) return refuse('strategy', strategy, "'sift', 'nn' or 'mmr'");
  const least =
    minSimilarity === undefined || minSimilarity === 'auto'
      ? minSimilarity
      : number('minSimilarity', minSimilarity, -Number.MAX_VALUE, Number.MAX_VALUE);
  return {
    n: whole('n', n, 1, MAX_LIBRARY_PICKS),
    lambda: number('lambda', lambda, MIN_LAMBDA, MAX_LAMBDA),
    degree: whole('degree', degree, 1, MAX_DEGREE),
    strategy,
    repeat,
    mmr_lambda: number('mmrLambda', mmrLambda, 0, 1),
    rounds: whole('rounds', rounds, 1, MAX_ROUNDS),
    top_k: whole('topK', topK, 1, MAX_POOL),
    residual_sign: 'plus',
    residual_picks: DEFAULT_RESIDUAL_PICKS,
    opposite: false,
    ...(alpha === undefined ? {} : { alpha: number('alpha', alpha, Number.MIN_VALUE, 1e9) }),
    ...(least === undefined ? {} : { min_similarity: least }),
  };
};
