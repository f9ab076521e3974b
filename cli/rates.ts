// Which of some ways of tuning suits a model, from what each did to some documents. Pure.
import type { Method } from '../gateway/backends/contract.ts';
import { at } from '../wire/list.ts';
import { mean } from './interval.ts';

export interface Way {
  readonly method: Method;
  readonly learningRate: number;
}

export interface Tried extends Way {
  /** Bits per byte of each document before and after, in the documents' order. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

export interface Summary extends Way {
  /** Mean over the documents of the share of bits that tuning saves: 0.05 is 5 % less than the base model. */
  readonly saved: number;
  /** Its standard error. */
  readonly error: number;
  /** Documents that tuning made worse by more than 1 %. */
  readonly worse: number;
}

/** A document counts as made worse from here on. */
const WORSE = 0.01;

const savings = ({ before, after }: Tried): number[] => before.map((base, i) => 1 - at(after, i) / base);

export const summaryOf = (tried: Tried): Summary => {
  const saved = savings(tried);
  const middle = mean(saved);
  const variance = saved.reduce((sum, value) => sum + (value - middle) ** 2, 0) / Math.max(1, saved.length - 1);
  return {
    method: tried.method,
    learningRate: tried.learningRate,
    saved: middle,
    error: Math.sqrt(variance / saved.length),
    worse: saved.filter((value) => value < -WORSE).length,
  };
};

/**
 * The smallest rate whose mean lies within half a standard error of the best one's: a rate that is too large does harm on
 * the prompts it does not suit, one that is a little small only gains a little less. Undefined if none saves anything.
 */
export const choose = (tried: readonly Tried[]): Summary | undefined => {
  const summaries = tried.map(summaryOf).filter(({ saved }) => Number.isFinite(saved));
  const best = summaries.reduce<Summary | undefined>(
    (found, one) => (found === undefined || one.saved > found.saved ? one : found),
    undefined,
  );
  if (best === undefined || best.saved <= 0) return undefined;
  return summaries
    .filter(({ method, saved }) => method === best.method && saved > 0 && saved >= best.saved - best.error / 2)
    .reduce((smallest, one) => (one.learningRate < smallest.learningRate ? one : smallest));
};
