// Runs a plan's tasks on the product's embedded backend, several workers at once, and writes each result to the ledger as
// it comes. A task that the ledger has is not run again. Progress counts gradient steps, which take most of the time.

import { UsageError } from '../../cli/arguments.ts';
import { progress } from '../../cli/progress.ts';
import type { Backend } from '../../gateway/backends/contract.ts';
import { createEmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import { at } from '../../wire/list.ts';
import { type Chosen, select } from '../choose/select.ts';
import type { Setting } from '../material/setting.ts';
import { short } from '../statistics.ts';
import type { Ledger } from './ledger.ts';
import { distinctTasks, type Planned, type Row, type Task } from './tasks.ts';
import { runTrajectory } from './trajectory.ts';

const NOTHING: Chosen = {
  picks: [],
  variances: [],
  covariances: [],
  initialVariance: 1,
  pool: 0,
  queries: 0,
  collapsed: 0,
  ms: { pool: 0, select: 0 },
};

/** What a task picks, and the text of each pick; nothing for the base model. */
const picked = async (setting: Setting, { prompt, selection, scored }: Task) => {
  if (selection === undefined) return { chosen: NOTHING, textOf: String };
  const view = setting.viewOf(prompt, selection, scored);
  return {
    chosen: await select(setting.kernel, view, selection),
    textOf: (i: number): string => at(view.corpus.examples, i).text,
  };
};

export const runTask = async (setting: Setting, backend: Backend, task: Task, signal?: AbortSignal): Promise<Row> => {
  const { prompt, scored } = task;
  const [context, text] = scored === 'continuation' ? [prompt.prompt, prompt.continuation] : ['', prompt.prompt];
  const { chosen, textOf } = await picked(setting, task);
  const picks = chosen.picks.slice(0, task.steps);
  const scoredAt = [...task.scoredAt];
  // a run with fewer picks than steps is scored where it ends, and keeps that score
  if (picks.length < task.steps && !scoredAt.includes(picks.length)) scoredAt.push(picks.length);
  const run = await runTrajectory(backend, task.tuning, picks.map(textOf), scoredAt, context, text, signal);
  const last = run.scores.at(-1);
  const scores =
    picks.length < task.steps && last !== undefined ? [...run.scores, [task.steps, last[1]] as const] : run.scores;
  return {
    ...run,
    scores,
    prompt: prompt.id,
    domain: prompt.domain,
    picks,
    initialVariance: short(chosen.initialVariance, 5),
    variances: chosen.variances.slice(0, task.steps).map((value) => short(value, 5)),
    covariances: chosen.covariances.slice(0, task.steps).map((value) => short(value)),
    pool: chosen.pool,
    selectMs: { pool: short(chosen.ms.pool, 2), select: short(chosen.ms.select, 2) },
  };
};

/** In units of a step: a score takes a third of one, opening a session as long as one. */
const costOf = ({ selection, steps, scoredAt }: Task): number =>
  selection === undefined ? 1 : steps + scoredAt.filter((n) => n <= steps).length / 3 + 1;

export interface RunOptions {
  readonly workers: number;
  /** Threads of each. */
  readonly threads: number;
  /** Milliseconds that one task may take. */
  readonly deadlineMs?: number;
  readonly label: string;
  /** No task is begun after this moment (performance.now()). */
  readonly until?: number;
}

/** The work's result; a UsageError when it takes longer than it may. */
const inTime = async <T>(
  { prompt }: Task,
  deadlineMs: number | undefined,
  work: (signal?: AbortSignal) => Promise<T>,
): Promise<T> => {
  if (deadlineMs === undefined) return work();
  const signal = AbortSignal.timeout(deadlineMs);
  return work(signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
    throw new UsageError(`a tuning run on ${prompt.id} takes longer than --deadline ${deadlineMs / 1000}`);
  });
};

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
  const backend = await createEmbeddedBackend({
    models: { base: setting.modelDirectory },
    workers: options.workers,
    threads: options.threads,
  });
  const bar = progress(options.label, Math.round(left.reduce((sum, { task }) => sum + costOf(task), 0)), {
    logged: true,
  });
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    for (let one = left[next++]; one !== undefined; one = left[next++]) {
      if (options.until !== undefined && performance.now() > options.until) return;
      ledger.add(
        one.key,
        await inTime(one.task, options.deadlineMs, (signal) => runTask(setting, backend, one.task, signal)),
      );
      done += costOf(one.task);
      bar.update(Math.round(done));
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
