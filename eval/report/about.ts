// What the figures are of: documents, prompts, models, machine, and how many of the planned runs are done.
import type { StudyRuns } from '../figures/study.ts';
import type { Scored } from '../material/setting.ts';
import type { Rates } from '../run/arms.ts';
import { machine } from '../run/machine.ts';
import { distinctTasks } from '../run/tasks.ts';

export interface About {
  readonly source: string;
  readonly scored: Scored;
  readonly documents: number;
  readonly examples: number;
  readonly prompts: number;
  readonly tuning: number;
  readonly domains: string;
  readonly modelName: string;
  readonly model: string;
  readonly embedder: string;
  readonly fingerprint: string;
  readonly machine: string;
  readonly date: string;
  readonly done: number;
  readonly planned: number;
  readonly rates: Rates;
}

export const aboutOf = ({ setting, source, scored, modelName, ratePlan, plan, ledger, rates }: StudyRuns): About => {
  const tasks = distinctTasks([...ratePlan, ...plan]);
  const byDomain = Map.groupBy(setting.study, ({ domain }) => domain);
  return {
    source,
    scored,
    documents: setting.documents,
    examples: setting.corpus.examples.length,
    prompts: setting.study.length,
    tuning: setting.tuning.length,
    domains: Array.from(byDomain, ([domain, prompts]) => `${domain} ${prompts.length}`).join(', '),
    modelName,
    model: setting.model,
    embedder: setting.embedder,
    fingerprint: setting.fingerprint,
    machine: machine(),
    date: new Date().toISOString().slice(0, 10),
    done: tasks.filter(({ key }) => ledger.has(key)).length,
    planned: tasks.length,
    rates,
  };
};
