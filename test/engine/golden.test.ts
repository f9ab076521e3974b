// The engine against PyTorch, transformers and PEFT on a tiny checkpoint of each family (golden/make.py made them).
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { adamStep } from '../../gateway/backends/embedded/adam.ts';
import { readArchitecture, readWeights } from '../../gateway/backends/embedded/model/checkpoint.ts';
import { createModel, type Model, sequenceFeeds, weightFeeds } from '../../gateway/backends/embedded/model/model.ts';
import { loraShapes } from '../../gateway/backends/embedded/model/transformer.ts';
import { type Feeds, floats, ints } from '../../gateway/backends/embedded/runtime.ts';
import { createSession, TRAIN_TOKENS } from '../../gateway/backends/embedded/session.ts';
import { wordTokenizer } from './variants.ts';

const array = z.string().transform((text) => new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer));
const adam = z.object({
  learning_rate: z.number(),
  weight_decay: z.number(),
  losses: z.array(z.number()).length(5),
  after: z.number(),
});
const schema = z.object({
  ids: z.array(z.int()),
  loss: z.number(),
  gradients: z.record(z.string(), array),
  adam,
  greedy: z.object({ prompt: z.array(z.int()), continuation: z.array(z.int()) }),
  long: z.object({ ids: z.array(z.int()), nats: z.number(), cut_loss: z.number() }),
  lora: z.object({
    rank: z.int(),
    loss: z.number(),
    factors: z.record(z.string(), array),
    gradients: z.record(z.string(), array),
    adam,
  }),
});
type Golden = z.output<typeof schema>;

