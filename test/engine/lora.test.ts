// A model tuned with LoRA scores and generates as one with the factors merged into its matrices would, without merging
// them: the base's arrays are the ones that its graphs read.
import { describe, expect, it } from 'vitest';
import type { OpenOptions } from '../../gateway/backends/contract.ts';
import { generate } from '../../gateway/backends/embedded/generate.ts';
import { readArchitecture, readWeights } from '../../gateway/backends/embedded/model/checkpoint.ts';
import {
  createModel,
  LORA_SCALE,
  type Model,
  sequenceFeeds,
  weightFeeds,
} from '../../gateway/backends/embedded/model/model.ts';
import { loraTargets, parameterShapes } from '../../gateway/backends/embedded/model/parameters.ts';
import { loraNames } from '../../gateway/backends/embedded/model/transformer.ts';
import { ints } from '../../gateway/backends/embedded/runtime.ts';
import { createWeights, type Tuned, type Weights } from '../../gateway/backends/embedded/weights.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { golden, wordTokenizer } from './variants.ts';

const RANK = 3;
const options: OpenOptions = {
  model: 'm',
  method: 'lora',
  rank: RANK,
  seed: 5,
  reuseGradients: false,
  optimiser: { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
};
const IDS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9];

const open = async (family: string): Promise<Model> => {
  const weights = await readWeights(golden(family), await readArchitecture(golden(family)));
  return createModel({ ...weights, tokenizer: wordTokenizer() }, 1);
};

/** Two steps with gradients of random sign: all factors move far. */
const tune = (weights: Weights): void => {
  const random = seededRandom(1);
  for (let step = 0; step < 2; step++) {
    const update = weights.update();
    for (const [name, { size }] of Object.entries(weights.trainingFeeds)) {
      if (name.includes('.lora_'))
        update(
          name,
          Float32Array.from({ length: size }, () => random() - 0.5),
        );
    }
  }
};

/** W + scale·B·A by the definition. */
const merged = (model: Model, { feeds }: Tuned): Tuned => {
  const shapes = parameterShapes(model.architecture);
  const array = (name: string): Float32Array => {
    const data = feeds[name]?.data;
    if (!(data instanceof Float32Array)) throw new Error(`no ${name}`);
    return data;
  };
  const parameters = new Map(model.parameters);
  for (const target of loraTargets(model.architecture)) {
    const names = loraNames(target);
    const [a, b, w] = [array(names.a), array(names.b), array(target).slice()];
    const into = at(shapes.get(target) ?? [], 1);
    for (const i of w.keys()) {
      const [row, column] = [Math.floor(i / into), i % into];
      for (let r = 0; r < RANK; r++) w[i] = at(w, i) + LORA_SCALE * at(b, row * RANK + r) * at(a, r * into + column);
    }
    parameters.set(target, w);
  }
  return { rank: 0, feeds: weightFeeds(model.architecture, parameters) };
};

const logp = async (model: Model, { rank, feeds }: Tuned): Promise<number[]> => {
  const scoring = await model.scoring(rank);
  const positions = sequenceFeeds(model.architecture, IDS.slice(0, -1));
  const outputs = await scoring.run({ ...feeds, ...positions, targets: ints(IDS.slice(1)) });
  return [...(outputs.logp ?? [])];
};

const greedy = async (model: Model, tuned: Tuned): Promise<string> => {
  const sampling = { maxTokens: 12, temperature: 0, topP: 1, topK: 0, stop: [], seed: 0 };
  let text = '';
  const failed = (what: string) => new Error(what);
  const asked = { tuned, prompt: IDS.join(' '), sampling, cancelled: () => false, notFinite: failed, prefill: {} };
  for await (const piece of generate(model, asked)) text += piece.text;
  return text;
};

describe.each(['llama', 'qwen2', 'phi3', 'gemma3', 'olmo2', 'granite'])('LoRA on a tiny %s', (family) => {
  it('scores and generates as the merged model', async () => {
    const model = await open(family);
    const weights = createWeights(model, options);
    const before = await logp(model, weights.tuned());
    tune(weights);
    const [low, full] = [weights.tuned(), merged(model, weights.tuned())];
    const [ours, theirs] = [await logp(model, low), await logp(model, full)];
    expect(ours).toHaveLength(IDS.length - 1);
    for (const [i, value] of ours.entries()) expect(value).toBeCloseTo(at(theirs, i), 4);
    expect(Math.abs(at(ours, 0) - at(before, 0))).toBeGreaterThan(0.01); // the steps did something
    expect(await greedy(model, low)).toBe(await greedy(model, full));
  });

  it('reads the arrays of the base, and the base alone before the first step', async () => {
    const model = await open(family);
    const weights = createWeights(model, options);
    expect(weights.tuned().rank).toBe(0);
    tune(weights);
    const { rank, feeds } = weights.tuned();
    expect(rank).toBe(RANK);
    for (const name of parameterShapes(model.architecture).keys()) {
      expect(feeds[name]?.data, name).toBe(model.parameters.get(name));
    }
    expect(weights.tuned().feeds).toBe(feeds);
  });
});
