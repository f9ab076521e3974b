// Runs that a plan of modes names, those first that a ledger does not know yet: eval/modes.ts and eval/stopping.ts do so. What
// was committed of a ledger begins it, and it is committed again when the work ends.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { progress } from '../../cli/progress.ts';
import type { Backend } from '../../gateway/backends/contract.ts';
import { createEmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import { selectForBothTexts } from '../choose/for-both-texts.ts';
import type { Setting } from '../material/setting.ts';
import { type Ledger, openLedger, packLedger, unpackLedger } from './ledger.ts';
import { type ModeRow, type ModeTask, measureModes } from './modes.ts';

/** What decides a task's outcome; model, corpus and embedder are in the ledger's name. */
export const keyOf = ({ prompt, ...task }: ModeTask): string =>
  createHash('sha256')
    .update(JSON.stringify({ prompt: prompt.id, ...task }))
    .digest('hex')
    .slice(0, 20);

/** Begins no run after `until`, by performance.now(). */
const runModes = async (
  setting: Setting,
  backend: Backend,
  tasks: readonly ModeTask[],
  ledger: Ledger<ModeRow>,
  until: number,
): Promise<void> => {
  const left = tasks.filter((task) => !ledger.has(keyOf(task)));
  const bar = progress('runs', left.length, { logged: true });
  let [next, done] = [0, 0];
  const work = async (): Promise<void> => {
    for (let task = left[next++]; task !== undefined; task = left[next++]) {
      if (performance.now() > until) return;
      const picked = await selectForBothTexts(setting, task.prompt, task.selection);
      ledger.add(keyOf(task), await measureModes(backend, task, picked));
      bar.update(++done);
    }
  };
  await Promise.all(Array.from({ length: backend.concurrency }, work));
  bar.end();
};

export interface ModeWork {
  readonly setting: Setting;
  /** What the ledger's file is called, before the setting's fingerprint. */
  readonly kind: string;
  /** Where ledgers are kept, and where they are committed. */
  readonly state: string;
  readonly results: string;
  readonly workers: number;
  readonly threads: number;
  plan(backend: Backend): readonly ModeTask[];
  /** No run is begun after this, by performance.now(); absent: none at all. */
  readonly until?: number;
}

/** The rows that there are of the plan, in its order, while the backend is still open. */
export const withModeRows = async (
  { setting, kind, state, results, workers, threads, plan, until }: ModeWork,
  use: (rows: readonly ModeRow[], tasks: readonly ModeTask[], backend: Backend) => Promise<void>,
): Promise<void> => {
  const file = join(state, `${kind}-${setting.fingerprint}.jsonl`);
  const packed = join(results, `${kind}-${setting.fingerprint}.jsonl.gz`);
  unpackLedger(packed, file);
  const ledger = openLedger<ModeRow>(file);
  // its worker processes do not keep this one alive
  const alive = setInterval(() => {}, 60_000);
  const backend = await createEmbeddedBackend({ models: { base: setting.modelDirectory }, workers, threads });
  try {
    const tasks = plan(backend);
    process.stderr.write(`${setting.study.length} prompts, ${tasks.length} runs, ${ledger.size} known\n`);
    if (until !== undefined) await runModes(setting, backend, tasks, ledger, until);
    if (ledger.size > 0) packLedger(file, packed);
    await use(
      tasks.flatMap((task) => ledger.get(keyOf(task)) ?? []),
      tasks,
      backend,
    );
  } finally {
    clearInterval(alive);
    await backend.close();
  }
};
