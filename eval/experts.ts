// `node eval/experts.ts`: adapters trained ahead on clusters of the corpus and merged for each prompt, as in TTMM
// (arXiv 2505.14136), beside tuning on the prompt's own picks and picks in the context. Experts and results are kept as they come, so
// that a run that was stopped goes on; the figures go to eval/results/experts.json and docs/study/experts.md.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { optionsOf, whole } from '../cli/arguments.ts';
import { runCommand } from '../cli/command.ts';
import { createEmbeddedBackend } from '../gateway/backends/embedded/index.ts';
import type { Adapter } from '../gateway/backends/embedded/weights.ts';
import { DEFAULT_PICKS } from '../wire/limits.ts';
import { at } from '../wire/list.ts';
import type { RankedPick } from '../wire/tune/requests.ts';
import { selectForBothTexts } from './choose/for-both-texts.ts';
import { spec } from './choose/spec.ts';
import { summariseExperts } from './figures/experts.ts';
import { prepareHeldOut, RESULTS } from './held-out.ts';
import type { Prompt } from './material/prompts.ts';
import type { Setting } from './material/setting.ts';
import { ROOT } from './options.ts';
import { type Compared, type ExpertsJson, expertsPage } from './report/experts-page.ts';
import { full, lora } from './run/arms.ts';
import { type ExpertRow, expertArms, type Ready, TOPS } from './run/expert-arms.ts';
import { type ExpertSet, expertSet, sharedExamples, sizesOf } from './run/expert-sets.ts';
import {
  best,
  measure,
  neededExperts,
  type Study,
  trainExperts,
  tryRates,
  tryTemperatures,
} from './run/expert-study.ts';
import { openLedger } from './run/ledger.ts';
import { machine } from './run/machine.ts';
import { readShape, type Shape } from './run/shape.ts';

const HELP = `node eval/experts.ts [options]

  --data FILE      documents held out of training, from training/heldout.py, beside the packages in node_modules
  --per-domain N   prompts of a domain (default 8)
  --sets LIST      experts:steps, comma separated: so many clusters, so many examples of each (default 16:128,64:48)
  --minutes M      begin nothing after M minutes; running again goes on from there
  --model DIR      default models/base
  --state DIR      where experts and results are kept (default .sift/eval)
  --machine TEXT   how the page names this machine
`;

const parse = () => {
  return optionsOf({
    options: {
      help: { type: 'boolean', default: false },
      data: { type: 'string' },
      'per-domain': { type: 'string', default: '8' },
      sets: { type: 'string', default: '16:128,64:48' },
      minutes: { type: 'string', default: '600' },
      model: { type: 'string', default: join(ROOT, 'models/base') },
      state: { type: 'string', default: join(ROOT, '.sift/eval') },
      machine: { type: 'string', default: machine() },
    },
  });
};

/** Prompts of a domain that rate and temperature are chosen on, none of which is compared. */
const TUNING = 4;

const picksOf = async (setting: Setting, prompt: Prompt, strategy: 'nn' | 'sift'): Promise<readonly RankedPick[]> => {
  const wanted = spec(strategy === 'nn' ? 'nn-distinct' : 'sift', { n: DEFAULT_PICKS });
  return (await selectForBothTexts(setting, prompt, wanted)).picks;
};

const valuesOf = (adapter: Adapter): number => [...adapter.values()].reduce((sum, { length }) => sum + length, 0);

