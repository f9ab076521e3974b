// Clients that people use, unmodified, against the running system: each is asked the same, and must come to the same.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY } from '../edge/harness.ts';
import type { FakeBackend } from '../gateway/fake-backend.ts';
import { python } from '../python.ts';
import { aiSdk } from './ai-sdk.ts';
import { browserSdk } from './browser.ts';
import { chromium } from './chromium.ts';
import type { Ask, Client, RunningClient, Server, Told } from './client.ts';
import { langChain } from './langchain.ts';
import { openAiSdk } from './openai-sdk.ts';
import { pythonSdk } from './python.ts';
import { EXAMPLES, type System, startSystem } from './system.ts';

const interpreter = python("OpenAI's Python client", ['openai']);
const browser = chromium("OpenAI's client in a browser");

interface Kind {
  readonly name: string;
  start(server: Server): RunningClient | Promise<RunningClient>;
  /** Knows the list of models. */
  readonly models?: true;
  /** Heeds x-should-retry. */
  readonly heeds?: true;
  /** What it passes on of `sift` in an answer and in a stream. */
  readonly passes?: true;
  /** Its completions write marks of their own around the prompt. */
  readonly wraps?: true;
  /** Its texts' usage is told. */
  readonly counts?: true;
}

const here =
  (client: (server: Server) => Client) =>
  (server: Server): RunningClient => ({
    ask: client(server),
    close: async () => {},
  });

const openAi = { models: true, heeds: true, passes: true, counts: true } as const;
const kinds: readonly Kind[] = [
  { name: 'openai', start: here(openAiSdk), ...openAi },
  { name: 'ai', start: here(aiSdk), passes: true, wraps: true, counts: true },
  { name: '@langchain/openai', start: here(langChain) },
  ...(interpreter === undefined
    ? []
    : [{ name: 'openai in Python', start: (server: Server) => pythonSdk(interpreter, server), ...openAi }]),
  ...(browser === undefined
    ? []
    : [{ name: 'openai in Chromium', start: (server: Server) => browserSdk(browser, server), ...openAi }]),
];

let system: System;
const clients = new Map<string, RunningClient>();
beforeAll(async () => {
  system = await startSystem();
  const server = { baseURL: system.baseURL, key: KEY };
  await Promise.all(kinds.map(async ({ name, start }) => clients.set(name, await start(server))));
});
afterAll(async () => {
  await Promise.all(Array.from(clients.values(), (client) => client.close()));
  await system?.close();
});

const never = new AbortController().signal;
const PROMPT = 'How does a router match?';
const SIFT = { corpus: 'docs', n: 2, degree: 1 };
const forms = ['chat', 'stream', 'complete', 'streamText'] as const;

/** What the edge selects for the bare prompt. */
const picks = async (): Promise<string[]> => {
  const response = await system.edge.send('/v1/select', { body: { ...SIFT, input: PROMPT, store: false } });
  return (await response.json()).picks.map(({ id }: { id: string }) => id);
};
const textsOf = (ids: readonly string[]): string[] =>
  ids.map((id) => EXAMPLES.find((one) => one.id === id)?.text ?? `no example ${id}`);
const stepsOf = ({ log }: FakeBackend): string[] =>
  log.flatMap((line) => (line.startsWith('step ') ? [line.slice(5)] : []));

