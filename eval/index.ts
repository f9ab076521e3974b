// `npm run eval`: does tuning on SIFT's picks beat nearest neighbours on text that the model has not seen, and when should it
// stop? docs/study/results.md says what was found.
//
// The rooms, from the lowest to the highest; a file imports from its own room and lower ones only (test/eval/rooms.test.ts):
//
//   material/  documents, prompts, the corpus in memory and its vectors: what there is to choose from
//   choose/    the strategies that are compared: from a prompt and a corpus to picks
//   run/       which tuning runs are planned, running them, the ledger of their results
//   figures/   from results to numbers: gains, intervals, correlations, stopping rules
//   report/    from numbers to tables, pictures and docs/study/results.md
//
// Beside them statistics.ts, which imports none of them, and options.ts; study.ts and this file put them together. The other
// commands, modes.ts, experts.ts and stopping.ts, begin with held-out.ts.
import { basename, join, relative } from 'node:path';
import { buildKernel } from '../assembly/build.ts';
import { runCommand } from '../cli/command.ts';
import { folderSources } from './material/folders.ts';
import { gatheredSources } from './material/gathered.ts';
import { prepare } from './material/setting.ts';
import type { Source } from './material/sources.ts';
import { HELP, type Options, parseOptions, ROOT } from './options.ts';
import { analyse } from './report/analysis.ts';
import { plainOf } from './report/render.ts';
import { summaryOf } from './report/summary.ts';
import { writePage, writeResults } from './report/write.ts';
import { STEPS } from './run/grid.ts';
import { FULL, type Profile, QUICK } from './run/profile.ts';
import { tuningAsServed } from './run/served.ts';
import { runStudy } from './study.ts';

const FINDINGS = join(ROOT, 'eval/findings.md');

const gather = async (options: Options): Promise<{ sources: Source[]; prompts?: Source[]; source: string }> => {
  if (options.corpus !== undefined) {
    const sources = await folderSources(options.corpus, '--corpus');
    const source = `text files of ${basename(options.corpus)}`;
    if (options.prompts === undefined) return { sources, source };
    return { sources, source, prompts: await folderSources(options.prompts, '--prompts') };
  }
  const sources = await gatheredSources(join(ROOT, 'node_modules'), options.data);
  const installed = 'the packages that `npm ci` installs here';
  return {
    sources,
    source:
      options.data === undefined
        ? installed
        : `${installed}, and documents of packages held out of the model’s training`,
  };
};

const profileOf = (options: Options): Profile => {
  const profile = options.quick ? QUICK : FULL;
  const study = options.perDomain ?? profile.study;
  // a user's folder may have few documents: prompts are drawn from every domain with two
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

const main = async (args: readonly string[]): Promise<void> => {
  const options = parseOptions(args);
  if (options === undefined) {
    process.stdout.write(HELP);
    return;
  }
  if (options.pageOnly) {
    await writePage(options.results, options.study ?? join(options.results, 'study.md'), FINDINGS);
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
  const fixed = options.quick ? await tuningAsServed(options.model, options.given) : undefined;
  const runs = await runStudy(setting, profile, options, source, fixed);
  const analysis = analyse(runs);
  await writeResults(analysis, options.results);
  if (options.study !== undefined) {
    await writePage(options.results, options.study, FINDINGS);
  }
  if (options.json) process.stdout.write(`${JSON.stringify(summaryOf(runs, STEPS))}\n`);
  else {
    const shown = analysis.tables.filter(({ id }) => ['main-10', 'other-10', 'domains-10'].includes(id));
    process.stdout.write(`\n${[...shown, ...(profile.sides ? [analysis.targets] : [])].map(plainOf).join('\n\n')}\n`);
    process.stdout.write(`\ntables and pictures: ${relative(process.cwd(), options.results) || options.results}\n`);
  }
};

await runCommand('eval', () => main(process.argv.slice(2)));