/** Everything up to the figures; undefined: the time ran out before there were any. */
const compare = async (study: Study, sets: readonly ExpertSet[], shape: Shape): Promise<Compared | undefined> => {
  const { setting, backend } = study;
  const { defaults } = at(backend.models, 0);
  const served = {
    backend,
    vectorOf: setting.vectorOf,
    picksOf: (prompt: Prompt, strategy: 'nn' | 'sift') => picksOf(setting, prompt, strategy),
  };
  const rates = await tryRates(study, served, at(sets, 0));
  if (rates === undefined) return undefined;
  // the first is the base model's
  const rate = best(rates.tried.slice(1));
  const ready = new Map<number, Ready>();
  for (const set of sets) {
    const { k, plans, clusters } = set;
    const needed = neededExperts(study, set, Math.max(...TOPS));
    const adapters = await trainExperts(study, plans, needed, rate, `${needed.length} of ${k} experts`);
    if (adapters === undefined) return undefined;
    ready.set(k, { centroids: clusters.centroids, adapters, rank: lora(rate).rank });
  }
  const condition = { rate, sets: sets.map(({ k, steps }) => [k, steps]) };
  const withSets = { ...served, sets: ready };
  const temperatures = await tryTemperatures(study, withSets, at(sets, sets.length - 1).k, condition);
  if (temperatures === undefined) return undefined;
  const temperature = best(temperatures);
  const ks = sets.map(({ k }) => k);
  const tunings = { full: full(defaults.learningRate.full), lora: lora(defaults.learningRate.lora) };
  const arms = expertArms(ks, tunings, DEFAULT_PICKS);
  const all = { ...condition, temperature };
  // where the time runs out here, the figures are of the prompts that have come first
  const { rows } = await measure(study, { ...withSets, temperature }, arms, setting.study, all);
  const [one] = ready.values();
  if (one === undefined) throw new Error('no set of experts');
  const adapted = { ...shape, perRank: valuesOf(at([...one.adapters.values()], 0)) / one.rank };
  const compared = { base: 'base', sift: `SIFT, ${DEFAULT_PICKS} steps` };
  return {
    rank: one.rank,
    rate,
    rates: rates.tried,
    ratePrompts: rates.prompts,
    temperature,
    temperatures,
    tuningPrompts: setting.tuning.length,
    fullRate: tunings.full.learningRate,
    loraRate: tunings.lora.learningRate,
    planned: setting.study.length,
    picks: DEFAULT_PICKS,
    ...summariseExperts(rows, arms, compared, adapted),
  };
};

const main = async (): Promise<void> => {
  const values = parse();
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const until = performance.now() + 60_000 * whole('minutes', values.minutes, 1, 100_000);
  const sizes = sizesOf(values.sets);
  const setting = await prepareHeldOut(values, TUNING);
  const { modelDirectory: model } = setting;
  const numbers = sharedExamples(setting);
  process.stderr.write(
    `${setting.study.length} prompts; ${numbers.length} of ${setting.corpus.examples.length} examples may be learnt from\n`,
  );
  const sets = sizes.map((size) => expertSet(setting, numbers, size));
  // its worker processes do not keep this one alive
  const alive = setInterval(() => {}, 60_000);
  const backend = await createEmbeddedBackend({ models: { base: model } });
  try {
    const ledger = openLedger<ExpertRow>(join(values.state, `experts-${setting.fingerprint}.jsonl`));
    const study = { setting, backend, ledger, directory: join(values.state, 'experts'), until };
    const { parameters } = at(backend.models, 0);
    const compared = await compare(study, sets, readShape(model, parameters));
    if (compared === undefined) {
      process.stderr.write('the time is up: run it again to go on\n');
      return;
    }
    const json: ExpertsJson = {
      date: new Date().toISOString().slice(0, 10),
      machine: values.machine,
      model: setting.model,
      parameters,
      embedder: setting.embedder,
      examples: setting.corpus.examples.length,
      shared: numbers.length,
      sets: sets.map(({ k, steps, clusters }) => ({ k, steps, sizes: clusters.members.map(({ length }) => length) })),
      ...compared,
    };
    writeFileSync(join(RESULTS, 'experts.json'), `${JSON.stringify(json)}\n`);
    writeFileSync(join(ROOT, 'docs/study/experts.md'), expertsPage(json));
  } finally {
    clearInterval(alive);
    await backend.close();
  }
};

await runCommand('eval/experts', main);
