// `node eval/modes.ts`: the same picks tuned on, put into the context, or both, by strategy and number of steps. Prompts and
// corpus are those of `npm run eval`; rates are the model's own defaults. Results are kept in a ledger as they come, so
// that a run that was stopped goes on; the figures go to eval/results/ and docs/context.md.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildKernel } from '../assembly/build.ts';
import { UsageError, whole } from '../cli/arguments.ts';
import { runCommand } from '../cli/command.ts';
import { progress } from '../cli/progress.ts';
import type { Backend } from '../gateway/backends/contract.ts';
import { createEmbeddedBackend } from '../gateway/backends/embedded/index.ts';
import { at } from '../wire/list.ts';
import { messageOf } from '../wire/message.ts';
import { selectForBothTexts } from './choose/for-both-texts.ts';
import { guardedRuns, guardStudy } from './figures/guard.ts';
import { COPIES, LONG, MAIN, PROMPT, TUNED } from './figures/mode-lists.ts';
import { type Mode, tableOf } from './figures/modes.ts';
import { gatheredSources } from './material/gathered.ts';
import { prepare, type Setting } from './material/setting.ts';
import { ROOT } from './options.ts';
import { contextPage, type ModesJson } from './report/context-page.ts';
import { draw } from './report/draw.ts';
import { paretoPicture } from './report/modes-picture.ts';
import { lora } from './run/arms.ts';
import { type Ledger, openLedger, packLedger, unpackLedger } from './run/ledger.ts';
import { machine } from './run/machine.ts';
import { type ModeRow, type ModeTask, measureModes } from './run/modes.ts';
import { planModes } from './run/plan-modes.ts';
import { readShape } from './run/shape.ts';
import { openOptions } from './run/trajectory.ts';

const HELP = `node eval/modes.ts [options]

  --model DIR      default models/base
  --data FILE      documents held out of training, from training/heldout.py, beside the packages in node_modules
  --per-domain N   prompts of a domain (default 8)
  --high N         prompts that get rates that are too high, and the other method (default: all)
  --long N         prompts that get runs of 50 steps (default: all)
  --workers N      sessions at once (default 1)
  --threads N      threads of a session (default 1)
  --minutes M      begin no run after M minutes; running again goes on from there
  --state DIR      where the ledger is kept (default .sift/eval)
  --report         run nothing, write the figures of the results there are
  --name NAME      of the files of results (default: the model directory's name)
  --title TEXT     what the page calls the model (default: its name)
  --machine TEXT   how the page names this machine
`;

const parse = () => {
  try {
    return parseArgs({
      options: {
        help: { type: 'boolean', default: false },
        model: { type: 'string', default: join(ROOT, 'models/base') },
        data: { type: 'string' },
        'per-domain': { type: 'string', default: '8' },
        high: { type: 'string', default: '1000' },
        long: { type: 'string', default: '1000' },
        workers: { type: 'string', default: '1' },
        threads: { type: 'string', default: '1' },
        minutes: { type: 'string', default: '600' },
        state: { type: 'string', default: join(ROOT, '.sift/eval') },
        report: { type: 'boolean', default: false },
        name: { type: 'string' },
        title: { type: 'string' },
        machine: { type: 'string', default: machine() },
      },
    }).values;
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
};

const keyOf = ({ prompt, ...task }: ModeTask): string =>
  createHash('sha256')
    .update(JSON.stringify({ prompt: prompt.id, ...task }))
    .digest('hex')
    .slice(0, 20);

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
      ledger.add(
        keyOf(task),
        await measureModes(backend, task, await selectForBothTexts(setting, task.prompt, task.selection)),
      );
      bar.update(++done);
    }
  };
  await Promise.all(Array.from({ length: backend.concurrency }, work));
  bar.end();
};

const RESULTS = join(ROOT, 'eval/results');

