// `node eval/stopping.ts`: when to stop, judged on runs of 100 steps whose continuation is read as they go. Results are kept in a
// ledger as they come, so that a run that was stopped goes on; the figures go to eval/results/stop-rules.json and docs/study/stopping.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { optionsOf, whole } from '../cli/arguments.ts';
import { runCommand } from '../cli/command.ts';
import type { Backend } from '../gateway/backends/contract.ts';
import { at } from '../wire/list.ts';
import { longRunOf } from './figures/long-runs.ts';
import { stoppingFigures } from './figures/stopping-figures.ts';
import { prepareHeldOut, RESULTS } from './held-out.ts';
import type { Setting } from './material/setting.ts';
import { ROOT } from './options.ts';
import { draw } from './report/draw.ts';
import { type StoppingJson, stoppingPage } from './report/stopping-page.ts';
import { stopRulesPicture } from './report/stopping-picture.ts';
import { machine } from './run/machine.ts';
import { withModeRows } from './run/mode-runs.ts';
import type { ModeRow } from './run/modes.ts';
import { planStopping } from './run/plan-stopping.ts';

const HELP = `node eval/stopping.ts [options]

  --model DIR      default models/base
  --data FILE      documents held out of training, from training/heldout.py, beside the packages in node_modules
  --per-domain N   prompts of a domain (default 7)
  --minutes M      begin no run after M minutes; running again goes on from there
  --state DIR      where the ledger is kept (default .sift/eval)
  --report         run nothing, write the figures of the results there are
  --page           run nothing, write page and pictures again from eval/results/stop-rules.json
  --machine TEXT   how the page names this machine
`;

const parse = () =>
  optionsOf({
    options: {
      help: { type: 'boolean', default: false },
      model: { type: 'string', default: join(ROOT, 'models/base') },
      data: { type: 'string' },
      'per-domain': { type: 'string', default: '7' },
      minutes: { type: 'string', default: '600' },
      state: { type: 'string', default: join(ROOT, '.sift/eval') },
      report: { type: 'boolean', default: false },
      page: { type: 'boolean', default: false },
      machine: { type: 'string', default: machine() },
    },
  });

const figuresOf = (
  setting: Setting,
  rows: readonly ModeRow[],
  planned: number,
  backend: Backend,
  machine: string,
): StoppingJson => {
  const { parameters, defaults } = at(backend.models, 0);
  const runs = rows.flatMap((row) => longRunOf(row) ?? []);
  return {
    date: new Date().toISOString().slice(0, 10),
    machine,
    weights: setting.model,
    parameters,
    method: defaults.method,
    learningRate: defaults.learningRate[defaults.method],
    embedder: setting.embedder,
    examples: setting.corpus.examples.length,
    prompts: runs.length,
    planned,
    domains: [...new Set(runs.map(({ domain }) => domain))],
    ...stoppingFigures(runs),
  };
};

const FIGURES = join(RESULTS, 'stop-rules.json');

const writePage = async (): Promise<void> => {
  const json = JSON.parse(readFileSync(FIGURES, 'utf8')) as StoppingJson; // written below
  await draw(json.judged.map(stopRulesPicture), RESULTS);
  const findings = readFileSync(join(ROOT, 'eval/stopping-findings.md'), 'utf8');
  writeFileSync(join(ROOT, 'docs/study/stopping.md'), stoppingPage(json, findings));
};

const main = async (): Promise<void> => {
  const values = parse();
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  if (values.page) return writePage();
  const until = performance.now() + 60_000 * whole('minutes', values.minutes, 1, 100_000);
  const setting = await prepareHeldOut(values);
  const work = {
    setting,
    kind: 'stopping',
    state: values.state,
    results: RESULTS,
    workers: 1,
    threads: 1,
    plan: ({ models }: Backend) => planStopping(setting.study, at(models, 0).defaults),
    ...(values.report ? {} : { until }),
  };
  await withModeRows(work, async (rows, { length }, backend) => {
    const figures = figuresOf(setting, rows, length, backend, values.machine);
    writeFileSync(FIGURES, `${JSON.stringify(figures)}\n`);
    await writePage();
  });
};

await runCommand('eval/stopping', main);
