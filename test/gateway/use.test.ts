// What picks are used for, over HTTP: steps, a place before the prompt, or both; what is told of it; and what is refused.
import { describe, expect, it } from 'vitest';
import { registryOf } from '../../gateway/backends/registry.ts';
import { BOTH_FROM_TOKENS } from '../../wire/limits.ts';
import { scoreResponse, tuneResponse } from '../../wire/tune/responses.ts';
import { fakeBackend, fakeModel } from './fake-backend.ts';
import { allEvents, errorOf, json, picks, request, serve, start } from './harness.ts';

const WHOLE = 'one\n\ntwo\n\nthree\n\nSay';
const sampling = { max_tokens: 16, temperature: 0 };
const asked = { ...request, sampling };

/** A model of a few tokens of context; a token of the fake backend is a character. */
const withContext = (contextTokens: number) => {
  const backend = fakeBackend({ models: [fakeModel({ contextTokens })] });
  return serve({ registry: registryOf(backend) }).then((served) => ({ backend, ...served }));
};

describe('picks in the context', () => {
  it('go before the prompt, and no step is made', async () => {
    const { backend, call } = await start();
    const { response } = await call('/v1/tune', { ...asked, use: 'context' });
    const answer = await json(response, tuneResponse);
    expect(backend.log).toEqual([`generate ${WHOLE} 0`]);
    expect(answer).toMatchObject({
      choices: [{ text: 'Hello' }],
      steps: [],
      context: { examples: 3, dropped: 0, tokens: WHOLE.length - 3 },
      usage: { prompt_tokens: WHOLE.length, steps: 0, tuning_tokens: 0 },
    });
  });

  it('are tuned on too with `both`', async () => {
    const { backend, call } = await start();
    const { response } = await call('/v1/tune', { ...asked, use: 'both' });
    expect(backend.log).toEqual(['step one', 'step two', 'step three', `generate ${WHOLE} 0`]);
    expect(await json(response, tuneResponse)).toMatchObject({ context: { examples: 3 }, usage: { steps: 3 } });
  });

  it.each([
    [BOTH_FROM_TOKENS - 1, {}, 'generate Say 0'],
    [BOTH_FROM_TOKENS, {}, `generate ${WHOLE} 0`],
    [BOTH_FROM_TOKENS, { use: 'auto' }, `generate ${WHOLE} 0`],
    [BOTH_FROM_TOKENS, { use: 'tune' }, 'generate Say 0'],
  ])('follow the window where nothing is said: %d tokens, %o', async (contextTokens, more, generated) => {
    const { backend, call } = await withContext(contextTokens);
    const { response } = await call('/v1/tune', { ...asked, ...more });
    expect(backend.log).toEqual(['step one', 'step two', 'step three', generated]);
    expect('context' in (await json(response, tuneResponse))).toBe(generated.includes(WHOLE));
    const scored = await call('/v1/score', { model: 'base', text: 'Say', picks: request.picks, ...more });
    expect('context' in (await json(scored.response, scoreResponse))).toBe(generated.includes(WHOLE));
  });

  it('are told of in a stream after the steps and before the text', async () => {
    const { call } = await start();
    const { response } = await call('/v1/tune', { ...asked, use: 'both', stream: true });
    const events = await allEvents(response);
    expect(events.map(({ event }) => event)).toEqual([
      ...['step', 'step', 'step', 'context', 'token', 'token', 'finish', 'usage', 'done'],
    ]);
    expect(events[3]).toEqual({ event: 'context', examples: 3, dropped: 0, tokens: WHOLE.length - 3 });
    const alone = await allEvents(
      (await call('/v1/tune', { ...asked, picks: [], use: 'context', stream: true })).response,
    );
    expect(alone[0]).toEqual({ event: 'context', examples: 0, dropped: 0, tokens: 0 });
  });

  it('follow their similarity and the caller’s template', async () => {
    const { backend, call } = await start();
    const body = {
      ...asked,
      use: 'context',
      picks: [
        { id: 'a', text: '{prompt} near', similarity: 0.9, source: 'a.md' },
        { id: 'b', text: 'far', similarity: 0.1 },
      ],
      layout: { template: 'Notes:\n{examples}\nQ: {prompt}', example_template: '{source}>{text}', separator: ' | ' },
    };
    await call('/v1/tune', body);
    expect(backend.log).toEqual(['generate Notes:\n>far | a.md>{prompt} near\nQ: Say 0']);
  });
});

