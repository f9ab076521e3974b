// `node eval/modes.ts`: the same picks tuned on, put into the context, or both, by strategy and number of steps. Prompts and
// corpus are those of `npm run eval`; rates are the model's own defaults. Results are kept in a ledger as they come, so
// that a run that was stopped goes on; the figures go to eval/results/ and docs/study/context.md.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { optionsOf, whole } from '../cli/arguments.ts';
import { runCommand } from '../cli/command.ts';
import type { Backend } from '../gateway/backends/contract.ts';
import { at } from '../wire/list.ts';
import { guardedRuns, guardStudy } from './figures/guard.ts';
import { COPIES, LONG, MAIN, PROMPT, TUNED } from './figures/mode-lists.ts';
import { type Mode, tableOf } from './figures/modes.ts';
import { prepareHeldOut, RESULTS } from './held-out.ts';
import type { Setting } from './material/setting.ts';
import { ROOT } from './options.ts';
import { contextPage, type ModesJson } from './report/context-page.ts';
import { draw } from './report/draw.ts';
import { paretoPicture } from './report/modes-picture.ts';
import { lora } from './run/arms.ts';
import { machine } from './run/machine.ts';
import { withModeRows } from './run/mode-runs.ts';
import type { ModeRow } from './run/modes.ts';
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

const parse = () =>
  optionsOf({
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
  });

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
    join(ROOT, 'docs/study/context.md'),
    contextPage(models, existsSync(findings) ? readFileSync(findings, 'utf8') : ''),
  );
};

type Values = ReturnType<typeof parse>;

const figuresOf = async (
  values: Values,
  setting: Setting,
  rows: readonly ModeRow[],
  planned: number,
  backend: Backend,
): Promise<ModesJson> => {
  const { parameters, contextTokens, defaults } = at(backend.models, 0);
  const name = values.name ?? basename(setting.modelDirectory);
  const prompts = await countPrompts(setting, backend);
  const shape = readShape(setting.modelDirectory, parameters);
  const table = (modes: readonly Mode[]) => tableOf(rows, modes, shape, prompts);
  const guard = (method: 'full' | 'lora') => {
    const judged = guardStudy(guardedRuns(rows, { method, rate: defaults.learningRate[method], steps: 10 }));
    return judged === undefined ? {} : { [method]: judged };
  };
  return {
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
    planned,
    main: table(MAIN),
    tuned: table(TUNED),
    prompt: table(PROMPT),
    copies: table(COPIES),
    long: table(LONG),
    guard: { ...guard('lora'), ...guard('full') },
  };
};

const main = async (): Promise<void> => {
  const values = parse();
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const until = performance.now() + 60_000 * whole('minutes', values.minutes, 1, 100_000);
  const [high, long] = [whole('high', values.high, 0, 1_000), whole('long', values.long, 0, 1_000)];
  const cores = {
    workers: whole('workers', values.workers, 1, 64),
    threads: whole('threads', values.threads, 1, 64),
  };
  const setting = await prepareHeldOut(values);
  const work = {
    setting,
    kind: 'modes',
    state: values.state,
    results: RESULTS,
    ...cores,
    plan: ({ models }: Backend) => planModes(setting.study, at(models, 0).defaults, { high, long }),
    ...(values.report ? {} : { until }),
  };
  await withModeRows(work, async (rows, { length }, backend) =>
    report(await figuresOf(values, setting, rows, length, backend)),
  );
};

await runCommand('modes', main);
