// A session's own weights: what is trained, how a gradient changes it, and the whole model's weights afterwards.
// Full fine-tuning copies every parameter; LoRA keeps the base and trains two small factors per linear layer. The base
// arrays are only ever read, so a session that is dropped leaves nothing behind.

import { seededRandom } from '../../../wire/random.ts';
import type { OpenOptions } from '../contract.ts';
import { adamStep, type Moments } from './adam.ts';
import { LORA_SCALE, type Model, weightFeeds } from './model/model.ts';
import { loraTargets } from './model/parameters.ts';
import { loraNames, loraShapes } from './model/transformer.ts';
import { type Feeds, floats } from './runtime.ts';

export type Gradients = ReadonlyMap<string, Float32Array>;

export interface Weights {
  /** LoRA's rank, 0 for full fine-tuning. */
  readonly rank: number;
  /** What the training graph takes. */
  readonly trainingFeeds: Feeds;
  /** Begins a step: what it gives takes each parameter's gradient once, in any order, and changes the parameter at once. */
  update(): (name: string, gradient: Float32Array) => void;
  /** The arrays that a step changes. */
  trained(): Iterable<Float32Array>;
  /** What the scoring and generation graphs take: the tuned model as plain weights. */
  effective(): Feeds;
}

const zerosLike = (arrays: ReadonlyMap<string, Float32Array>): Map<string, Float32Array> =>
  new Map(Array.from(arrays, ([name, { length }]) => [name, new Float32Array(length)]));

const createTrained = (trained: ReadonlyMap<string, Float32Array>, options: OpenOptions) => {
  const m = zerosLike(trained);
  const v = zerosLike(trained);
  let t = 0;
  return () => {
    t += 1;
    return (name: string, gradient: Float32Array): void => {
      const [p, moments] = [trained.get(name), { m: m.get(name), v: v.get(name) }];
      if (p === undefined || moments.m === undefined || moments.v === undefined) throw new Error(`${name} is not trained`);
      adamStep(p, gradient, moments as Moments, t, options.optimiser);
    };
  };
};

const fullWeights = (model: Model, options: OpenOptions): Weights => {
  const copies = new Map(Array.from(model.parameters, ([name, data]) => [name, data.slice()]));
  const feeds = weightFeeds(model.architecture, copies);
  return {
    rank: 0,
    trainingFeeds: feeds,
    update: createTrained(copies, options),
    trained: () => copies.values(),
    effective: () => feeds,
  };
};

/** W + scale·B·A, [out,in]. */
const merged = (w: Float32Array, a: Float32Array, b: Float32Array, rank: number): Float32Array => {
  const into = a.length / rank;
  const out = w.slice();
  for (let row = 0; row < b.length / rank; row++) {
    for (let r = 0; r < rank; r++) {
      const factor = LORA_SCALE * (b[row * rank + r] ?? 0);
      if (factor === 0) continue;
      const from = r * into;
      const to = row * into;
      for (let i = 0; i < into; i++) out[to + i] = (out[to + i] as number) + factor * (a[from + i] as number);
    }
  }
  return out;
};

const loraWeights = (model: Model, options: OpenOptions): Weights => {
  const { architecture } = model;
  const { rank } = options;
  const random = seededRandom(options.seed);
  const factors = new Map<string, Float32Array>();
  const feeds = weightFeeds(architecture, model.parameters);
  for (const [name, shape] of loraShapes(architecture, rank)) {
    const data = new Float32Array(shape[0] * shape[1]);
    // as PEFT: A uniform within 1/√in (Kaiming, a = √5), B zero, so that training starts from the base model
    const bound = 1 / Math.sqrt(shape[1]);
    if (name.includes('lora_A')) for (let i = 0; i < data.length; i++) data[i] = bound * (2 * random() - 1);
    factors.set(name, data);
    feeds[name] = floats(data, shape);
  }
  const update = createTrained(factors, options);
  let tuned: Feeds | undefined = weightFeeds(architecture, model.parameters);
  return {
    rank,
    trainingFeeds: feeds,
    trained: () => factors.values(),
    update() {
      tuned = undefined;
      return update();
    },
    effective() {
      if (tuned !== undefined) return tuned;
      const all = new Map(model.parameters);
      for (const target of loraTargets(architecture)) {
        const names = loraNames(target);
        const [w, a, b] = [all.get(target), factors.get(names.a), factors.get(names.b)];
        if (w === undefined || a === undefined || b === undefined) throw new Error(`no factors for ${target}`);
        all.set(target, merged(w, a, b, rank));
      }
      tuned = weightFeeds(architecture, all);
      return tuned;
    },
  };
};

export const createWeights = (model: Model, options: OpenOptions): Weights =>
  options.method === 'full' ? fullWeights(model, options) : loraWeights(model, options);
