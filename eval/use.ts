// `node eval/use.ts`: the same picks tuned on, put into the context, or both. Prompts are drawn from the starter corpus
// that `npm start` indexes, and kept out of it; the continuation of each is scored. Results are kept in a ledger as they
// come, so that a run that was stopped goes on; the figures go to eval/results/use.json and docs/context.md.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildKernel } from '../assembly/build.ts';
import { whole } from '../cli/arguments.ts';
import { runCommand } from '../cli/command.ts';
import { progress } from '../cli/progress.ts';
import { starterCorpus } from '../corpus/documents.ts';
import { dot } from '../functions/vectors/algebra.ts';
import { createEmbeddedBackend } from '../gateway/backends/embedded/index.ts';
import { DEFAULT_LEARNING_RATE, DEFAULT_PICKS } from '../wire/limits.ts';
import { at } from '../wire/list.ts';
import type { RankedPick } from '../wire/tune.ts';
import { select } from './choose/select.ts';
import { spec } from './choose/spec.ts';
import { summarise } from './figures/uses.ts';
import { domainOf } from './material/packages.ts';
import type { Prompt } from './material/prompts.ts';
import { prepare, type Setting } from './material/setting.ts';
import { isReadable, type Source } from './material/sources.ts';
import { ROOT } from './options.ts';
import { contextPage, type UseJson } from './report/context-page.ts';
import { full } from './run/arms.ts';
import { openLedger } from './run/ledger.ts';
import { machine } from './run/machine.ts';
import { measureUses, type UseRow } from './run/uses.ts';

const HELP = `node eval/use.ts [options]

  --per-domain N   prompts of a domain (default 20)
  --workers N      sessions at once (default 1: times are then of a machine that does nothing else)
  --minutes M      begin no prompt after M minutes; running again goes on from there
  --machine TEXT   how the results name this machine
  --model DIR      default models/base
  --state DIR      where the ledger is kept (default .sift/eval)
`;

/** What is compared: the nearest neighbours as the product gives them, and SIFT. */
const STRATEGIES = { nn: spec('nn-distinct', { n: DEFAULT_PICKS }), sift: spec('sift', { n: DEFAULT_PICKS }) } as const;
type Strategy = keyof typeof STRATEGIES;
const NAMES: readonly Strategy[] = ['nn', 'sift'];

const starterSources = async (): Promise<Source[]> => {
  const { documents } = await starterCorpus(join(ROOT, 'node_modules'));
  return documents.flatMap(({ path, text }) => {
    const domain = domainOf(path);
    const group = path.split('/', path.startsWith('@') ? 2 : 1).join('/');
    return domain === undefined || !isReadable(text) ? [] : [{ domain, group, path, text }];
  });
};

const picksOf = async (setting: Setting, prompt: Prompt, strategy: Strategy): Promise<RankedPick[]> => {
  const wanted = STRATEGIES[strategy];
  const view = setting.viewOf(prompt, wanted, 'continuation');
  const { picks } = await select(setting.kernel, view, wanted);
  return picks.map((i) => ({
    id: String(i),
    text: at(view.corpus.examples, i).text,
    similarity: dot(view.corpus.store.row(i), view.vector),
  }));
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      'per-domain': { type: 'string', default: '20' },
      workers: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '600' },
      machine: { type: 'string', default: machine() },
      model: { type: 'string', default: join(ROOT, 'models/base') },
      state: { type: 'string', default: join(ROOT, '.sift/eval') },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const study = whole('per-domain', values['per-domain'], 1, 1_000);
  const workers = whole('workers', values.workers, 1, 64);
  const until = performance.now() + 60_000 * whole('minutes', values.minutes, 1, 100_000);
  await buildKernel();
  const setting = await prepare({
    sources: await starterSources(),
    study,
    tuning: 0,
    least: 1,
    cuts: [],
    model: values.model,
    embedder: join(ROOT, 'models/embedder'),
    state: values.state,
  });
  const ledger = openLedger<UseRow>(join(values.state, `use-${setting.fingerprint}.jsonl`));
  const tasks = setting.study.flatMap((prompt) =>
    NAMES.map((strategy) => ({ prompt, strategy, key: `${prompt.id} ${strategy} ${DEFAULT_LEARNING_RATE}` })),
  );
  const left = tasks.filter(({ key }) => !ledger.has(key));
  // its worker processes do not keep this one alive
  const alive = setInterval(() => {}, 60_000);
  const backend = await createEmbeddedBackend({ models: { base: values.model }, workers });
  const bar = progress('prompts × strategies', left.length);
  try {
    const measure = async ({ prompt, strategy }: (typeof tasks)[number]): Promise<UseRow> =>
      measureUses(backend, full(DEFAULT_LEARNING_RATE), prompt, strategy, await picksOf(setting, prompt, strategy));
    const [first] = left;
    // the first one compiles the graphs, and comes again
    if (first !== undefined) await Promise.all(Array.from({ length: workers }, () => measure(first)));
    let [next, done] = [0, 0];
    const work = async (): Promise<void> => {
      for (let task = left[next++]; task !== undefined; task = left[next++]) {
        if (performance.now() > until) return;
        ledger.add(task.key, await measure(task));
        bar.update(++done);
      }
    };
    await Promise.all(Array.from({ length: workers }, work));
  } finally {
    clearInterval(alive);
    bar.end();
    await backend.close();
  }
  const rows = tasks.flatMap(({ key }) => ledger.get(key) ?? []);
  const json: UseJson = {
    date: new Date().toISOString().slice(0, 10),
    machine: values.machine,
    model: setting.model,
    embedder: setting.embedder,
    contextTokens: at(backend.models, 0).contextTokens,
    examples: setting.corpus.examples.length,
    learningRate: DEFAULT_LEARNING_RATE,
    picks: DEFAULT_PICKS,
    ...summarise(rows),
  };
  writeFileSync(join(ROOT, 'eval/results/use.json'), `${JSON.stringify(json, null, 2)}\n`);
  writeFileSync(join(ROOT, 'docs/context.md'), contextPage(json));
};

await runCommand('eval/use', main);