describe.each(kinds)('$name', ({ name, models, heeds, passes, wraps, counts }) => {
  const ask = (what: Ask, signal = never): Promise<Told> => {
    const client = clients.get(name);
    if (client === undefined) throw new Error(`${name} was not started`);
    return client.ask(what, signal);
  };

  it.each(forms)('has an answer: %s', async (form) => {
    system.backend();
    const told = await ask({ do: form, model: 'base', input: PROMPT });
    expect(told).toMatchObject({ text: 'Hello', attempts: 1 });
    expect(told.error).toBeUndefined();
    if (form.startsWith('stream')) expect(told.pieces).toBe(2);
    else if (counts) expect(told.tokens).toMatchObject({ completion: 2 });
  });

  it.each(forms)('tunes on what is selected for the bare prompt: %s', async (form) => {
    const backend = system.backend();
    const sift = {
      ...SIFT,
      ...(wraps && form.includes('omplete') ? { input: PROMPT } : {}),
      ...(wraps && form === 'streamText' ? { input: PROMPT } : {}),
    };
    const told = await ask({ do: form, model: 'base:sift', system: 'Be brief.', input: PROMPT, sift });
    expect(told).toMatchObject({ text: 'Hello', attempts: 1 });
    expect(stepsOf(backend)).toEqual(textsOf(await picks()));
    if (passes && form === 'chat') expect(told.sift).toMatchObject({ picks: (await picks()).map((id) => ({ id })) });
  });

  it.each(['stream', 'streamText'] as const)('is not disturbed by progress as data: %s', async (form) => {
    system.backend();
    const sift = { ...SIFT, input: PROMPT };
    const told = await ask({ do: form, model: 'base:sift', input: PROMPT, sift, events: true });
    expect(told).toMatchObject({ text: 'Hello', pieces: 2 });
    if (passes && form === 'stream') {
      const told_ = told.sift as { selection?: object; step?: { id: string } }[];
      expect(told_[0]).toHaveProperty('selection');
      expect(told_.flatMap(({ step }) => (step === undefined ? [] : [step.id]))).toEqual(await picks());
    }
  });

  it('embeds texts in their order', async () => {
    const texts = ['one', 'Cats sleep for most of the day.', 'one more'];
    const body = { model: system.embedder, input: texts };
    const { data } = await (await system.edge.send('/v1/embeddings', { body })).json();
    const exact = data.map(({ embedding }: { embedding: number[] }) => embedding);
    // base64 where that is the client's own default, and asked for by name (float32 is exact as a float64)
    for (const format of [undefined, 'base64'] as const) {
      const { vectors, error } = await ask({
        do: 'embed',
        model: system.embedder,
        input: texts,
        ...(format && { format }),
      });
      expect(error).toBeUndefined();
      if (typeof vectors?.[0] === 'string')
        expect(vectors).toEqual(
          exact.map((one: number[]) => Buffer.from(Float32Array.from(one).buffer).toString('base64')),
        );
      else expect(vectors).toEqual(exact);
    }
  });

  it.runIf(models)('lists models and finds one', async () => {
    system.backend();
    expect((await ask({ do: 'models' })).models).toEqual(['base', 'base:sift', system.embedder]);
    for (const model of ['base:sift', system.embedder]) {
      expect((await ask({ do: 'model', model })).models).toEqual([model]);
    }
    expect((await ask({ do: 'model', model: 'org/none' })).error).toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
  });

  it.each(forms)('is told errors with status, code and field: %s', async (form) => {
    const backend = system.backend();
    const fails = async (what: Omit<Ask, 'do'>) =>
      (await ask({ do: form, model: 'base', input: PROMPT, ...what })).error;
    expect(await fails({ key: 'sk-wrong-key' })).toMatchObject({
      status: 401,
      code: 'bad_key',
      message: expect.stringContaining('not valid'),
    });
    expect(await fails({ model: 'none' })).toMatchObject({ status: 404, code: 'model_not_found' });
    expect(await fails({ temperature: 3 })).toMatchObject({ status: 400, code: 'bad_field', param: 'temperature' });
    expect(await fails({ sift: SIFT })).toMatchObject({ status: 400, param: 'sift' });
    expect(backend.opened).toEqual([]);
  });

  it.each(forms)('is told that a prompt is too long in words that it knows: %s', async (form) => {
    system.backend({ contextTokens: 8 });
    const { error } = await ask({ do: form, model: 'base', input: PROMPT, maxRetries: 2 });
    expect(error?.message).toContain("this model's maximum context length is 8 tokens");
    // LangChain makes an error of its own of it
    if (name === '@langchain/openai') expect(error?.name).toBe('ContextOverflowError');
    else expect(error?.code).toBe('context_length_exceeded');
  });

  it.each(['stream', 'streamText'] as const)('is told when a stream breaks off: %s', async (form) => {
    const backend = system.backend({ failAt: 'piece', error: new Error('it broke') });
    // steps are told before, so that the stream has begun
    const what = { do: form, model: 'base:sift', input: PROMPT, sift: { ...SIFT, input: PROMPT }, maxRetries: 2 };
    const { error } = await ask(what);
    expect(error?.message).toMatch(/the backend failed: it broke/);
    expect(backend.opened.length).toBe(1);
  });

  it.each(forms)('ends the work when it leaves before the first token: %s', async (form) => {
    const backend = system.backend();
    const pause = backend.pauseAt('generate');
    const leave = new AbortController();
    const asked = ask({ do: form, model: 'base', input: PROMPT, maxRetries: 2 }, leave.signal);
    await pause.reached;
    leave.abort();
    // only an abort that has come through ends the pause
    await backend.ended();
    await asked;
    expect([backend.log, backend.opened.length]).toEqual([[], 1]);
    await system.reaches({ running: 0, waiting: 0 });
  });

  it.each(['stream', 'streamText'] as const)('ends the work when it leaves within a stream: %s', async (form) => {
    const backend = system.backend();
    backend.pauseAt('piece').release();
    const pause = backend.pauseAt('piece');
    const told = await ask({ do: form, model: 'base', input: PROMPT, leaveAfter: 1 });
    expect(told).toMatchObject({ text: 'Hel', pieces: 1 });
    await pause.reached;
    await backend.ended();
    expect(backend.log).toEqual([]);
    await system.reaches({ running: 0, waiting: 0 });
  });

  it.each(['chat', 'stream'] as const)('comes again after a full queue, and succeeds: %s', async (form) => {
    const backend = system.backend();
    const pause = backend.pauseAt('open');
    const before = await system.refused();
    // one at work, one in the queue: this client's is one too many
    const others = [1, 2].map(() => system.edge.send('/v1/completions', { body: { model: 'base', prompt: 'x' } }));
    await system.reaches({ running: 1, waiting: 1 });
    const asked = ask({ do: form, model: 'base:sift', input: PROMPT, sift: SIFT, maxRetries: 3 });
    await expect.poll(system.refused, { timeout: 30_000 }).toBe(before + 1);
    pause.release();
    expect(await asked).toMatchObject({ text: 'Hello', attempts: 2 });
    await Promise.all(others);
    expect(stepsOf(backend).length).toBe(2);
  });

  it('does not come again where steps were made', async () => {
    const work = async (form: 'chat' | 'stream') => {
      const backend = system.backend({ failAt: 'generate' });
      const { error } = await ask({ do: form, model: 'base:sift', input: PROMPT, sift: SIFT, maxRetries: 1 });
      return { error, opened: backend.opened.length, steps: stepsOf(backend).length };
    };
    // a stream has begun by then: no client begins another
    const streamed = await work('stream');
    expect(streamed).toMatchObject({ opened: 1, steps: 2 });
    expect(streamed.error?.message).toBe('the backend failed: generate broke');
    const whole = await work('chat');
    expect(whole.error).toMatchObject({ status: 502, code: 'backend' });
    // those that go by the status alone do come again, as docs/clients.md says
    expect(whole.opened).toBe(heeds ? 1 : 2);
  });
});

