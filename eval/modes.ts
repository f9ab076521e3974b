// `node eval/modes.ts`: the same picks tuned on, put into the context, or both, by strategy and number of steps. Prompts and
// corpus are those of `npm run eval`; rates are the model's own defaults. Results are kept in a ledger as they come, so
// that a run that was stopped goes on; the figures go to eval/results/ and docs/context.md.
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildKernel } from '../assembly/build.ts';
import { UsageError, whole } from '../cli/arguments.ts';
import { progress } from '../cli/progress.ts';
import { dot } from '../functions/vectors/algebra.ts';
import type { Backend } from '../gateway/backends/contract.ts';
import { createEmbeddedBackend } from '../gateway/backends/embedded/index.ts';
import { at } from '../wire/list.ts';
import { select } from './choose/select.ts';
import { lineSources } from './material/folders.ts';
import { packageSources } from './material/packages.ts';
import { prepare, type Setting } from './material/setting.ts';
import { withinDomains } from './material/sources.ts';
import { ROOT } from './options.ts';
import { type Ledger, openLedger } from './run/ledger.ts';
import { type ModeRow, type ModeTask, measureModes, type Picked } from './run/modes.ts';
import { planModes } from './run/plan-modes.ts';

const HELP = `node eval/modes.ts [options]

  --model DIR      default models/base
  --data FILE      documents held out of training, from training/heldout.py, beside the packages in node_modules
  --per-domain N   prompts of a domain (default 8)
  --long N         prompts that get runs of 50 steps and rates that are too high (default: all)
  --workers N      sessions at once (default 1)
  --threads N      threads of a session (default 1)
  --minutes M      begin no run after M minutes; running again goes on from there
  --state DIR      where the ledger is kept (default .sift/eval)
`;

const parse = () => {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      model: { type: 'string', default: join(ROOT, 'models/base') },
      data: { type: 'string' },
      'per-domain': { type: 'string', default: '8' },
      long: { type: 'string', default: '1000' },
      workers: { type: 'string', default: '1' },
      threads: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '600' },
      state: { type: 'string', default: join(ROOT, '.sift/eval') },
    },
  });
  return values;
};

const keyOf = ({ prompt, ...task }: ModeTask): string =>
  createHash('sha256')
    .update(JSON.stringify({ prompt: prompt.id, ...task }))
    .digest('hex')
    .slice(0, 20);

/** Chosen among what holds no part of the continuation, nor of the prompt, since both are read. */
const pickedFor = async (setting: Setting, { prompt, selection }: ModeTask): Promise<Picked> => {
  const view = setting.viewOf(prompt, selection, 'continuation');
  const { mask } = setting.viewOf(prompt, selection, 'prompt');
  const both = { ...view, mask: view.mask.map((shown, i) => shown * at(mask, i)) };
  const { picks, variances } = await select(setting.kernel, both, selection);
  return {
    picks: picks.map((i) => ({
      id: String(i),
      text: at(view.corpus.examples, i).text,
      similarity: dot(view.corpus.store.row(i), view.vector),
    })),
    variances,
  };
};

const run = async (
  setting: Setting,
  backend: Backend,
  tasks: readonly ModeTask[],
  ledger: Ledger<ModeRow>,
  until: number,
): Promise<void> => {
  const left = tasks.filter((task) => !ledger.has(keyOf(task)));
  const bar = progress('runs', left.length);
  let [next, done] = [0, 0];
  const work = async (): Promise<void> => {
    for (let task = left[next++]; task !== undefined; task = left[next++]) {
      if (performance.now() > until) return;
      ledger.add(keyOf(task), await measureModes(backend, task, await pickedFor(setting, task)));
      bar.update(++done);
    }
  };
  await Promise.all(Array.from({ length: backend.concurrency }, work));
  bar.end();
};

const main = async (): Promise<void> => {
  const values = parse();
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const until = performance.now() + 60_000 * whole('minutes', values.minutes, 1, 100_000);
  const study = whole('per-domain', values['per-domain'], 1, 1_000);
  await buildKernel();
  const packages = await packageSources(join(ROOT, 'node_modules'));
  const lines = values.data === undefined ? [] : await lineSources(values.data);
  const model = resolve(values.model);
  const setting = await prepare({
    sources: withinDomains([...packages, ...lines]),
    study,
    tuning: 0,
    least: study,
    cuts: [],
    model,
    embedder: join(ROOT, 'models/embedder'),
    state: values.state,
  });
  const ledger = openLedger<ModeRow>(join(values.state, `modes-${setting.fingerprint}.jsonl`));
  // its worker processes do not keep this one alive
  const alive = setInterval(() => {}, 60_000);
  const backend = await createEmbeddedBackend({
    models: { base: model },
    workers: whole('workers', values.workers, 1, 64),
    threads: whole('threads', values.threads, 1, 64),
  });
  const { defaults } = at(backend.models, 0);
  const tasks = planModes(setting.study, defaults, { long: whole('long', values.long, 0, 1_000) });
  process.stderr.write(`${setting.study.length} prompts, ${tasks.length} runs, ${ledger.size} known\n`);
  try {
    await run(setting, backend, tasks, ledger, until);
  } finally {
    clearInterval(alive);
    await backend.close();
  }
};

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
