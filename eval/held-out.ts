// What eval/modes.ts, experts.ts and stopping.ts begin with: prompts drawn from the packages in node_modules and from documents that
// no model was trained on, and all other documents as the corpus.
import { join, resolve } from 'node:path';
import { buildKernel } from '../assembly/build.ts';
import { whole } from '../cli/arguments.ts';
import { gatheredSources } from './material/gathered.ts';
import { prepare, type Setting } from './material/setting.ts';
import { ROOT } from './options.ts';

export const RESULTS = join(ROOT, 'eval/results');

/** As they are typed. */
export interface HeldOut {
  readonly model: string;
  readonly data?: string | undefined;
  readonly 'per-domain': string;
  readonly state: string;
}

/** `tuning`: prompts of a domain that something is chosen on, beside those of the study. */
export const prepareHeldOut = async (values: HeldOut, tuning = 0): Promise<Setting> => {
  const study = whole('per-domain', values['per-domain'], 1, 1_000);
  await buildKernel();
  return prepare({
    sources: await gatheredSources(join(ROOT, 'node_modules'), values.data && resolve(values.data)),
    study,
    tuning,
    least: study,
    cuts: [],
    model: resolve(values.model),
    embedder: join(ROOT, 'models/embedder'),
    state: values.state,
  });
};
