// Runs what is left of the study: learning rates, then tuning runs, then what selections alone show and how long each part
// takes. Each result is kept as it comes, so a run that is stopped goes on where it ended.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { armsOf } from './figures/arms.ts';
import { bestRates } from './figures/rates.ts';
import type { StudyRuns } from './figures/study.ts';
import type { Setting } from './material/setting.ts';
import type { Options } from './options.ts';
import { type Rates, rateOf, SIFT } from './run/arms.ts';
import { first } from './run/cells.ts';
import { runPlan } from './run/execute.ts';
import { STEPS } from './run/grid.ts';
import { type Ledger, openLedger } from './run/ledger.ts';
import { timeSplit } from './run/machine.ts';
import { planStudy } from './run/plan.ts';
import { planRates } from './run/plan-rates.ts';
import type { Profile } from './run/profile.ts';
import { surrogateStudy } from './run/selections.ts';
import type { Planned, Row } from './run/tasks.ts';
import type { Tuning } from './run/trajectory.ts';

/** Prompts of a domain whose selections are looked at without tuning. */
const SELECTED = 6;
/** Prompts that the parts of a request are timed on. */
const TIMED = 10;

/** A value in a file of the state directory, under the fingerprint of the setting. */
interface Kept<T> {
  read(): T | undefined;
  /** Computes the value unless the file holds it. */
  get(compute: () => Promise<T>): Promise<T>;
}

const keptIn = <T>(file: string): Kept<T> => {
  const read = (): T | undefined => (existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : undefined); // written below
  return {
    read,
    async get(compute) {
      const known = read();
      if (known !== undefined) return known;
      const value = await compute();
      writeFileSync(file, `${JSON.stringify(value)}\n`);
      return value;
    },
  };
};

type Run = (plan: readonly Planned[], label: string) => Promise<boolean>;

/** The best rate of every family; none where the runs that decide have not all been made. */
const chooseRates = async (
  plan: readonly Planned[],
  ledger: Ledger<Row>,
  kept: Kept<Rates>,
  run: Run | undefined,
): Promise<Rates | undefined> => {
  const known = kept.read();
  if (known !== undefined && Object.keys(known).length > 0) return known;
  if (plan.length === 0) return {};
  if (run === undefined || !(await run(plan, 'learning rates'))) return undefined;
  const best = bestRates(armsOf(plan, ledger, 'rates'), STEPS);
  return kept.get(async () => Object.fromEntries(Object.entries(best).map(([family, { rate }]) => [family, rate])));
};

/** What the report is made of; `fixed`: how the main arms are tuned, in place of the rates chosen here. Stops between tasks when the time is up. */
export const runStudy = async (
  setting: Setting,
  profile: Profile,
  options: Options,
  source: string,
  fixed?: Tuning,
): Promise<StudyRuns> => {
  const until = options.minutes === undefined ? undefined : performance.now() + 60_000 * options.minutes;
  const path = (name: string): string => join(options.state, `${setting.fingerprint}${name}`);
  const ledger = openLedger<Row>(path('.jsonl'));
  const run: Run | undefined = options.reportOnly
    ? undefined
    : (plan, label) =>
        runPlan(setting, plan, ledger, {
          workers: options.workers,
          threads: options.threads,
          ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
          label,
          ...(until === undefined ? {} : { until }),
        });

  const ratePlan = planRates(setting, profile);
  const chosen = await chooseRates(ratePlan, ledger, keptIn(path('-rates.json')), run);
  const rates = chosen ?? {};
  const plan = planStudy(setting, profile, rates, fixed);
  if (chosen !== undefined) await run?.(plan, 'tuning runs');

  const runs: StudyRuns = {
    setting,
    source,
    modelName: basename(options.model),
    scored: profile.scored,
    ratePlan,
    plan,
    rates,
    ledger,
  };
  if (!profile.sides) return runs;
  const measured = <T>(name: string, compute: () => Promise<T>): T | undefined | Promise<T> =>
    run === undefined ? keptIn<T>(path(name)).read() : keptIn<T>(path(name)).get(compute);
  return {
    ...runs,
    surrogate: await measured('-selections.json', () => surrogateStudy(setting, first(setting.study, SELECTED))),
    split: await measured('-times.json', () => timeSplit(setting, rateOf(rates, SIFT), TIMED)),
  };
};
