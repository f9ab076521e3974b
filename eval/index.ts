// `npm run eval`: whether tuning on SIFT's picks beats nearest neighbours on text the model has not seen, and when to
// stop. See docs/study.md for what it found. Here: sources → setting → rates → runs → report, each resumable.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { buildKernel } from '../assembly/build.ts';
import { UsageError } from '../cli/arguments.ts';
import { type Surrogate, surrogateStudy } from './choose/surrogate.ts';
import { armsOf, bestRates } from './figures/figures.ts';
import { prepare, type Setting } from './material/setting.ts';
import { folderSources, lineSources, packageSources, type Source, withinDomains } from './material/sources.ts';
import { HELP, type Options, parseOptions, ROOT } from './options.ts';
import { analyse, type Material } from './report/analysis.ts';
import { plainOf, writeResults, writeStudy } from './report/report.ts';
import { summaryOf } from './report/summary.ts';
import { openLedger } from './run/ledger.ts';
import { type Split, timeSplit } from './run/machine.ts';
import { FULL, first, type Profile, planRates, planStudy, QUICK, type Rates, rateOf, STEPS } from './run/plan.ts';
import { runPlan } from './run/run.ts';
import type { Row } from './run/tasks.ts';

/** Prompts of a domain that are asked about σ² alone. */
const SELECTED = 6;

const gather = async (options: Options): Promise<{ sources: Source[]; prompts?: Source[]; source: string }> => {
  if (options.corpus !== undefined) {
    const sources = await folderSources(options.corpus, '--corpus');
    const source = `text files of ${basename(options.corpus)}`;
    if (options.prompts === undefined) return { sources, source };
    return { sources, source, prompts: await folderSources(options.prompts, '--prompts') };
  }
  const packages = await packageSources(join(ROOT, 'node_modules'));
  if (options.data === undefined)
    return { sources: withinDomains(packages), source: 'the packages that `npm ci` installs here' };
  const lines = await lineSources(options.data);
  return {
    sources: withinDomains([...packages, ...lines]),
    source: `the packages that \`npm ci\` installs here, and documents of packages held out of the model’s training`,
  };
};

const profileOf = (options: Options): Profile => {
  const profile = options.quick ? QUICK : FULL;
  const study = options.perDomain ?? profile.study;
  // a user's folder has fewer documents; what there is is asked about
  const least = options.corpus === undefined ? Math.min(profile.least, study) : 2;
  return {
    ...profile,
    scored: options.scored,
    study,
    least,
    far: Math.min(profile.far, study),
    side: Math.min(profile.side, study),
  };
};

/** A figure that is computed once for a fingerprint, and read back by later runs. */
const kept = async <T>(file: string, compute: () => Promise<T>): Promise<T> => {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as T; // written here
  const value = await compute();
  writeFileSync(file, `${JSON.stringify(value)}\n`);
  return value;
};

const readKept = <T>(file: string): T | undefined =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : undefined;

/** Runs what is left and gives the material of a report; stops between tasks when the time is up. */
const study = async (setting: Setting, profile: Profile, options: Options, source: string): Promise<Material> => {
  const until = options.minutes === undefined ? undefined : performance.now() + 60_000 * options.minutes;
  const timed = { workers: options.workers, ...(until === undefined ? {} : { until }) };
  const path = (name: string): string => join(options.state, `${setting.fingerprint}${name}`);
  const ledger = openLedger<Row>(path('.jsonl'));
  const ratePlan = planRates(setting, profile);

  let rates: Rates = readKept<Rates>(path('-rates.json')) ?? {};
  if (!options.reportOnly && ratePlan.length > 0 && Object.keys(rates).length === 0) {
    if (await runPlan(setting, ratePlan, ledger, { ...timed, label: 'learning rates' })) {
      const best = bestRates(armsOf(ratePlan, ledger, 'rates'), STEPS);
      rates = Object.fromEntries(Object.entries(best).map(([family, { rate }]) => [family, rate]));
      writeFileSync(path('-rates.json'), `${JSON.stringify(rates)}\n`);
    }
  }
  const plan = planStudy(setting, profile, rates);
  const decided = ratePlan.length === 0 || Object.keys(rates).length > 0;
  if (!options.reportOnly && decided) await runPlan(setting, plan, ledger, { ...timed, label: 'tuning runs' });

  const common = {
    setting,
    source,
    modelName: basename(options.model),
    scored: profile.scored,
    ratePlan,
    plan,
    rates,
    ledger,
  };
  if (!profile.sides) return common;
  const selections = '-selections.json';
  const surrogate = options.reportOnly
    ? readKept<Surrogate>(path(selections))
    : await kept(path(selections), () => surrogateStudy(setting, first(setting.study, SELECTED)));
  const split = options.reportOnly
    ? readKept<Split>(path('-times.json'))
    : await kept(path('-times.json'), () => timeSplit(setting, rateOf(rates, 'sift'), 10));
  return { ...common, surrogate, split };
};

const main = async (args: readonly string[]): Promise<void> => {
  const options = parseOptions(args);
  if (options === undefined) {
    process.stdout.write(HELP);
    return;
  }
  await buildKernel();
  const profile = profileOf(options);
  const { sources, prompts, source } = await gather(options);
  const setting = await prepare({
    sources,
    ...(prompts === undefined ? {} : { prompts }),
    study: profile.study,
    tuning: profile.tuning,
    least: profile.least,
    cuts: profile.sides ? ['half', 'disjoint'] : [],
    model: options.model,
    embedder: options.embedder,
    state: options.state,
  });
  const material = await study(setting, profile, options, source);
  const analysis = analyse(material);
  await writeResults(analysis, options.results);
  if (options.study !== undefined) {
    await writeStudy(analysis, options.results, options.study, join(ROOT, 'eval/findings.md'));
  }
  if (options.json) process.stdout.write(`${JSON.stringify(summaryOf(material, STEPS))}\n`);
  else {
    const shown = analysis.tables.filter(({ id }) => ['main-10', 'other-10', 'domains-10'].includes(id));
    process.stdout.write(`\n${[...shown, ...(profile.sides ? [analysis.targets] : [])].map(plainOf).join('\n\n')}\n`);
    process.stdout.write(`\ntables and pictures: ${relative(process.cwd(), options.results) || options.results}\n`);
  }
};

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