describe('a short context', () => {
  it('takes what fits beside the prompt and max_tokens, the nearest first', async () => {
    // `two`, `three` and `Say` with two blank lines are 15, and 11 are to be generated
    const { backend, call } = await withContext(26);
    const { response } = await call('/v1/tune', {
      ...asked,
      sampling: { max_tokens: 11, temperature: 0 },
      use: 'context',
    });
    expect(backend.log).toEqual(['generate two\n\nthree\n\nSay 0']);
    expect(await json(response, tuneResponse)).toMatchObject({ context: { examples: 2, dropped: 1, tokens: 12 } });
  });

  it('keeps half of what the prompt leaves for examples, whatever max_tokens is', async () => {
    const { backend, call } = await withContext(26);
    await call('/v1/tune', { ...asked, sampling: { max_tokens: 2_048, temperature: 0 }, use: 'context' });
    // 23 are left, 11 of them for the answer: twelve for examples
    expect(backend.log).toEqual(['generate two\n\nthree\n\nSay 0']);
  });

  it('leaves one token even where none is asked for, and drops all where nothing fits', async () => {
    const { backend, call } = await withContext(16);
    const none = { ...asked, sampling: { max_tokens: 0 }, use: 'context' };
    await call('/v1/tune', { ...none, picks: [{ id: 'x', text: '0123456789' }] });
    await call('/v1/tune', { ...none, picks: [{ id: 'x', text: '01234567890' }] });
    expect(backend.log).toEqual(['generate 0123456789\n\nSay 1', 'generate Say 1']);
  });

  it('is refused for a prompt that does not fit by itself, before anything is counted or tuned', async () => {
    const { backend, call } = await start({ contextTokens: 512, failAt: 'count' });
    const { response } = await call('/v1/tune', { ...asked, use: 'both' });
    expect(await errorOf(response)).toMatchObject({ code: 'context_length_exceeded', param: 'prompt' });
    expect(backend.log).toEqual([]);
  });
});

describe('a model that cannot be tuned', () => {
  it('still takes examples in the context', async () => {
    const capabilities = {
      methods: ['lora'],
      maxRank: 4,
      logprobs: false,
      topLogprobs: 0,
      penalties: false,
      streaming: true,
      pipelined: false,
    } as const;
    const backend = fakeBackend({ models: [fakeModel({ capabilities })] });
    const { call } = await serve({ registry: registryOf(backend) });
    const tuning = { method: 'full' };
    expect((await call('/v1/tune', { ...asked, tuning, use: 'context' })).response.status).toBe(200);
    expect(backend.opened[0]?.method).toBe('lora');
    const { response } = await call('/v1/tune', { ...asked, tuning, use: 'both' });
    expect(await errorOf(response)).toMatchObject({ param: 'tuning.method' });
  });
});

describe('a score', () => {
  const body = { model: 'base', context: 'Say', text: ' what', picks };

  it('is of the base without examples before, and with them after', async () => {
    const { backend, call } = await start();
    const { response } = await call('/v1/score', { ...body, use: 'context' });
    expect(backend.scored).toEqual([
      { context: 'Say', text: ' what', steps: 0 },
      { context: WHOLE, text: ' what', steps: 0 },
    ]);
    expect(await json(response, scoreResponse)).toMatchObject({
      steps: [],
      context: { examples: 3, dropped: 0, tokens: WHOLE.length - 3 },
    });
  });

  it('is of the tuned model with the examples after `both`', async () => {
    const { backend, call } = await start();
    await call('/v1/score', { ...body, use: 'both' });
    expect(backend.scored.at(-1)).toEqual({ context: WHOLE, text: ' what', steps: 3 });
    await call('/v1/score', body);
    expect(backend.scored.at(-1)).toEqual({ context: 'Say', text: ' what', steps: 3 });
  });

  it('leaves room for the context and the text, and puts nothing before a text that is longer than the window', async () => {
    const { backend, call } = await withContext(19);
    const { response } = await call('/v1/score', { ...body, use: 'context' });
    expect(backend.scored.at(-1)?.context).toBe('three\n\nSay');
    expect(await json(response, scoreResponse)).toMatchObject({ context: { examples: 1, dropped: 2, tokens: 7 } });
    const long = await call('/v1/score', { ...body, text: ' what'.repeat(10), use: 'context' });
    const scored = await json(long.response, scoreResponse);
    expect(scored).toMatchObject({ context: { examples: 0, dropped: 3, tokens: 0 } });
    expect(scored.after).toEqual(scored.before);
  });

  it('without picks is the base’s', async () => {
    const { backend, call } = await start();
    const { response } = await call('/v1/score', { ...body, picks: [], use: 'context' });
    expect(await json(response, scoreResponse)).toMatchObject({ context: { examples: 0, dropped: 0, tokens: 0 } });
    expect(backend.scored).toHaveLength(1);
  });
});

describe('a request that says what cannot be', () => {
  it.each([
    [{ use: 'prompt' }, 'use'],
    [{ layout: { template: '{examples}' } }, 'layout.template'],
    [{ layout: { other: 1 } }, 'layout'],
    [{ picks: [{ id: 'a', text: 'b', similarity: 'near' }] }, 'picks.0.similarity'],
  ])('is refused by name: %j', async (changes, param) => {
    const { call } = await start();
    const { response } = await call('/v1/tune', { ...asked, ...changes });
    expect(response.status).toBe(400);
    expect((await errorOf(response)).param).toBe(param);
  });
});
