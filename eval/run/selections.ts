// What selections alone show, without tuning: pools, kernels, float32 against Q15. Pools are compared with greedy
// selection over the whole corpus, which no pool can beat.

import { progress } from '../../cli/progress.ts';
import { posterior } from '../../functions/select/posterior.ts';
import { dot } from '../../functions/vectors/algebra.ts';
import { at } from '../../wire/list.ts';
import { type Chosen, select } from '../choose/select.ts';
import { type SelectionSpec, spec } from '../choose/spec.ts';
import type { Prompt } from '../material/prompts.ts';
import type { Setting } from '../material/setting.ts';
import { mean, type Observation } from '../statistics.ts';
import { DEGREE, KERNELS, kernelName, LAMBDA, POOLS, STEPS } from './grid.ts';

export interface PoolFigures {
  readonly name: string;
  readonly size: number;
  readonly queries: number;
  /** σ² after 10 and after 50 picks, a value a prompt. */
  readonly at10: readonly Observation[];
  readonly at50: readonly Observation[];
}

export interface KernelFigures {
  readonly name: string;
  readonly distinct10: number;
  readonly distinct50: number;
  /** Share of the first 10 picks with negative covariance. */
  readonly negative10: number;
  /** Largest cosine of two different examples among the first ten. */
  readonly alike: number;
}

export interface Surrogate {
  readonly prompts: number;
  readonly pools: readonly PoolFigures[];
  readonly kernels: readonly KernelFigures[];
  /** As `alike`, of the ten nearest. */
  readonly nearestAlike: number;
  readonly q15: {
    readonly same10: number;
    readonly same50: number;
    readonly sigmaRatio: number;
    readonly worstRatio: number;
  };
  /** Mean σ² at 10 of the pool gathered for 50 picks, over that of the pool gathered for 10. */
  readonly nested: number;
}

/** σ² after n picks, or after the last where a selection ended before. */
const sigmaAt = ({ variances, initialVariance }: Chosen, n: number): number =>
  variances[n - 1] ?? variances.at(-1) ?? initialVariance;

const distinct = (picks: readonly number[]): number => new Set(picks).size;

const firstPicks = ({ picks }: Chosen, n: number): readonly number[] => picks.slice(0, n);

/** σ² of given picks in float32 vectors, with the default kernel; 1 without picks. */
const sigmaOf = (setting: Setting, prompt: Prompt, picks: readonly number[]): number => {
  const rows = picks.map((i) => setting.corpus.store.row(i));
  return posterior(rows, [setting.vectorOf(prompt)], LAMBDA, DEGREE).variances.at(-1) ?? 1;
};

/** Largest cosine of two different examples among the first picks. */
const mostAlike = (setting: Setting, chosen: Chosen): number => {
  const rows = [...new Set(firstPicks(chosen, STEPS))].map((i) => setting.corpus.store.row(i));
  return Math.max(0, ...rows.flatMap((row, i) => rows.slice(0, i).map((other) => dot(row, other))));
};

/** Makes one selection for every prompt. */
type Choose = (wanted: SelectionSpec) => Promise<Chosen[]>;

const poolFigures = async (prompts: readonly Prompt[], choose: Choose): Promise<PoolFigures[]> => {
  const observed = (chosen: readonly Chosen[], n: number): Observation[] =>
    prompts.map(({ domain }, i) => ({ domain, value: sigmaAt(at(chosen, i), n) }));
  const figures: PoolFigures[] = [];
  for (const { name, pool, stripes } of POOLS) {
    // a pool is gathered for as many picks as are made
    const short = await choose(spec('sift', { pool, stripes, n: STEPS }));
    const long = await choose(spec('sift', { pool, stripes }));
    figures.push({
      name,
      size: mean(short.map((one) => one.pool)),
      queries: mean(short.map(({ queries }) => queries)),
      at10: observed(short, 10),
      at50: observed(long, 50),
    });
  }
  return figures;
};

const kernelFigures = async (setting: Setting, choose: Choose): Promise<KernelFigures[]> => {
  const figures: KernelFigures[] = [];
  for (const kernel of KERNELS) {
    const chosen = await choose(spec('sift', kernel));
    figures.push({
      name: kernelName(kernel),
      distinct10: mean(chosen.map((one) => distinct(firstPicks(one, 10)))),
      distinct50: mean(chosen.map(({ picks }) => distinct(picks))),
      negative10: mean(chosen.map(({ covariances }) => mean(covariances.slice(0, 10).map((c) => (c < 0 ? 1 : 0))))),
      alike: mean(chosen.map((one) => mostAlike(setting, one))),
    });
  }
  return figures;
};

/** How far picks from Q15 rows are those from float32 rows. */
const q15Figures = (
  setting: Setting,
  prompts: readonly Prompt[],
  q15: readonly Chosen[],
  exact: readonly Chosen[],
): Surrogate['q15'] => {
  const same = (n: number): number =>
    mean(q15.map((one, i) => (firstPicks(one, n).join() === firstPicks(at(exact, i), n).join() ? 1 : 0)));
  const reduction = (i: number, chosen: readonly Chosen[]): number =>
    1 - sigmaOf(setting, at(prompts, i), at(chosen, i).picks);
  const ratios = prompts.map((_, i) => reduction(i, q15) / reduction(i, exact));
  return { same10: same(10), same50: same(50), sigmaRatio: mean(ratios), worstRatio: Math.min(...ratios) };
};

export const surrogateStudy = async (setting: Setting, prompts: readonly Prompt[]): Promise<Surrogate> => {
  const bar = progress('selections', 2 * POOLS.length + KERNELS.length + 4, { logged: true });
  let done = 0;
  const choose: Choose = async (wanted) => {
    const chosen = await Promise.all(
      prompts.map((prompt) => select(setting.kernel, setting.viewOf(prompt, wanted, 'continuation'), wanted)),
    );
    done += 1;
    bar.update(done);
    return chosen;
  };
  const pools = await poolFigures(prompts, choose);
  const kernels = await kernelFigures(setting, choose);
  const nearest = await choose(spec('nn'));
  const long = await choose(spec('sift'));
  const exact = await choose(spec('sift', { exact: true }));
  const short = await choose(spec('sift', { n: STEPS }));
  bar.end();
  return {
    prompts: prompts.length,
    pools,
    kernels,
    nearestAlike: mean(nearest.map((one) => mostAlike(setting, one))),
    q15: q15Figures(setting, prompts, long, exact),
    nested: mean(long.map((one) => sigmaAt(one, STEPS))) / mean(short.map((one) => sigmaAt(one, STEPS))),
  };
};
