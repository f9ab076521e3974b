// One LoRA for each cluster of the corpus: one pass over a bounded number of the cluster's examples, a step on each, from the
// base weights. A file's name is the hash of all that decides its content, so an expert that is there is not trained again,
// and sets of experts that share one share its file.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { EmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import type { Adapter } from '../../gateway/backends/embedded/weights.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { readAdapter, writeAdapter } from './adapter-file.ts';
import { openOptions, type Tuning } from './trajectory.ts';

/** What one expert is made of. */
export interface ExpertPlan {
  /** Texts of its steps, in order. */
  readonly texts: readonly string[];
  /** Examples of its cluster, of which these are some. */
  readonly clusterSize: number;
}

export interface ExpertStore {
  readonly directory: string;
  /** Hash of the base weights. */
  readonly model: string;
  readonly tuning: Tuning;
}

/** So many of the members, none twice, the same for the same seed. */
export const sampleOf = (members: readonly number[], count: number, seed: number): number[] => {
  const random = seededRandom(seed);
  const left = [...members];
  const wanted = Math.min(count, left.length);
  for (let i = 0; i < wanted; i++) {
    const other = i + Math.floor(random() * (left.length - i));
    [left[i], left[other]] = [at(left, other), at(left, i)];
  }
  return left.slice(0, wanted);
};

export const fileOf = ({ directory, model, tuning }: ExpertStore, { texts }: ExpertPlan): string => {
  const { method, rank, learningRate } = tuning;
  const hash = createHash('sha256').update(JSON.stringify([model, method, rank, learningRate]));
  for (const text of texts) hash.update(`${text.length}\n${text}`);
  return join(directory, `${hash.digest('hex').slice(0, 20)}.safetensors`);
};

const never = new AbortController().signal;

/** Read where it is known, else trained and stored; `onStep` after each step. */
export const expertOf = async (
  backend: EmbeddedBackend,
  store: ExpertStore,
  plan: ExpertPlan,
  onStep: () => void = () => {},
): Promise<Adapter> => {
  const file = fileOf(store, plan);
  const known = await readAdapter(file);
  if (known !== undefined) return known.adapter;
  const { tuning, model } = store;
  const session = await backend.open(openOptions('base', tuning), never);
  try {
    for await (const _ of session.train(plan.texts, never)) onStep();
    const adapter = await session.exportAdapter(never);
    const metadata = {
      base_weights: model,
      rank: String(tuning.rank),
      learning_rate: String(tuning.learningRate),
      cluster_size: String(plan.clusterSize),
      steps: String(plan.texts.length),
    };
    await writeAdapter(file, { adapter, metadata }, tuning.rank);
    return adapter;
  } finally {
    await session.close();
  }
};

/** Steps that are still to be made. */
export const stepsLeft = async (store: ExpertStore, plans: readonly ExpertPlan[]): Promise<number> => {
  const known = await Promise.all(plans.map((plan) => readAdapter(fileOf(store, plan))));
  return plans.reduce((sum, { texts }, i) => sum + (known[i] === undefined ? texts.length : 0), 0);
};