it('come again after a 429, when they are told to', async () => {
  const backend = system.backend();
  const made = await Promise.all(
    kinds.map(async ({ name }) => {
      const body = { scopes: ['generate'], rates: { steps_per_minute: 30 } };
      const { key } = await (await system.edge.send('/v1/keys', { body })).json();
      return { name, key };
    }),
  );
  // 32 steps of a minute's 30: in two steps' debt, which six seconds refill
  const spend = { model: 'base:sift', prompt: PROMPT, sift: { ...SIFT, n: 32, repeat: true, guard: false } };
  await Promise.all(
    made.map(async ({ key }, i) => {
      const body = { ...spend, sift: { ...spend.sift, seed: i } };
      let status = 503;
      while (status === 503) ({ status } = await system.edge.send('/v1/completions', { body, key }));
      expect(status).toBe(200);
      const blank = { model: 'base:sift', prompt: '', sift: SIFT };
      const refusals = async () => (await system.edge.send('/v1/completions', { body: blank, key })).status;
      await expect.poll(refusals, { timeout: 10_000 }).toBe(429);
    }),
  );
  expect(stepsOf(backend).length).toBe(32 * made.length);
  await Promise.all(
    made.map(async ({ name, key }) => {
      // one at work, one waiting: beyond these a 503 comes between
      const told = await clients
        .get(name)
        ?.ask({ do: 'chat', model: 'base', input: PROMPT, key, maxRetries: 6 }, never);
      expect([name, told?.text]).toEqual([name, 'Hello']);
      expect(told?.attempts).toBeGreaterThan(1);
    }),
  );
});