/** Tokens of each prompt, by its id. */
const countPrompts = async (setting: Setting, backend: Backend): Promise<Map<string, number>> => {
  const never = new AbortController().signal;
  const session = await backend.open(openOptions('base', lora(1e-4)), never);
  try {
    const counts = await session.count(
      setting.study.map(({ prompt }) => prompt),
      never,
    );
    return new Map(setting.study.map(({ id }, i) => [id, at(counts, i)]));
  } finally {
    await session.close();
  }
};

/** The figures of one model, its picture, and the page of all models that have figures. */
const report = async (json: ModesJson): Promise<void> => {
  writeFileSync(join(RESULTS, `modes-${json.name}.json`), `${JSON.stringify(json)}\n`);
  await draw([paretoPicture(`modes-${json.name}`, json.title, [json.main, json.long])], RESULTS);
  const models = readdirSync(RESULTS)
    .filter((name) => /^modes-.*\.json$/.test(name))
    .map((name) => JSON.parse(readFileSync(join(RESULTS, name), 'utf8')) as ModesJson) // written above
    .toSorted((a, b) => b.parameters - a.parameters);
  const findings = join(ROOT, 'eval/context-findings.md');
  writeFileSync(
    join(ROOT, 'docs/context.md'),
    contextPage(models, existsSync(findings) ? readFileSync(findings, 'utf8') : ''),
  );
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
  const model = resolve(values.model);
  const setting = await prepare({
    sources: await gatheredSources(join(ROOT, 'node_modules'), values.data),
    study,
    tuning: 0,
    least: study,
    cuts: [],
    model,
    embedder: join(ROOT, 'models/embedder'),
    state: values.state,
  });
  const file = join(values.state, `modes-${setting.fingerprint}.jsonl`);
  const packed = join(RESULTS, `modes-${setting.fingerprint}.jsonl.gz`);
  unpackLedger(packed, file);
  const ledger = openLedger<ModeRow>(file);
  // its worker processes do not keep this one alive
  const alive = setInterval(() => {}, 60_000);
  const backend = await createEmbeddedBackend({
    models: { base: model },
    workers: whole('workers', values.workers, 1, 64),
    threads: whole('threads', values.threads, 1, 64),
  });
  const { defaults } = at(backend.models, 0);
  const tasks = planModes(setting.study, defaults, {
    high: whole('high', values.high, 0, 1_000),
    long: whole('long', values.long, 0, 1_000),
  });
  process.stderr.write(`${setting.study.length} prompts, ${tasks.length} runs, ${ledger.size} known\n`);
  try {
    if (!values.report) await run(setting, backend, tasks, ledger, until);
    if (ledger.size > 0) packLedger(file, packed);
    const rows = tasks.flatMap((task) => ledger.get(keyOf(task)) ?? []);
    const { parameters, contextTokens } = at(backend.models, 0);
    const name = values.name ?? basename(model);
    const prompts = await countPrompts(setting, backend);
    const table = (modes: readonly Mode[]) => tableOf(rows, modes, readShape(model, parameters), prompts);
    const guard = (method: 'full' | 'lora') => {
      const judged = guardStudy(guardedRuns(rows, { method, rate: defaults.learningRate[method], steps: 10 }));
      return judged === undefined ? {} : { [method]: judged };
    };
    await report({
      date: new Date().toISOString().slice(0, 10),
      machine: values.machine,
      name,
      title: values.title ?? name,
      weights: setting.model,
      parameters,
      contextTokens,
      embedder: setting.embedder,
      examples: setting.corpus.examples.length,
      method: defaults.method,
      rank: defaults.rank,
      learningRate: defaults.learningRate[defaults.method],
      runs: rows.length,
      planned: tasks.length,
      main: table(MAIN),
      tuned: table(TUNED),
      prompt: table(PROMPT),
      copies: table(COPIES),
      long: table(LONG),
      guard: { ...guard('lora'), ...guard('full') },
    });
  } finally {
    clearInterval(alive);
    await backend.close();
  }
};

await runCommand('modes', main);
