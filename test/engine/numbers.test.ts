// Tuning whose numbers leave float32: refused where the request is read, and an error of the request where it happens.
import { beforeAll, describe, expect, it } from 'vitest';
import type { Adam, OpenOptions } from '../../gateway/backends/contract.ts';
import { adamStep } from '../../gateway/backends/embedded/adam.ts';
import { readCheckpoint } from '../../gateway/backends/embedded/model/checkpoint.ts';
import { createModel, type Model } from '../../gateway/backends/embedded/model/model.ts';
import { createSession } from '../../gateway/backends/embedded/session.ts';
import { parseAs } from '../../wire/body.ts';
import { MAX_BETA, MIN_EPSILON, MIN_LEARNING_RATE } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { tuning } from '../../wire/tune/requests.ts';
import { golden } from './variants.ts';

const usual: Adam = { learningRate: 5e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
const options = (optimiser: Partial<Adam>): OpenOptions => ({
  model: 'spm',
  method: 'full',
  rank: 8,
  seed: 1,
  reuseGradients: false,
  optimiser: { ...usual, ...optimiser },
});
const greedy = { maxTokens: 4, temperature: 0, topP: 1, topK: 0, stop: [], seed: 0 };

let model: Model;
beforeAll(async () => {
  model = createModel(await readCheckpoint(golden('spm')), 1);
});

describe('the numbers of tuning', () => {
  it.each([
    ['epsilon', 1e-60],
    ['epsilon', 1e-45],
    ['epsilon', 1.2e-38],
    ['epsilon', MIN_EPSILON / 1.01],
    ['epsilon', 0],
    ['epsilon', -1],
    ['learning_rate', 1e-60],
    ['learning_rate', 0],
    ['learning_rate', MIN_LEARNING_RATE / 1.01],
    ['beta1', 1],
    ['beta1', 1 - 1e-16],
    ['beta2', 0.999_999_99],
    ['beta2', MAX_BETA + 1e-9],
  ])('%s %s is refused in one sentence', (name, value) => {
    const parsed = tuning.safeParse({ [name]: value });
    expect(parsed.success).toBe(false);
    expect(parsed.error?.issues).toHaveLength(1);
    expect(parsed.error?.issues[0]).toMatchObject({ path: [name] });
  });

  it('are taken up to their limits', () => {
    const edge = { epsilon: MIN_EPSILON, learning_rate: MIN_LEARNING_RATE, beta1: MAX_BETA, beta2: MAX_BETA };
    expect(tuning.parse(edge)).toMatchObject(edge);
    expect(tuning.parse({ epsilon: 1, learning_rate: 1, beta1: 0, beta2: 0 })).toMatchObject({ epsilon: 1, beta1: 0 });
  });

  it('are named in the fault of a request', () => {
    const bytes = new TextEncoder().encode('{"epsilon":1e-60}');
    const parsed = parseAs(bytes as Parameters<typeof parseAs>[0], tuning);
    expect(parsed).toMatchObject({ ok: false, fault: { kind: 'bad_field', param: 'epsilon' } });
  });

  it.each([
    usual,
    { ...usual, epsilon: MIN_EPSILON },
    { ...usual, epsilon: MIN_EPSILON, beta1: MAX_BETA, beta2: MAX_BETA },
  ])('keep a step within a few learning rates for gradients of any size (%o)', (adam) => {
    for (let exponent = -45; exponent <= 15; exponent++) {
      const p = new Float32Array(8);
      const g = Float32Array.of(0, 1, -1, 3, 0, 0, 0.5, -2).map((value) => value * 10 ** exponent);
      const moments = { m: new Float32Array(8), v: new Float32Array(8) };
      for (let t = 1; t <= 3; t++) adamStep(p, g, moments, t, adam);
      for (const value of p) expect(Math.abs(value), `1e${exponent}`).toBeLessThan(5 * adam.learningRate);
      expect(at(p, 0)).toBe(0);
    }
  });
});

describe('weights that are no numbers', () => {
  const sentence =
    /^the backend failed: the (weights|probabilities|logits) are not finite numbers after 1 step at learning_rate \S+ and epsilon \S+; a smaller learning_rate or a larger epsilon may help$/;

  it.each([
    ['an epsilon that float32 does not hold', { epsilon: 1e-60 }],
    ['a learning rate without a bound', { learningRate: 1e38 }],
  ])('after the last step, by %s, are an error of generation and of scoring', async (_, optimiser) => {
    for (const method of ['full', 'lora'] as const) {
      const session = createSession(model, { ...options(optimiser), method });
      const step = await session.step('one two three');
      expect(Number.isFinite(step.loss)).toBe(true);
      const fault = { kind: 'backend' };
      const generated = (async () => session.generate('one', greedy, () => false).next())();
      await expect(generated).rejects.toMatchObject({ fault, message: expect.stringMatching(sentence) });
      await expect(session.score('one', ' two')).rejects.toMatchObject({
        fault,
        message: expect.stringMatching(sentence),
      });
    }
  });

  it('that a checkpoint brings are told as its own', async () => {
    const parameters = new Map(model.parameters);
    parameters.set('model.norm.weight', new Float32Array(64).fill(Number.NaN));
    const checkpoint = await readCheckpoint(golden('spm'));
    const session = createSession(createModel({ ...checkpoint, parameters }, 1), options({}));
    const message = "the backend failed: the probabilities of model 'spm' are not finite numbers";
    await expect(session.score('one', ' two')).rejects.toThrow(message);
    const logits = message.replace('probabilities', 'logits');
    await expect(session.generate('one', greedy, () => false).next()).rejects.toThrow(logits);
  });

  it('leave the next session as it was', async () => {
    const before = await createSession(model, options({})).score('one two', ' three');
    const broken = createSession(model, options({ epsilon: 1e-60 }));
    await broken.step('one');
    expect(await createSession(model, options({})).score('one two', ' three')).toEqual(before);
  });
});
