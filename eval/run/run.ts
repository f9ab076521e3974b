// Runs a plan's tasks on the product's embedded backend, several workers at once, each result into the ledger as it
// comes. What the ledger has is not run again. Progress counts gradient steps, which is where the time goes.

import { progress } from '../../cli/progress.ts';
import type { Backend } from '../../gateway/backends/contract.ts';
import { createEmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import { select } from '../choose/strategies.ts';
import type { Setting } from '../material/setting.ts';
import type { Ledger } from './ledger.ts';
import { distinctTasks, type Planned, type Row, type Task } from './tasks.ts';
import { runTrajectory } from './trajectory.ts';

const short = (value: number, digits = 5): number => Number(value.toFixed(digits));

export const runTask = async (setting: Setting, backend: Backend, task: Task): Promise<Row> => {
  const { prompt, selection, scored } = task;
  const [context, text] = scored === 'continuation' ? [prompt.prompt, prompt.continuation] : ['', prompt.prompt];
  const asked = selection && setting.asked(prompt, selection, scored);
  const chosen =
    asked === undefined || selection === undefined
      ? { picks: [], variances: [], covariances: [], initialVariance: 1, pool: 0, ms: { pool: 0, select: 0 } }
      : await select(setting.kernel, asked, selection);
  const picks = chosen.picks.slice(0, task.steps);
  const texts = picks.map((i) => asked?.corpus.examples[i]?.text ?? '');
  const scoredAt = [...task.scoredAt];
  // a run that has fewer picks than steps is scored where it ends, and stays there
  if (texts.length < task.steps && !scoredAt.includes(texts.length)) scoredAt.push(texts.length);
  const run = await runTrajectory(backend, task.tuning, texts, scoredAt, context, text);
  const last = run.scores.at(-1);
  const scores =
    texts.length < task.steps && last !== undefined ? [...run.scores, [task.steps, last[1]] as const] : run.scores;
  return {
    ...run,
    scores,
    prompt: prompt.id,
    domain: prompt.domain,
    picks,
    initialVariance: short(chosen.initialVariance),
    variances: chosen.variances.slice(0, task.steps).map((value) => short(value)),
    covariances: chosen.covariances.slice(0, task.steps).map((value) => short(value, 4)),
    pool: chosen.pool,
    selectMs: { pool: short(chosen.ms.pool, 2), select: short(chosen.ms.select, 2) },
  };
};

/** In units of a step: a score is a third of one, a session to open as much. */
const costOf = ({ selection, steps, scoredAt }: Task): number =>
  selection === undefined ? 1 : steps + scoredAt.filter((n) => n <= steps).length / 3 + 1;

export interface RunOptions {
  readonly workers: number;
  readonly label: string;
  /** No task is begun after this moment (performance.now()). */
  readonly until?: number;
  /** Called after every so many tasks, to draw what is there. */
  readonly onTask?: () => void;
}

/** True if all tasks are done, false if the time ran out before. */
export const runPlan = async (
  setting: Setting,
  plan: readonly Planned[],
  ledger: Ledger<Row>,
  options: RunOptions,
): Promise<boolean> => {
  const left = distinctTasks(plan).filter(({ key }) => !ledger.has(key));
  if (left.length === 0) return true;
  // its worker processes do not keep this one alive
  const alive = setInterval(() => {}, 60_000);
  const backend = await createEmbeddedBackend({ models: { base: setting.modelDirectory }, workers: options.workers });
  const bar = progress(options.label, Math.round(left.reduce((sum, { task }) => sum + costOf(task), 0)));
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    for (let one = left[next++]; one !== undefined; one = left[next++]) {
      if (options.until !== undefined && performance.now() > options.until) return;
      ledger.add(one.key, await runTask(setting, backend, one.task));
      done += costOf(one.task);
      bar.update(Math.round(done));
      options.onTask?.();
    }
  };
  try {
    await Promise.all(Array.from({ length: options.workers }, worker));
  } finally {
    clearInterval(alive);
    await backend.close();
    bar.end();
  }
  return left.every(({ key }) => ledger.has(key));
};
