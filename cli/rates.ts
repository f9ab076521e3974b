// Which of some ways of tuning suits a model, from what each did to some documents. Pure.
import type { Method } from '../gateway/backends/contract.ts';
import { at } from '../wire/list.ts';
import { mean, tInterval } from './interval.ts';

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

export interface Chosen extends Summary {
  /** The interval of its saving excludes zero. */
  readonly isCertain: boolean;
}

const isCertain = (tried: Tried): boolean => (tInterval(savings(tried))?.low ?? Number.NEGATIVE_INFINITY) > 0;

/**
 * Of the rates that save bits, and that made no more documents worse than any smaller rate of their method: if some are
 * certain to save, the smallest within half a standard error of the best of those. A rate that is too large does harm on
 * the prompts it does not suit, one that is a little small only gains a little less. If none is certain, the documents
 * give no reason to leave `there`; without it, or if it did harm, the smallest rate. Undefined if none is fit.
 */
export const choose = (tried: readonly Tried[], there?: Way): Chosen | undefined => {
  const all = tried.map((one): Chosen => ({ ...summaryOf(one), isCertain: isCertain(one) }));
  const isHarmless = (one: Chosen): boolean =>
    all.every(
      ({ method, learningRate, worse }) =>
        method !== one.method || learningRate >= one.learningRate || worse >= one.worse,
    );
  const fit = all.filter((one) => Number.isFinite(one.saved) && one.saved > 0 && isHarmless(one));
  const best = (some: readonly Chosen[]): Chosen | undefined => some.toSorted((a, b) => b.saved - a.saved)[0];
  const smallest = (some: readonly Chosen[]): Chosen | undefined =>
    some.toSorted((a, b) => a.learningRate - b.learningRate)[0];
  const certain = fit.filter((one) => one.isCertain);
  const top = best(certain);
  if (top !== undefined) {
    return smallest(certain.filter(({ method, saved }) => method === top.method && saved >= top.saved - top.error / 2));
  }
  const known = fit.find(({ method, learningRate }) => method === there?.method && learningRate === there.learningRate);
  const method = best(fit)?.method;
  return known ?? smallest(fit.filter((one) => one.method === method));
};
