// One prompt served in one way: from base weights, tuned on its own picks, with picks in its context, or from experts merged for
// it, and then perhaps steps on its picks. What is timed is all that a request adds before its prompt is read: choosing
// examples or experts, opening the session, merging, steps. Embedding the prompt is the same for all and left out.

import type { EmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import type { Adapter } from '../../gateway/backends/embedded/weights.ts';
import { placeExamples } from '../../gateway/context.ts';
import { layout } from '../../wire/context.ts';
import { at } from '../../wire/list.ts';
import type { RankedPick } from '../../wire/tune/requests.ts';
import { merge, weigh } from '../choose/experts.ts';
import type { Prompt } from '../material/prompts.ts';
import { short } from '../statistics.ts';
import { openOptions, type Tuning } from './trajectory.ts';

export interface ExpertArm {
  readonly name: string;
  /** Clusters of the set that experts are taken from; absent: none. */
  readonly k?: number;
  /** How many experts are merged. */
  readonly top?: number;
  /** How picks are chosen, where some are used. */
  readonly strategy?: 'nn' | 'sift';
  /** Steps on picks. */
  readonly steps: number;
  /** Picks that go into the context, as far as there is room. */
  readonly context: number;
  /** With experts the rank is theirs together. */
  readonly tuning: Tuning;
}

export interface ExpertRow {
  readonly prompt: string;
  readonly domain: string;
  readonly arm: string;
  /** Of the continuation. */
  readonly bitsPerByte: number;
  /** Milliseconds before the prompt is read, and of reading it with its continuation. */
  readonly ms: number;
  readonly readMs: number;
  /** Tokens of each step, and of the prompt with the examples before it. */
  readonly trained: readonly number[];
  readonly read: number;
  /** Of the factors that are read with; 0: none. */
  readonly rank: number;
}

/** Experts of a set that are ready. */
export interface Ready {
  readonly centroids: readonly Float32Array[];
  /** By the number of the cluster: those that some prompt is given. */
  readonly adapters: ReadonlyMap<number, Adapter>;
  readonly rank: number;
}

export interface Served {
  readonly backend: EmbeddedBackend;
  readonly temperature: number;
  /** By the number of clusters. */
  readonly sets: ReadonlyMap<number, Ready>;
  readonly vectorOf: (prompt: Prompt) => Float32Array;
  readonly picksOf: (prompt: Prompt, strategy: 'nn' | 'sift') => Promise<readonly RankedPick[]>;
}

const never = new AbortController().signal;

/** The factors of the experts that a prompt is given, and their rank. */
export const merged = (
  { centroids, adapters, rank }: Ready,
  vector: Float32Array,
  top: number,
  temperature: number,
): { readonly adapter: Adapter; readonly rank: number } => {
  const chosen = weigh(vector, centroids, { top, temperature });
  const adapter = merge(
    chosen.map(({ expert, weight }) => {
      const adapter = adapters.get(expert);
      if (adapter === undefined) throw new Error(`expert ${expert} is not trained`);
      return { adapter, weight };
    }),
    rank,
  );
  return { adapter, rank: rank * chosen.length };
};

export const serve = async (served: Served, arm: ExpertArm, prompt: Prompt): Promise<ExpertRow> => {
  const { backend, sets, temperature } = served;
  const { k, top = 1, strategy, steps, context } = arm;
  const started = performance.now();
  const picks = strategy === undefined ? [] : await served.picksOf(prompt, strategy);
  const set = k === undefined ? undefined : sets.get(k);
  if (k !== undefined && set === undefined) throw new Error(`no set of ${k} experts`);
  const experts = set === undefined ? undefined : merged(set, served.vectorOf(prompt), top, temperature);
  const tuning = experts === undefined ? arm.tuning : { ...arm.tuning, rank: experts.rank };
  const session = await backend.open(openOptions('base', tuning), never);
  try {
    if (experts !== undefined) await session.importAdapter(experts.adapter, never);
    const texts = picks.slice(0, steps).map(({ text }) => text);
    const trained = (await Array.fromAsync(session.train(texts, never))).map(({ tokens }) => tokens);
    const window = at(backend.models, 0).contextTokens;
    const asked = {
      picks: picks.slice(0, context),
      layout: layout.parse({}),
      prompt: prompt.prompt,
      following: prompt.continuation,
    };
    const before =
      context === 0
        ? prompt.prompt
        : (
            await placeExamples(
              (some) => session.count(some, never),
              asked,
              () => window,
            )
          ).prompt;
    const ready = performance.now();
    const { bits, bytes } = await session.score(before, prompt.continuation, never);
    const readMs = performance.now() - ready;
    const [read = 0] = await session.count([before], never);
    const rank = experts?.rank ?? (tuning.method === 'lora' && trained.length > 0 ? tuning.rank : 0);
    return {
      prompt: prompt.id,
      domain: prompt.domain,
      arm: arm.name,
      bitsPerByte: short(bits / bytes, 5),
      ms: short(ready - started, 2),
      readMs: short(readMs, 2),
      trained,
      read,
      rank,
    };
  } finally {
    await session.close();
  }
};

/** How many experts are merged. */
export const TOPS = [1, 3, 5];
/** Of them, those that steps or a context come on top of. */
const GONE_ON = 3;

/** Everything that is compared: `sets` by their numbers of clusters; further steps on the last of them. */
export const expertArms = (
  sets: readonly number[],
  tunings: { readonly full: Tuning; readonly lora: Tuning },
  steps: number,
): ExpertArm[] => {
  const { full, lora } = tunings;
  const alone = { steps: 0, context: 0, tuning: lora };
  const last = at(sets, sets.length - 1);
  return [
    { ...alone, name: 'base' },
    { ...alone, name: `NN, ${steps} steps`, strategy: 'nn', steps, tuning: full },
    { ...alone, name: `SIFT, ${steps} steps`, strategy: 'sift', steps, tuning: full },
    { ...alone, name: `SIFT, ${steps} steps, LoRA`, strategy: 'sift', steps },
    { ...alone, name: 'SIFT in the context', strategy: 'sift', context: steps },
    ...sets.flatMap((k) => TOPS.map((top) => ({ ...alone, name: `${k} experts, top ${top}`, k, top }))),
    ...[2, steps].map((on) => ({
      ...alone,
      name: `${last} experts, top ${GONE_ON}, then SIFT, ${on} steps, LoRA`,
      k: last,
      top: GONE_ON,
      strategy: 'sift' as const,
      steps: on,
      // alpha grows with the rank, so steps of one rate move a weight in proportion to it
      tuning: { ...lora, learningRate: lora.learningRate / GONE_ON },
    })),
    {
      ...alone,
      name: `${last} experts, top ${GONE_ON}, SIFT in the context`,
      k: last,
      top: GONE_ON,
      strategy: 'sift',
      context: steps,
    },
  ];
};
