// Examples in the context with the shipped model and its own tokenizer: the window is filled to the token, the text that
// comes out is that of the same prompt written by hand, and a text that is like its examples needs fewer bits.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../gateway/backends/contract.ts';
import { createEmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import { score, tune } from '../../gateway/tune.ts';
import { settleUse } from '../../gateway/use.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import { readTokenizer } from '../../tokenizer/read.node.ts';
import { at } from '../../wire/list.ts';
import { scoreRequest, tuneRequest } from '../../wire/tune/requests.ts';
import type { ScoreResponse, TuneEvent } from '../../wire/tune/responses.ts';

const directory = new URL('../../models/base', import.meta.url).pathname;
const VOCABULARY = 8_192;
const CONTEXT = 1_024;
const never = new AbortController().signal;
const recipe = (name: string): string =>
  `## ${name}.brew(options)\n\nBrews a pot of ${name} with the given options and returns a \`Promise<Pot>\`.\n`;
const picks = ['coffee', 'mate', 'cocoa'].map((name) => ({ id: name, text: recipe(name) }));

let backend: Backend;
let tokenizer: Tokenizer;
beforeAll(async () => {
  backend = await createEmbeddedBackend({ models: { base: directory } });
  tokenizer = await readTokenizer(directory, VOCABULARY);
});
afterAll(() => backend?.close());

const served = () => ({ backend, model: at(backend.models, 0) });
const now = () => performance.now();
const run = (body: object): Promise<TuneEvent[]> => {
  const request = settleUse(served().model, tuneRequest.parse({ model: 'base', ...body }));
  return Array.fromAsync(tune(served(), request, 0, never, now));
};
const scored = (body: object): Promise<ScoreResponse> =>
  score(served(), settleUse(served().model, scoreRequest.parse({ model: 'base', ...body })), 0, never, now);
const of = <E extends TuneEvent['event']>(events: readonly TuneEvent[], name: E) =>
  events.filter((event): event is Extract<TuneEvent, { event: E }> => event.event === name);
const textOf = (events: readonly TuneEvent[]): string =>
  of(events, 'token')
    .map(({ text }) => text)
    .join('');
const tokensOf = (text: string): number => tokenizer.encode(text).length;

describe('a prompt with examples before it', () => {
  it('is counted to the token, and goes on as the same prompt written by hand', async () => {
    const prompt = '## tea.brew(options)\n';
    const sampling = { max_tokens: 24, temperature: 0 };
    const whole = [...picks.map(({ text }) => text), prompt].join('\n\n');
    const [with_, byHand] = [
      await run({ prompt, picks, use: 'context', sampling }),
      await run({ prompt: whole, sampling }),
    ];
    expect(of(with_, 'context')).toEqual([
      { event: 'context', examples: 3, dropped: 0, tokens: tokensOf(whole) - tokensOf(prompt) },
    ]);
    expect(at(of(with_, 'usage'), 0).usage).toMatchObject({ prompt_tokens: tokensOf(whole), steps: 0 });
    expect(textOf(with_)).toBe(textOf(byHand));
    expect(textOf(with_)).not.toBe('');
    // the base model alone says something else
    expect(textOf(with_)).not.toBe(textOf(await run({ prompt, sampling })));
  });

  it('fills the window: one example more would not fit beside the prompt and max_tokens', async () => {
    const prompt = 'Größe 🌍, `ナイト`:\n';
    const many = Array.from({ length: 100 }, (_, i) => ({ id: `${i}`, text: `${i}. ${recipe(`pot${i}`)}` }));
    for (const max_tokens of [1, 16, 100]) {
      const events = await run({ prompt, picks: many, use: 'context', sampling: { max_tokens, temperature: 0 } });
      const { examples, dropped, tokens } = at(of(events, 'context'), 0);
      const written = (n: number) => [...many.slice(many.length - n).map(({ text }) => text), prompt].join('\n\n');
      expect(examples + dropped).toBe(100);
      expect(tokens).toBe(tokensOf(written(examples)) - tokensOf(prompt));
      expect(tokensOf(written(examples))).toBeLessThanOrEqual(CONTEXT - max_tokens);
      expect(tokensOf(written(examples + 1))).toBeGreaterThan(CONTEXT - max_tokens);
      expect(at(of(events, 'usage'), 0).usage.prompt_tokens).toBe(tokensOf(written(examples)));
    }
  });

  it('still has examples where more is asked for than the window holds, and still answers', async () => {
    const prompt = 'word '.repeat(500);
    const events = await run({
      prompt,
      picks,
      use: 'context',
      sampling: { max_tokens: 2_048, temperature: 0, stop: ['e'] },
    });
    expect(at(of(events, 'context'), 0).examples).toBe(3);
    expect(of(events, 'done')).toHaveLength(1);
  });
});

describe('a score with examples in the context', () => {
  const body = { context: '', text: recipe('tea'), picks };

  it('takes fewer bits for a text like them, tuned or not, and says as much of the base', async () => {
    const context = await scored({ ...body, use: 'context' });
    const both = await scored({ ...body, use: 'both' });
    const tuned = await scored(body);
    expect(context.after.bits_per_byte).toBeLessThan(0.7 * context.before.bits_per_byte);
    expect(both.after.bits_per_byte).toBeLessThan(tuned.after.bits_per_byte);
    expect([context.before, both.before]).toEqual([tuned.before, tuned.before]);
    expect(context.context).toEqual(both.context);
    expect([context.steps.length, both.steps.length]).toEqual([0, 3]);
    // the same as the examples written into the context by hand
    const byHand = await scored({ context: `${picks.map(({ text }) => text).join('\n\n')}\n\n`, text: body.text });
    expect(context.after).toEqual(byHand.before);
  });

  it('puts none before a text that slides through several windows', async () => {
    const long = await scored({ ...body, text: 'word '.repeat(1_100), use: 'context' });
    expect(long.context).toEqual({ examples: 0, dropped: 3, tokens: 0 });
    expect(long.after).toEqual(long.before);
  });

  it('keeps every example in the one window that reads context and text', async () => {
    // filled to the last token: what the window cannot hold would be scored without its beginning
    const many = Array.from({ length: 60 }, (_, i) => ({ id: `${i}`, text: `${i}. ${recipe(`pot${i}`)}` }));
    const { context } = await scored({ ...body, picks: many, use: 'context' });
    const examples = context?.examples ?? 0;
    const written = (n: number) =>
      `${many
        .slice(60 - n)
        .map(({ text }) => text)
        .join('\n\n')}\n\n${body.text}`;
    expect(tokensOf(written(examples))).toBeLessThanOrEqual(CONTEXT);
    expect(tokensOf(written(examples + 1))).toBeGreaterThan(CONTEXT);
  });
});
