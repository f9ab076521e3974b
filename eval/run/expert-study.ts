// The steps of the comparison with experts, each of which goes on where an earlier run ended: the experts' learning rate and the
// temperature of their weights, both chosen on prompts of their own, the experts of every set, and every prompt in every
// way. Nothing is begun once the time is up; what is then missing is undefined.
import { createHash } from 'node:crypto';
import { progress } from '../../cli/progress.ts';
import type { EmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import type { Adapter } from '../../gateway/backends/embedded/weights.ts';
import { at } from '../../wire/list.ts';
import { weigh } from '../choose/experts.ts';
import type { Prompt } from '../material/prompts.ts';
import type { Setting } from '../material/setting.ts';
import { macroMean } from '../statistics.ts';
import { lora } from './arms.ts';
import { type ExpertArm, type ExpertRow, type Ready, type Served, serve } from './expert-arms.ts';
import type { ExpertSet } from './expert-sets.ts';
import type { Ledger } from './ledger.ts';
import { type ExpertPlan, type ExpertStore, expertOf, stepsLeft } from './train-experts.ts';

/** Rates that are tried, on the experts that are nearest to the most tuning prompts. */
export const EXPERT_RATES = [2e-4, 5e-4, 1e-3, 2e-3, 5e-3];
const RATED = 6;
/** Temperatures that are tried; the first is nearly the most similar expert alone, the last nearly a plain mean. */
export const TEMPERATURES = [0.01, 0.03, 0.1, 0.3];
const MERGED = 3;

export interface Study {
  readonly setting: Setting;
  readonly backend: EmbeddedBackend;
  readonly ledger: Ledger<ExpertRow>;
  /** Where experts are kept. */
  readonly directory: string;
  /** performance.now() after which nothing is begun. */
  readonly until: number;
}

/** What was tried, and bits per byte of the tuning prompts' continuations. */
export interface Tried {
  readonly value: number;
  readonly bitsPerByte: number;
}

const isLate = ({ until }: Study): boolean => performance.now() > until;

/** The experts of these numbers. */
export const trainExperts = async (
  study: Study,
  plans: readonly ExpertPlan[],
  numbers: readonly number[],
  rate: number,
  label: string,
): Promise<Map<number, Adapter> | undefined> => {
  const { backend, directory, setting } = study;
  const store: ExpertStore = { directory, model: setting.model, tuning: lora(rate) };
  const left = await stepsLeft(
    store,
    numbers.map((expert) => at(plans, expert)),
  );
  const bar = progress(label, left, { logged: true });
  const experts = new Map<number, Adapter>();
  let done = 0;
  for (const expert of numbers) {
    if (isLate(study)) return undefined;
    experts.set(expert, await expertOf(backend, store, at(plans, expert), () => bar.update(++done)));
  }
  bar.end();
  return experts;
};

/** Numbers of the experts that some prompt is given: the others play no part, and with many clusters they are most. */
export const neededExperts = ({ setting }: Pick<Study, 'setting'>, { clusters }: ExpertSet, top: number): number[] => {
  const needed = [...setting.study, ...setting.tuning].flatMap((prompt) =>
    weigh(setting.vectorOf(prompt), clusters.centroids, { top, temperature: 1 }).map(({ expert }) => expert),
  );
  return [...new Set(needed)].sort((a, b) => a - b);
};

export interface Measured {
  readonly rows: readonly ExpertRow[];
  /** False: the time ran out before. */
  readonly complete: boolean;
}

/** All prompts in all ways, prompt by prompt; `condition`: everything else that decides the outcome. */
export const measure = async (
  study: Study,
  served: Served,
  arms: readonly ExpertArm[],
  prompts: readonly Prompt[],
  condition: unknown,
): Promise<Measured> => {
  const { ledger } = study;
  const mark = createHash('sha256').update(JSON.stringify(condition)).digest('hex').slice(0, 12);
  const tasks = prompts.flatMap((prompt) =>
    arms.map((arm) => ({ prompt, arm, key: `${prompt.id} ${JSON.stringify(arm)} ${mark}` })),
  );
  const left = tasks.filter(({ key }) => !ledger.has(key));
  const [first] = left;
  // the first prompt in all ways compiles the graphs, and comes again
  if (first !== undefined && !isLate(study)) for (const arm of arms) await serve(served, arm, first.prompt);
  const bar = progress('prompts × ways', left.length, { logged: true });
  for (const [done, { key, prompt, arm }] of left.entries()) {
    if (isLate(study)) break;
    ledger.add(key, await serve(served, arm, prompt));
    bar.update(done + 1);
  }
  bar.end();
  const rows = tasks.flatMap(({ key }) => ledger.get(key) ?? []);
  return { rows, complete: rows.length === tasks.length };
};

const bitsOf = (rows: readonly ExpertRow[]): number =>
  macroMean(rows.map(({ domain, bitsPerByte }) => ({ domain, value: bitsPerByte })));

export const best = (tried: readonly Tried[]): number =>
  tried.reduce((lowest, one) => (one.bitsPerByte < lowest.bitsPerByte ? one : lowest)).value;

/** Of experts of this set, the nearest one alone. The first value, zero, is the base model. */
export const tryRates = async (
  study: Study,
  served: Omit<Served, 'sets' | 'temperature'>,
  { clusters, plans, k, steps }: ExpertSet,
): Promise<{ tried: Tried[]; prompts: number } | undefined> => {
  const { setting } = study;
  const nearest = Map.groupBy(
    setting.tuning,
    (prompt) => at(weigh(setting.vectorOf(prompt), clusters.centroids, { top: 1, temperature: 1 }), 0).expert,
  );
  const rated = [...nearest].toSorted((a, b) => b[1].length - a[1].length || a[0] - b[0]).slice(0, RATED);
  const prompts = rated.flatMap(([, of]) => of);
  const arm = { steps: 0, context: 0, tuning: lora(0) };
  const bits = async (ready: Ready | undefined, rate: number): Promise<number | undefined> => {
    const arms = [ready === undefined ? { ...arm, name: 'base' } : { ...arm, name: 'nearest', k, top: 1 }];
    const sets = new Map(ready === undefined ? [] : [[k, ready]]);
    const measured = await measure(study, { ...served, temperature: 1, sets }, arms, prompts, { rate, k, steps });
    return measured.complete ? bitsOf(measured.rows) : undefined;
  };
  const tried: Tried[] = [];
  for (const rate of [0, ...EXPERT_RATES]) {
    const of = rate === 0 ? [] : rated.map(([expert]) => expert);
    const adapters = await trainExperts(study, plans, of, rate, `experts at ${rate}`);
    if (adapters === undefined) return undefined;
    const { centroids } = clusters;
    const bitsPerByte = await bits(rate === 0 ? undefined : { centroids, adapters, rank: arm.tuning.rank }, rate);
    if (bitsPerByte === undefined) return undefined;
    tried.push({ value: rate, bitsPerByte });
  }
  return { tried, prompts: prompts.length };
};

export const tryTemperatures = async (
  study: Study,
  served: Omit<Served, 'temperature'>,
  k: number,
  condition: unknown,
): Promise<Tried[] | undefined> => {
  const arm = { name: 'experts', k, top: MERGED, steps: 0, context: 0, tuning: lora(0) };
  const tried: Tried[] = [];
  for (const temperature of TEMPERATURES) {
    const given = { condition, temperature };
    const { rows, complete } = await measure(study, { ...served, temperature }, [arm], study.setting.tuning, given);
    if (!complete) return undefined;
    tried.push({ value: temperature, bitsPerByte: bitsOf(rows) });
  }
  return tried;
};
