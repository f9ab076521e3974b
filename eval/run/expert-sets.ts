// Sets of experts: the corpus in K clusters, and of each so many examples to learn from. No prompt's document nor a twin of
// one is in the corpus, and no expert learns from an example that holds a part of any prompt's text.

import { UsageError, whole } from '../../cli/arguments.ts';
import { at } from '../../wire/list.ts';
import { type Clusters, cluster } from '../choose/cluster.ts';
import { spec } from '../choose/spec.ts';
import type { Setting } from '../material/setting.ts';
import { type ExpertPlan, sampleOf } from './train-experts.ts';

export interface SetSize {
  /** Clusters. */
  readonly k: number;
  /** Examples of each that an expert learns from, at most. */
  readonly steps: number;
}

export interface ExpertSet extends SetSize {
  readonly clusters: Clusters;
  readonly plans: readonly ExpertPlan[];
}

const MOST_EXPERTS = 10_000;
const MOST_STEPS = 100_000;

/** `16:128,64:48` on the command line. Throws a UsageError that names the part. */
export const sizesOf = (text: string): SetSize[] => {
  const sizes = text.split(',').map((part) => {
    const [k, steps, ...rest] = part.split(':');
    if (k === undefined || steps === undefined || rest.length > 0) {
      throw new UsageError(`--sets has '${part}', each must be experts:steps such as 16:128`);
    }
    return { k: whole('sets', k, 1, MOST_EXPERTS), steps: whole('sets', steps, 1, MOST_STEPS) };
  });
  const twice = sizes.find(({ k }, i) => sizes.findIndex((other) => other.k === k) < i);
  if (twice !== undefined) throw new UsageError(`--sets has ${twice.k} experts twice`);
  return sizes;
};

const SEED = 1;

/** Numbers of the examples that every prompt may see, of the study and of the tuning alike. */
export const sharedExamples = (setting: Setting): number[] => {
  const visible = spec('sift');
  const shown = new Uint8Array(setting.corpus.examples.length).fill(1);
  for (const prompt of [...setting.study, ...setting.tuning]) {
    for (const scored of ['continuation', 'prompt'] as const) {
      const { mask } = setting.viewOf(prompt, visible, scored);
      for (let i = 0; i < shown.length; i++) shown[i] = (shown[i] as number) & (mask[i] as number);
    }
  }
  return Array.from(shown.keys()).filter((i) => shown[i] === 1);
};

export const expertSet = (setting: Setting, numbers: readonly number[], { k, steps }: SetSize): ExpertSet => {
  const { rows, dimensions, examples } = setting.corpus;
  const clusters = cluster(rows, dimensions, numbers, { k, seed: SEED });
  const plans = clusters.members.map((members, i) => ({
    texts: sampleOf(members, steps, SEED + i).map((example) => at(examples, example).text),
    clusterSize: members.length,
  }));
  return { k, steps, clusters, plans };
};
