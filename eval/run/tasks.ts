// A task is one tuning run, described by everything that decides its outcome; its key is the hash of that description. A
// task that several questions need is run once.
import { createHash } from 'node:crypto';
import type { SelectionSpec } from '../choose/spec.ts';
import type { Prompt } from '../material/prompts.ts';
import type { Scored } from '../material/setting.ts';
import type { Run, Tuning } from './trajectory.ts';

export interface Task {
  readonly prompt: Prompt;
  /** Absent: the base model, no steps. */
  readonly selection?: SelectionSpec;
  readonly tuning: Tuning;
  /** Steps to take; fewer if the selection ends before. */
  readonly steps: number;
  readonly scoredAt: readonly number[];
  readonly scored: Scored;
}

/** The result of a task, as the ledger keeps it. */
export interface Row extends Run {
  readonly prompt: string;
  readonly domain: string;
  /** Numbers of examples, as many as steps. */
  readonly picks: readonly number[];
  readonly initialVariance: number;
  readonly variances: readonly number[];
  readonly covariances: readonly number[];
  readonly pool: number;
  readonly selectMs: { readonly pool: number; readonly select: number };
}

/** One cell of a table: an arm of a question, for one prompt. */
export interface Planned {
  readonly question: string;
  readonly arm: string;
  readonly task: Task;
}

const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, field]) => [name, canonical(field)]),
  );
};

export const keyOf = ({ prompt, ...task }: Task): string =>
  createHash('sha256')
    .update(JSON.stringify(canonical({ ...task, prompt: prompt.id })))
    .digest('hex')
    .slice(0, 20);

/** Each task once, in the order of the plan. */
export const distinctTasks = (plan: readonly Planned[]): { key: string; task: Task }[] => {
  const tasks = new Map<string, Task>();
  for (const { task } of plan) {
    const key = keyOf(task);
    if (!tasks.has(key)) tasks.set(key, task);
  }
  return Array.from(tasks, ([key, task]) => ({ key, task }));
};

/** Bits per byte after N steps: as scored, or interpolated between two scored numbers of steps; never beyond the last. */
export const bpbAt = ({ scores }: Pick<Row, 'scores'>, n: number): number | undefined => {
  const exact = scores.find(([steps]) => steps === n);
  if (exact !== undefined) return exact[1];
  const after = scores.findIndex(([steps]) => steps > n);
  const [a, b] = [scores[after - 1], scores[after]];
  if (a !== undefined && b !== undefined) return a[1] + ((n - a[0]) / (b[0] - a[0])) * (b[1] - a[1]);
  return undefined;
};
