// What can be asked of σ² alone, without tuning: pools, kernels, float32 against Q15.
// The greedy over the whole corpus is the limit that pools are measured against.

import { progress } from '../../cli/progress.ts';
import { posterior } from '../../functions/select/posterior.ts';
import { dot } from '../../functions/vectors/algebra.ts';
import { mean, type Observation } from '../figures/statistics.ts';
import type { Prompt } from '../material/prompts.ts';
import type { Setting } from '../material/setting.ts';
import { DEGREE, KERNELS, kernelName, LAMBDA, POOLS, STEPS } from '../run/plan.ts';
import { type Chosen, type SelectionSpec, select, spec } from './strategies.ts';

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

const sigmaAt = (chosen: Chosen, n: number): number =>
  chosen.variances[n - 1] ?? chosen.variances.at(-1) ?? chosen.initialVariance;
const distinct = (picks: readonly number[]): number => new Set(picks).size;

/** σ² of given picks in float32 vectors at the default λ. */
const sigmaOf = (setting: Setting, prompt: Prompt, picks: readonly number[]): number => {
  const vector = setting.vectorOf(prompt);
  const rows = picks.map((i) => setting.corpus.store.row(i));
  return posterior(rows, [vector], LAMBDA, DEGREE).variances.at(-1) ?? 1;
};

export const surrogateStudy = async (setting: Setting, study: readonly Prompt[]): Promise<Surrogate> => {
  const bar = progress('selections', 2 * POOLS.length + KERNELS.length + 4);
  let done = 0;
  const choose = (wanted: SelectionSpec): Promise<Chosen[]> =>
    Promise.all(
      study.map((prompt) => select(setting.kernel, setting.asked(prompt, wanted, 'continuation'), wanted)),
    ).then((chosen) => {
      done += 1;
      bar.update(done);
      return chosen;
    });
  const sift = spec('sift');
  const observed = (chosen: readonly Chosen[], n: number): Observation[] =>
    study.map(({ domain }, i) => ({ domain, value: sigmaAt(chosen[i] as Chosen, n) }));

  const pools: PoolFigures[] = [];
  for (const { name, pool, stripes } of POOLS) {
    // the pool is gathered for as many picks as are made
    const short = await choose({ ...sift, pool, stripes, n: STEPS });
    const long = await choose({ ...sift, pool, stripes });
    pools.push({
      name,
      size: mean(short.map((one) => one.pool)),
      queries: mean(short.map(({ queries }) => queries)),
      at10: observed(short, 10),
      at50: observed(long, 50),
    });
  }
  const alike = (picks: readonly number[]): number => {
    const rows = [...new Set(picks.slice(0, STEPS))].map((i) => setting.corpus.store.row(i));
    return Math.max(0, ...rows.flatMap((row, i) => rows.slice(0, i).map((other) => dot(row, other))));
  };
  const kernels: KernelFigures[] = [];
  for (const kernel of KERNELS) {
    const chosen = await choose(spec('sift', kernel));
    kernels.push({
      name: kernelName(kernel),
      distinct10: mean(chosen.map(({ picks }) => distinct(picks.slice(0, 10)))),
      distinct50: mean(chosen.map(({ picks }) => distinct(picks))),
      negative10: mean(chosen.map(({ covariances }) => mean(covariances.slice(0, 10).map((c) => (c < 0 ? 1 : 0))))),
      alike: mean(chosen.map(({ picks }) => alike(picks))),
    });
  }
  const nearestAlike = mean((await choose(spec('nn'))).map(({ picks }) => alike(picks)));
  const [q15, exact] = [await choose(sift), await choose({ ...sift, exact: true })];
  const same = (n: number): number =>
    mean(q15.map(({ picks }, i) => (picks.slice(0, n).join() === exact[i]?.picks.slice(0, n).join() ? 1 : 0)));
  const ratios = q15.map(
    ({ picks }, i) =>
      (1 - sigmaOf(setting, study[i] as Prompt, picks)) /
      (1 - sigmaOf(setting, study[i] as Prompt, exact[i]?.picks ?? [])),
  );
  const short = await choose({ ...sift, n: STEPS });
  bar.end();
  return {
    prompts: study.length,
    pools,
    kernels,
    nearestAlike,
    q15: { same10: same(10), same50: same(50), sigmaRatio: mean(ratios), worstRatio: Math.min(...ratios) },
    nested: mean(q15.map((one) => sigmaAt(one, STEPS))) / mean(short.map((one) => sigmaAt(one, STEPS))),
  };
};