/** Largest difference relative to the largest value. */
const error = (actual: ArrayLike<number> | undefined, expected: Float32Array): number => {
  if (actual === undefined || actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  let scale = 0;
  for (const [i, value] of expected.entries()) {
    worst = Math.max(worst, Math.abs((actual[i] ?? Number.NaN) - value));
    scale = Math.max(scale, Math.abs(value));
  }
  return worst / scale;
};

const optimiser = { learningRate: 2e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
const options = { model: 'm', method: 'full' as const, rank: 4, seed: 1, reuseGradients: false, optimiser };

const NAMES = [
  'qwen3',
  'llama',
  'qwen2',
  'other_head',
  'llama3',
  'mistral',
  'phi3',
  'gemma2',
  'gemma3',
  'smollm3',
  'olmo2',
  'granite',
];

describe.each(NAMES)('a tiny %s', (name) => {
  let golden: Golden;
  let model: Model;
  beforeAll(async () => {
    const directory = new URL(`golden/${name}`, import.meta.url).pathname;
    golden = schema.parse(JSON.parse(readFileSync(`${directory}/golden.json`, 'utf8')));
    const weights = await readWeights(directory, await readArchitecture(directory));
    model = createModel({ ...weights, tokenizer: wordTokenizer() }, 1);
  });

  const stepFeeds = (ids: readonly number[]) => ({
    ...sequenceFeeds(model.architecture, ids.slice(0, -1)),
    targets: ints(ids.slice(1)),
    weights: floats(new Float32Array(ids.length - 1).fill(1 / (ids.length - 1)), [ids.length - 1]),
  });

  it('has the loss and every gradient of transformers', async () => {
    const training = await model.training(0);
    const outputs = await training.run({
      ...weightFeeds(model.architecture, model.parameters),
      ...stepFeeds(golden.ids),
    });
    expect(outputs.loss?.[0]).toBeCloseTo(golden.loss, 5);
    expect(Object.keys(golden.gradients).length).toBe(model.parameters.size);
    for (const [parameter, gradient] of Object.entries(golden.gradients)) {
      expect(error(outputs[`grad:${parameter}`], gradient), parameter).toBeLessThan(2e-5);
    }
  });

  it('has the LoRA gradients of PEFT', async () => {
    const { rank, factors, gradients, loss } = golden.lora;
    const shapes = loraShapes(model.architecture, rank);
    expect([...shapes.keys()].sort()).toEqual(Object.keys(factors).sort());
    const training = await model.training(rank);
    const feeds = weightFeeds(model.architecture, model.parameters);
    for (const [factor, data] of Object.entries(factors)) feeds[factor] = floats(data, shapes.get(factor) ?? []);
    const outputs = await training.run({ ...feeds, ...stepFeeds(golden.ids) });
    expect(outputs.loss?.[0]).toBeCloseTo(loss, 5);
    for (const [factor, gradient] of Object.entries(gradients)) {
      expect(error(outputs[`grad:${factor}`], gradient), factor).toBeLessThan(2e-5);
    }
  });

  it('takes the same five Adam steps as PyTorch', async () => {
    // each example of PyTorch begins with another token, which here the template puts there
    const own = { ...model, tokenizer: wordTokenizer() };
    const session = createSession(own, options);
    for (const [n, loss] of golden.adam.losses.entries()) {
      const ids = [...golden.ids.slice(n), ...golden.ids.slice(0, n)];
      own.tokenizer = wordTokenizer(ids.slice(0, 1));
      const step = await session.step(ids.slice(1).join(' '));
      expect(step).toMatchObject({ tokens: ids.length - 1, truncated: false, reused: false });
      expect(step.loss).toBeCloseTo(loss, 4);
    }
    own.tokenizer = wordTokenizer(golden.ids.slice(0, 1));
    const after = await session.score('', golden.ids.slice(1).join(' '));
    expect((after.bits * Math.LN2) / (golden.ids.length - 1)).toBeCloseTo(golden.adam.after, 4);
  });

  it('takes the same five Adam steps on LoRA factors as PEFT', async () => {
    const { rank, adam, factors } = golden.lora;
    const shapes = loraShapes(model.architecture, rank);
    const own = Object.entries(factors).map(([factor, data]) => ({
      factor,
      data: data.slice(),
      shape: shapes.get(factor) ?? [],
      moments: { m: new Float32Array(data.length), v: new Float32Array(data.length) },
    }));
    const training = await model.training(rank);
    const run = async (ids: readonly number[]) => {
      const feeds: Feeds = { ...weightFeeds(model.architecture, model.parameters), ...stepFeeds(ids) };
      for (const { factor, data, shape } of own) feeds[factor] = floats(data, shape);
      return training.run(feeds);
    };
    for (const [n, loss] of adam.losses.entries()) {
      const outputs = await run([...golden.ids.slice(n), ...golden.ids.slice(0, n)]);
      expect(outputs.loss?.[0]).toBeCloseTo(loss, 4);
      for (const { factor, data, moments } of own) {
        adamStep(data, outputs[`grad:${factor}`] ?? new Float32Array(), moments, n + 1, optimiser);
      }
    }
    expect((await run(golden.ids)).loss?.[0]).toBeCloseTo(adam.after, 4);
  });

  it('cuts an example to the context, and to 1,024 tokens, and says so', async () => {
    const { ids, cut_loss } = golden.long;
    const own = { ...model, tokenizer: wordTokenizer(ids.slice(0, 1)) };
    const { context } = model.architecture;
    const step = (words: readonly number[], longer = own) => createSession(longer, options).step(words.join(' '));
    const cut = await step(ids.slice(1));
    expect(cut).toMatchObject({ tokens: context, truncated: true });
    expect(cut.loss).toBeCloseTo(cut_loss, 5);
    expect(await step(ids.slice(1, 1 + context))).toMatchObject({ tokens: context, truncated: false, loss: cut.loss });
    expect(await step(ids.slice(1, 2 + context))).toMatchObject({ tokens: context, truncated: true, loss: cut.loss });
    expect(await step(ids.slice(1, context))).toMatchObject({ tokens: context - 1, truncated: false });
    const wide = { ...own, architecture: { ...model.architecture, context: 2_048 } };
    const many = Array.from({ length: 1_025 }, (_, i) => 1 + (i % 50));
    expect(await step(many, wide)).toMatchObject({ tokens: TRAIN_TOKENS, truncated: true });
    expect(await step(many.slice(0, 1_024), wide)).toMatchObject({ tokens: 1_024, truncated: false });
  });

  it('scores a text longer than the context in windows that overlap by half', async () => {
    const { ids, nats } = golden.long;
    const session = createSession({ ...model, tokenizer: wordTokenizer(ids.slice(0, 1)) }, options);
    const score = await session.score('', ids.slice(1).join(' '));
    expect(score.tokens).toBe(ids.length - 1);
    expect(score.bits * Math.LN2).toBeCloseTo(nats, 2);
  });

  it('fills the context with prompt and continuation, and refuses a prompt that leaves no room', async () => {
    const { context } = model.architecture;
    const session = createSession({ ...model, architecture: { ...model.architecture, ends: [] } }, options);
    const run = async (words: number, maxTokens: number) => {
      const prompt = Array.from({ length: words }, (_, i) => 1 + (i % 50)).join(' ');
      const sampling = { maxTokens, temperature: 0, topP: 1, topK: 0, stop: [], seed: 0 };
      const pieces = session.generate(prompt, sampling, () => false);
      let next = await pieces.next();
      while (!next.done) next = await pieces.next();
      return next.value;
    };
    const end = (promptTokens: number, completionTokens: number) => ({
      finishReason: 'length',
      promptTokens,
      completionTokens,
    });
    expect(await run(context - 1, 10)).toEqual(end(context - 1, 1));
    expect(await run(context - 5, 10)).toEqual(end(context - 5, 5));
    expect(await run(context - 5, 5)).toEqual(end(context - 5, 5));
    expect(await run(context - 5, 4)).toEqual(end(context - 5, 4));
    expect(await run(context - 5, 0)).toEqual(end(context - 5, 0));
    for (const words of [context, context + 1]) {
      await expect(run(words, 1)).rejects.toMatchObject({
        fault: { kind: 'context_length', param: 'prompt', got: words, limit: context },
      });
    }
  });

  it('scores with the same loss, whatever the split of context and text', async () => {
    const session = createSession(model, options);
    const nats = golden.loss * (golden.ids.length - 1);
    const words = golden.ids.slice(1);
    const whole = await session.score('', words.join(' '));
    expect(whole.bits * Math.LN2).toBeCloseTo(nats, 3);
    const first = await session.score('', words.slice(0, 8).join(' '));
    const rest = await session.score(words.slice(0, 8).join(' '), ` ${words.slice(8).join(' ')}`);
    expect(first.bits + rest.bits).toBeCloseTo(whole.bits, 3);
    expect(whole.tokens).toBe(words.length);
    expect(whole.bytes).toBe(words.join(' ').length);
  });

  it('generates the same tokens greedily, through the cache', async () => {
    const session = createSession(model, options);
    const { prompt, continuation } = golden.greedy;
    const sampling = { maxTokens: continuation.length, temperature: 0, topP: 1, topK: 0, stop: [], seed: 0 };
    let text = '';
    const pieces = session.generate(prompt.join(' '), sampling, () => false);
    let next = await pieces.next();
    for (; !next.done; next = await pieces.next()) text += next.value.text;
    const end = continuation.indexOf(0); // the end token ends the text
    const expected = end < 0 ? continuation : continuation.slice(0, end);
    expect(text.trim().split(' ').filter(Boolean).map(Number)).toEqual(expected);
    expect(next.value).toMatchObject({ promptTokens: prompt.length, completionTokens: expected.length });
  });

  it('starts LoRA from the base model and moves away from it', async () => {
    const session = createSession(model, { ...options, method: 'lora' });
    const text = golden.ids.slice(1).join(' ');
    const before = await session.score('', text);
    expect(before.bits * Math.LN2).toBeCloseTo(golden.loss * (golden.ids.length - 1), 3);
    for (let n = 0; n < 10; n++) await session.step(text);
    expect((await session.score('', text)).bits).toBeLessThan(before.bits);
  });

  it('reuses the gradient of a repeated example on its even steps, when asked', async () => {
    const text = golden.ids.slice(1).join(' ');
    const run = async (reuseGradients: boolean) => {
      const session = createSession(model, { ...options, reuseGradients });
      const steps = [];
      for (const example of [text, text, '7 7 7', text, text]) steps.push(await session.step(example));
      return { reused: steps.map(({ reused }) => reused), bits: (await session.score('', text)).bits };
    };
    const base = (await createSession(model, options).score('', text)).bits;
    const [plain, reusing] = [await run(false), await run(true)];
    expect(plain.reused).toEqual([false, false, false, false, false]);
    expect(reusing.reused).toEqual([false, true, false, false, true]);
    expect(reusing.bits).not.toBe(plain.bits);
    // it learns nearly as much as with all five gradients
    expect(base - reusing.bits).toBeGreaterThan(0.5 * (base - plain.bits));
  });

  it('leaves the base weights as they were', async () => {
    const before = new Map(Array.from(model.parameters, ([key, data]) => [key, data.slice()]));
    for (const method of ['full', 'lora'] as const) {
      const session = createSession(model, { ...options, method });
      await session.step(golden.ids.join(' '));
    }
    for (const [key, data] of model.parameters) expect(data, key).toEqual(before.get(key));
  });
});
