// A session's own weights: what is trained, how a gradient changes it, and what the tuned model is made of afterwards.
// Full fine-tuning copies every parameter; LoRA keeps the base and trains two small factors per linear layer, which are
// never merged into it: the factors cost a pass less than a tenth more, a merge costs as much as a pass and the memory of
// a second model. The base arrays are only ever read, so a session that is dropped leaves nothing behind.

import { seededRandom } from '../../../wire/random.ts';
import type { OpenOptions } from '../contract.ts';
import { adamStep, type Moments } from './adam.ts';
import { allFinite } from './finite.ts';
import { type Model, weightFeeds } from './model/model.ts';
import { loraShapes } from './model/transformer.ts';
import { type Feeds, floats } from './runtime.ts';

/** Arrays by the name of their parameter. */
export type Gradients = ReadonlyMap<string, Float32Array>;

/** LoRA's factors by name, as loraShapes has them: A [rank,in], B [out,rank], row-major. */
export type Adapter = ReadonlyMap<string, Float32Array>;

export interface Weights {
  /** LoRA's rank, 0 for full fine-tuning. */
  readonly rank: number;
  /** What the training graph takes. */
  readonly trainingFeeds: Feeds;
  /** Begins a step: what it gives takes each parameter's gradient once, in any order, and changes the parameter at once. */
  update(): (name: string, gradient: Float32Array) => void;
  /** Back to the base weights, in place and with fresh moments; later updates are made at this learning rate. */
  restart(learningRate: number): void;
  /** LoRA's factors, copied. Throws for full fine-tuning, which has none. */
  factors(): Adapter;
  /** Begins again from these factors in place of the base weights, at the rate as it is. Throws where they are not of this model and rank. */
  begin(adapter: Adapter): void;
  /** What the steps so far have made, copied, for another session of this model, method and rank. */
  copy(): Gradients;
  /** Begins again from such a copy, with fresh moments. */
  take(copy: Gradients): void;
  /** The arrays that a step changes. */
  trained(): Iterable<Float32Array>;
  /** The tuned model: the base's own arrays until the first step. */
  tuned(): Tuned;
}

/** What the scoring and generation graphs of this rank take. */
export interface Tuned {
  readonly rank: number;
  readonly feeds: Feeds;
}

const copied = (arrays: Gradients): Gradients => new Map(Array.from(arrays, ([name, data]) => [name, data.slice()]));

const zerosLike = (arrays: ReadonlyMap<string, Float32Array>): Map<string, Float32Array> =>
  new Map(Array.from(arrays, ([name, { length }]) => [name, new Float32Array(length)]));

const createTrained = (trained: ReadonlyMap<string, Float32Array>, options: OpenOptions) => {
  const m = zerosLike(trained);
  const v = zerosLike(trained);
  let { optimiser } = options;
  let t = 0;
  const restart = (learningRate = optimiser.learningRate): void => {
    for (const moments of [m, v]) for (const data of moments.values()) data.fill(0);
    optimiser = { ...optimiser, learningRate };
    t = 0;
  };
  const update = () => {
    t += 1;
    return (name: string, gradient: Float32Array): void => {
      const [p, moments] = [trained.get(name), { m: m.get(name), v: v.get(name) }];
      if (p === undefined || moments.m === undefined || moments.v === undefined)
        throw new Error(`${name} is not trained`);
      adamStep(p, gradient, moments as Moments, t, optimiser);
    };
  };
  return { update, restart };
};

const noFactors = (): never => {
  throw new Error('full fine-tuning has no factors: open the session with LoRA');
};

const noArray = (name: string): never => {
  throw new Error(`the copy lacks '${name}'`);
};

/** Throws where an adapter is not of these factors, by name, size and being numbers. */
const checkAdapter = (adapter: Adapter, factors: Adapter): void => {
  for (const name of adapter.keys()) if (!factors.has(name)) throw new Error(`the model has no factor '${name}'`);
  for (const [name, { length }] of factors) {
    const data = adapter.get(name);
    if (data === undefined) throw new Error(`the adapter lacks '${name}'`);
    if (data.length !== length) {
      throw new Error(`'${name}' has ${data.length} values, this model and rank need ${length}`);
    }
    if (!allFinite(data)) throw new Error(`'${name}' holds values that are not finite`);
  }
};

const fullWeights = (model: Model, options: OpenOptions): Weights => {
  const copies = copied(model.parameters);
  const feeds = weightFeeds(model.architecture, copies);
  const { update, restart } = createTrained(copies, options);
  return {
    rank: 0,
    trainingFeeds: feeds,
    update,
    restart(learningRate) {
      restart(learningRate);
      for (const [name, data] of model.parameters) copies.get(name)?.set(data);
    },
    factors: noFactors,
    begin: noFactors,
    copy: () => copied(copies),
    take(copy) {
      restart();
      for (const [name, data] of copies) data.set(copy.get(name) ?? noArray(name));
    },
    trained: () => copies.values(),
    tuned: () => ({ rank: 0, feeds }),
  };
};

const loraWeights = (model: Model, options: OpenOptions): Weights => {
  const { architecture } = model;
  const { rank } = options;
  const factors = new Map<string, Float32Array>();
  const feeds = weightFeeds(architecture, model.parameters);
  for (const [name, shape] of loraShapes(architecture, rank)) {
    const data = new Float32Array(shape[0] * shape[1]);
    factors.set(name, data);
    feeds[name] = floats(data, shape);
  }
  const { update, restart } = createTrained(factors, options);
  // as long as B is zero the base itself does, in a graph without factors
  const untuned: Tuned = { rank: 0, feeds: weightFeeds(architecture, model.parameters) };
  let tuned = untuned;
  const beginAnew = (): void => {
    const random = seededRandom(options.seed);
    for (const [name, [, into]] of loraShapes(architecture, rank)) {
      const data = factors.get(name);
      // as PEFT: A uniform within 1/√in (Kaiming, a = √5), B zero, so that training starts from the base model
      const bound = 1 / Math.sqrt(into);
      if (!name.includes('lora_A')) data?.fill(0);
      else if (data !== undefined) for (let i = 0; i < data.length; i++) data[i] = bound * (2 * random() - 1);
    }
    tuned = untuned;
  };
  beginAnew();
  const begin = (adapter: Adapter): void => {
    checkAdapter(adapter, factors);
    restart();
    for (const [name, data] of factors) data.set(adapter.get(name) as Float32Array); // checked
    tuned = { rank, feeds };
  };
  return {
    rank,
    trainingFeeds: feeds,
    trained: () => factors.values(),
    update() {
      tuned = { rank, feeds };
      return update();
    },
    restart(learningRate) {
      restart(learningRate);
      beginAnew();
    },
    factors: () => copied(factors),
    begin,
    copy: () => copied(factors),
    take: begin,
    tuned: () => tuned,
  };
};

export const createWeights = (model: Model, options: OpenOptions): Weights =>
  options.method === 'full' ? fullWeights(model, options) : loraWeights(model, options);
