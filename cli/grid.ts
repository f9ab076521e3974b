// Which learning rates are tried for a model, by method and size: around what the rule by size says (limits.ts).
import { defaultsBySize } from '../gateway/backends/defaults.ts';
import type { Way } from './rates.ts';

const GRID = {
  full: { small: [1e-4, 2e-4, 5e-4, 1e-3], large: [2e-5, 5e-5, 1e-4] },
  lora: { small: [1e-3, 2e-3, 5e-3, 1e-2], large: [1e-4, 3e-4, 1e-3] },
} as const;

/** Each rate with one method; the rates of the grid where none are named. */
export const waysOf = (method: Way['method'], parameters: number, rates?: readonly number[]): Way[] => {
  const size = defaultsBySize(parameters).method === 'full' ? 'small' : 'large';
  return (rates ?? GRID[method][size]).map((learningRate) => ({ method, learningRate }));
};
