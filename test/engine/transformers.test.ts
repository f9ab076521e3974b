// Text in, text out, against transformers: a SentencePiece Llama and a chat Qwen3 (golden/make_text.py made the values).
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { OpenOptions } from '../../gateway/backends/contract.ts';
import { readCheckpoint } from '../../gateway/backends/embedded/model/checkpoint.ts';
import { createModel, type Model } from '../../gateway/backends/embedded/model/model.ts';
import { createSession } from '../../gateway/backends/embedded/session.ts';
import { at } from '../../wire/list.ts';

const score = z.object({ context: z.string(), text: z.string(), tokens: z.int(), bits: z.number() });
const schema = z.object({
  completions: z.array(z.object({ prompt: z.string(), prompt_tokens: z.int(), text: z.string() })).min(1),
  scores: z.array(score).min(1),
  train: z.object({ examples: z.array(z.string()), losses: z.array(z.number()).min(5), after: score }),
});

const options: OpenOptions = {
  model: 'm',
  method: 'full',
  rank: 8,
  seed: 1,
  reuseGradients: false,
  optimiser: { learningRate: 5e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
};

const complete = async (model: Model, prompt: string, stop: readonly string[] = [], maxTokens = 12) => {
  const sampling = { maxTokens, temperature: 0, topP: 1, topK: 0, stop, seed: 0 };
  const pieces = createSession(model, options).generate(prompt, sampling, () => false);
  let text = '';
  let next = await pieces.next();
  for (; !next.done; next = await pieces.next()) text += next.value.text;
  return { text, ...next.value };
};

describe.each(['spm', 'chat'])('the checkpoint %s', (name) => {
  const directory = new URL(`golden/${name}`, import.meta.url).pathname;
  const golden = schema.parse(JSON.parse(readFileSync(`${directory}/golden.json`, 'utf8')));
  let model: Model;
  beforeAll(async () => {
    model = createModel(await readCheckpoint(directory), 1);
  });

  it.each(golden.completions)('continues $prompt as transformers does', async ({ prompt, prompt_tokens, text }) => {
    expect(await complete(model, prompt)).toMatchObject({ text, promptTokens: prompt_tokens });
  });

  it.each(golden.scores)(
    'scores $text after $context as transformers does',
    async ({ context, text, tokens, bits }) => {
      const own = await createSession(model, options).score(context, text);
      expect(own).toMatchObject({ tokens, bytes: Buffer.byteLength(text) });
      expect(Math.abs(own.bits - bits)).toBeLessThan(1e-4 + 1e-5 * bits);
    },
  );

  it('learns from texts as transformers does', async () => {
    const session = createSession(model, options);
    for (const [i, example] of golden.train.examples.entries()) {
      expect((await session.step(example)).loss).toBeCloseTo(at(golden.train.losses, i), 3);
    }
    const { context, text, bits } = golden.train.after;
    expect((await session.score(context, text)).bits).toBeCloseTo(bits, 1);
  });
});

describe('a template that ends a text too', () => {
  it('is learnt to its end, read in a prompt, and no part of a score', async () => {
    const checkpoint = await readCheckpoint(new URL('golden/spm', import.meta.url).pathname);
    const { tokenizer } = checkpoint;
    const plain = createModel(checkpoint, 1);
    const ended = createModel({ ...checkpoint, tokenizer: { ...tokenizer, after: [2] } }, 1);
    const [one, two] = [createSession(plain, options), createSession(ended, options)];
    expect(await two.score('one', ' two')).toEqual(await one.score('one', ' two'));
    const [without, whole] = [await one.step('one two'), await two.step('one two')];
    expect(whole.tokens).toBe(without.tokens + 1);
    expect((await complete(ended, 'one two')).promptTokens).toBe((await complete(plain, 'one two')).promptTokens + 1);
  });
});

describe('a generation', () => {
  const load = async (name: string) =>
    createModel(await readCheckpoint(new URL(`golden/${name}`, import.meta.url).pathname), 1);
  const turn = '<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n';

  it('stops at a stop string that begins with the space of the first token', async () => {
    const spm = await load('spm');
    expect(await complete(spm, 'The capital of France is', [' Paris'])).toMatchObject({
      text: '',
      finishReason: 'stop',
    });
  });

  it('ends at each of the end tokens, and without them goes on', async () => {
    const chat = await load('chat');
    expect(chat.architecture.ends).toEqual([0, 2]);
    expect(await complete(chat, turn, [], 30)).toMatchObject({ text: 'hello there', finishReason: 'stop' });
    const endless = { ...chat, architecture: { ...chat.architecture, ends: [0] } };
    const { text } = await complete(endless, turn, [], 30);
    expect(text.startsWith('hello there\n')).toBe(true);
  });

  it('stops at a special token that a stop string names, although it is no part of the text', async () => {
    const chat = await load('chat');
    const endless = { ...chat, architecture: { ...chat.architecture, ends: [] } };
    for (const stop of ['<|im_end|>', 'there<|im_end|>\n', '<|im_end|>\n<|im_start|>']) {
      const { text, finishReason } = await complete(endless, turn, [stop], 30);
      expect([stop, text, finishReason]).toEqual([stop, stop.startsWith('there') ? 'hello ' : 'hello there', 'stop']);
    }
  });

  it('begins with the template alone where the prompt is empty, or with the start token where there is none', async () => {
    expect((await complete(await load('spm'), '')).promptTokens).toBe(1);
    expect((await complete(await load('chat'), '')).promptTokens).toBe(1);
  });
});
