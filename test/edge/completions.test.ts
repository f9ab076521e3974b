// Completions and scores through the whole path: edge in workerd, the real gateway, a backend of plain objects.

import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { settledUse } from '../../functions/select/answer.ts';
import type { Backend } from '../../gateway/backends/contract.ts';
import { registryOf } from '../../gateway/backends/registry.ts';
import { type RunningGateway, serveGateway } from '../../gateway/serve.ts';
import { type RunningEdge, startEdge } from '../../local/edge.ts';
import { embedderFiles } from '../../local/embedder.ts';
import { type FakeBackend, type FakeOptions, fakeBackend } from '../gateway/fake-backend.ts';
import { type Front, type Mode, startFront } from './front.ts';
import { type Caller, edgeAt, GATEWAY_SECRET, KEY, OTHER_KEY } from './harness.ts';

let backend: FakeBackend;
/** The backend behind the gateway: another for each test. */
const current: Backend = {
  get models() {
    return backend.models;
  },
  concurrency: 1,
  open: (options, signal) => backend.open(options, signal),
  release: (kept) => backend.release?.(kept),
  close: async () => {},
};
const use = (options: FakeOptions = {}): void => {
  backend = fakeBackend(options);
};

let gateway: RunningGateway;
let front: Front;
let state: string;
let running: RunningEdge;
let edge: Caller;
let openai: OpenAI;
beforeAll(async () => {
  use();
  gateway = await serveGateway({ registry: registryOf(current), secret: GATEWAY_SECRET, port: 0, queueLimit: 1 });
  front = await startFront(() => gateway.url);
  // as npm start runs it: wrangler's development proxy never tells a Worker that its caller went away
  state = await mkdtemp(join(tmpdir(), 'sift-edge-'));
  running = await startEdge({
    root: fileURLToPath(new URL('../../', import.meta.url)),
    state,
    embedder: await embedderFiles(fileURLToPath(new URL('../../models/embedder', import.meta.url))),
    port: 0,
    apiKey: `${KEY},other=${OTHER_KEY}`,
    gatewayUrl: front.url,
    gatewaySecret: GATEWAY_SECRET,
    defaultCorpus: '',
  });
  edge = edgeAt(new URL(running.url));
  openai = new OpenAI({ apiKey: KEY, baseURL: new URL('/v1', edge.url).href, maxRetries: 0 });
  await edge.upload('docs', [
    { id: 'router', text: 'The router matches the path of a request.' },
    { id: 'cookie', text: 'A cookie is set with a name and a value.' },
    { id: 'bare', text: 'Cats sleep for most of the day.' },
  ]);
});
afterAll(async () => {
  await running.close();
  await front.close();
  await gateway.close(0);
  await rm(state, { recursive: true, force: true });
});
beforeEach(() => {
  use();
  front.mode = 'pass';
});

const json = async (response: Response | Promise<Response>) => JSON.parse(await (await response).text());
const complete = (body: object, signal?: AbortSignal) =>
  edge.send('/v1/completions', {
    body: { prompt: 'How does a router match?', ...body },
    ...(signal ? { signal } : {}),
  });
const until = async (condition: () => boolean, ms = 3000): Promise<void> => {
  for (const end = Date.now() + ms; !condition(); ) {
    if (Date.now() > end) throw new Error(`not so after ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
const tuned = {
  model: 'base:sift',
  sift: { corpus: 'docs', n: 3, learning_rate: 1e-3, degree: 1, method: 'lora', rank: 4 },
};

describe('with OpenAI’s own client', () => {
  it('lists every model as itself and tuned', async () => {
    const names = [];
    for await (const { id } of openai.models.list()) names.push(id);
    expect(names).toEqual(['base', 'base:sift', expect.stringMatching(/^onnx:/)]);
  });

  it('completes with the base model, which is not tuned', async () => {
    const answer = await openai.completions.create({ model: 'base', prompt: 'Once', max_tokens: 5, temperature: 0.5 });
    expect(answer.choices).toEqual([{ text: 'Hello', index: 0, logprobs: null, finish_reason: 'stop' }]);
    expect(answer.usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 2, total_tokens: 6 });
    expect(backend.log).toEqual(['generate Once 0.5']);
  });

  it('streams, with usage when asked', async () => {
    const stream = await openai.completions.create({
      model: 'base',
      prompt: 'Once',
      stream: true,
      stream_options: { include_usage: true },
    });
    const texts: string[] = [];
    let usage: unknown;
    for await (const chunk of stream) {
      texts.push(...chunk.choices.map(({ text }) => text));
      usage = chunk.usage ?? usage;
    }
    expect(texts.join('')).toBe('Hello');
    expect(usage).toMatchObject({ completion_tokens: 2 });
  });

  it('raises the error that ends a stream', async () => {
    use({ failAt: 'generate' });
    const stream = await openai.completions
      .create({ model: 'base', prompt: 'Once', stream: true })
      .catch((error) => error);
    const read = async () => {
      if (stream instanceof Error) throw stream;
      for await (const _ of stream);
    };
    await expect(read()).rejects.toThrow(OpenAI.APIError);
  });

  it('raises the right class for a model that does not exist', async () => {
    const ask = async () => openai.completions.create({ model: 'nope', prompt: 'Once' });
    await expect(ask()).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(ask()).rejects.toThrow('known models: base');
  });
});

describe('NAME:sift', () => {
  it('selects for the prompt, tunes on the picks in their order, then generates', async () => {
    const answer = await json(complete(tuned));
    expect(answer).toMatchObject({
      model: 'base:sift',
      choices: [{ text: 'Hello' }],
      usage: { prompt_tokens_details: { tuning_steps: 3 } },
    });
    expect(answer.sift).toMatchObject({ corpus: 'docs', stop: 'count', pool: { size: 3 } });
    const { picks } = await json(
      edge.send('/v1/select', { body: { corpus: 'docs', n: 3, input: 'How does a router match?' } }),
    );
    expect(backend.log).toEqual([
      ...picks.map(({ text }: { text: string }) => `step ${text}`),
      'generate How does a router match? 1',
    ]);
    expect(backend.opened[0]).toMatchObject({
      model: 'base',
      method: 'lora',
      rank: 4,
      optimiser: { learningRate: 1e-3 },
    });
  });

  it('is guarded unless asked not to be, and says what the guard did', async () => {
    const guardOf = async (sift: object) =>
      (await json(complete({ ...tuned, sift: { ...tuned.sift, ...sift } }))).usage.prompt_tokens_details.tuning.guard;
    expect(await guardOf({})).toMatchObject({ outcome: 'kept', kept_steps: 3, rate: 1e-3, restarts: 0 });
    expect(await guardOf({ guard: false })).toBeNull();
    expect(await guardOf({ n: 2 })).toMatchObject({ outcome: 'kept', prequential: null });
    use({ lossOf: (_, steps) => 2 + steps });
    expect(await guardOf({})).toMatchObject({ outcome: 'base', kept_steps: 0 });
    const streamed = await (await complete({ ...tuned, stream: true })).text();
    expect(streamed).toMatch(/: restart: 2 steps undone, 3 follow at learning_rate 0\.000333: the last 2 picks cost/);
    const refused = await complete({ ...tuned, sift: { ...tuned.sift, guard: 'yes' } });
    expect(await json(refused)).toMatchObject({
      error: { param: 'sift.guard', message: 'sift.guard: is "yes", it must be true or false' },
    });
  });

  it('tells its progress in comments while it streams, and asks not to be retried', async () => {
    const response = await complete({ ...tuned, stream: true });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(response.headers.get('x-should-retry')).toBe('false');
    // less the heartbeats, which come when the machine is busy
    const text = (await response.text()).replaceAll(':\n\n', '');
    expect(text).toMatch(
      /^: selected 3 of 3, sigma2 1\.0000 to 0\.\d+, explained 1\.000\n\n: step 1\/3 loss 2\.0000 example \w+\n\n: step 2\/3/,
    );
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it('needs a corpus', async () => {
    const response = await complete({ model: 'base:sift' });
    expect(response.status).toBe(400);
    expect(await json(response)).toMatchObject({ error: { param: 'sift.corpus' } });
    expect(await json(complete({ model: 'base:sift', sift: { corpus: 'none' } }))).toMatchObject({
      error: { code: 'unknown_corpus' },
    });
    expect(backend.opened).toEqual([]);
  });

  it('fails with a status before the stream begins, and with an event after', async () => {
    use({ failAt: 'open' });
    const before = await complete({ ...tuned, stream: true });
    expect([before.status, (await before.json()).error.type]).toEqual([502, 'server_error']);
    use({ failAt: 'generate' });
    const after = await complete({ ...tuned, stream: true });
    expect(after.status).toBe(200);
    const data = (await after.text()).split('\n').filter((line) => line.startsWith('data: '));
    expect(data).toHaveLength(1);
    expect(JSON.parse((data[0] ?? '').slice(6))).toMatchObject({ error: { type: 'server_error' } });
    const unknown = await complete({ ...tuned, model: 'nope:sift', stream: true });
    expect(unknown.status).toBe(404);
    // nothing was tuned, so nothing speaks against another try
    expect(unknown.headers.get('x-should-retry')).toBeNull();
  });

  it('never asks for a retry of a failed tuning', async () => {
    use({ failAt: 'step' });
    const response = await complete(tuned);
    expect(response.status).toBe(502);
    expect(response.headers.get('x-should-retry')).toBe('false');
    use({ loss: Number.NaN });
    const diverged = await json(complete({ ...tuned, sift: { ...tuned.sift, guard: false } }));
    expect(diverged.error.message).toContain('a smaller learning_rate may help');
  });
});

describe('the use that an answer tells', () => {
  it('is what was asked for, or what the gateway’s report shows', () => {
    const report = { examples: 0, dropped: 3, tokens: 0 };
    expect(settledUse('auto', undefined)).toBe('tune');
    expect(settledUse('auto', report)).toBe('both');
    expect(settledUse('context', report)).toBe('context');
    expect(settledUse('tune', undefined)).toBe('tune');
  });
});

describe('sift.use', () => {
  const PROMPT = 'How does a router match?';
  const using = (what: string, others: object = {}) => ({ ...tuned, sift: { ...tuned.sift, use: what, ...others } });
  /** Texts of the picks, the least similar first. */
  const bySimilarity = async (): Promise<string[]> => {
    const { picks } = await json(edge.send('/v1/select', { body: { corpus: 'docs', n: 3, input: PROMPT } }));
    const order = picks.toSorted((a: { similarity: number }, b: { similarity: number }) => a.similarity - b.similarity);
    return order.map(({ text }: { text: string }) => text);
  };

  it('context: puts the picks before the prompt, the most similar last, makes no step and may be retried', async () => {
    const response = await complete(using('context'));
    expect(response.headers.get('x-should-retry')).toBeNull();
    const answer = await json(response);
    const whole = [...(await bySimilarity()), PROMPT].join('\n\n');
    expect(backend.log).toEqual([`generate ${whole} 1`]);
    expect(answer.sift).toMatchObject({
      use: 'context',
      context: { examples: 3, dropped: 0, tokens: whole.length - PROMPT.length },
    });
    expect(answer.usage).toMatchObject({
      prompt_tokens: whole.length,
      prompt_tokens_details: { tuning_steps: 0, tuning_tokens: 0 },
    });
  });

  it('both: tunes on the picks and puts them into the context', async () => {
    const response = await complete(using('both'));
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(await json(response)).toMatchObject({
      sift: { use: 'both', context: { examples: 3 } },
      usage: { prompt_tokens_details: { tuning_steps: 3 } },
    });
    expect(backend.log.filter((line) => line.startsWith('step '))).toHaveLength(3);
    expect(backend.log.at(-1)).toBe(`generate ${[...(await bySimilarity()), PROMPT].join('\n\n')} 1`);
  });

  it('tune, or nothing: puts nothing into the context', async () => {
    for (const body of [using('tune'), tuned]) {
      const { sift } = await json(complete(body));
      expect(sift.use).toBe('tune');
      expect(sift).not.toHaveProperty('context');
      expect(backend.log.at(-1)).toBe(`generate ${PROMPT} 1`);
    }
  });

  it('tells a stream’s reader in a comment', async () => {
    const both = await (await complete({ ...using('both'), stream: true })).text();
    expect(both).toMatch(/: step 3\/3 [^\n]*\n\n: context 3 of 3 examples, \d+ tokens\n\ndata: /);
    const context = await complete({ ...using('context'), stream: true });
    expect(context.headers.get('x-should-retry')).toBeNull();
    expect(await context.text()).toMatch(
      /^: selected 3 of 3, [^\n]*\n\n: context 3 of 3 examples, \d+ tokens\n\ndata: /,
    );
  });

  it('takes the caller’s templates, with each example’s source', async () => {
    const sift = {
      corpus: 'sourced',
      template: 'Notes:\n{examples}\n\nQ: {prompt}',
      example_template: '[{source}] {text}',
    };
    await edge.upload('sourced', [{ id: 'a', text: 'Braces {prompt} are kept.', source: 'guide.md' }]);
    await json(complete({ ...tuned, sift: { ...sift, use: 'context' } }));
    expect(backend.log).toEqual([`generate Notes:\n[guide.md] Braces {prompt} are kept.\n\nQ: ${PROMPT} 1`]);
  });

  it('drops what does not fit into the model’s context, the least similar first', async () => {
    // a token is a character here: 512 of context less 16 to generate hold the prompt and two of these
    const long = (text: string) => `${text} `.repeat(40).slice(0, 220);
    await edge.upload('long', [
      { id: 'far', text: long('Cats sleep.') },
      { id: 'near', text: long(PROMPT) },
      { id: 'middle', text: long('The router has a path.') },
    ]);
    const { sift } = await json(complete({ ...tuned, sift: { corpus: 'long', n: 3, use: 'context' } }));
    expect(sift.context).toEqual({ examples: 2, dropped: 1, tokens: 2 * 222 });
    expect(backend.log).toEqual([`generate ${long('The router has a path.')}\n\n${long(PROMPT)}\n\n${PROMPT} 1`]);
  });

  it('is refused for a model’s own name, which tunes nothing', async () => {
    const response = await complete({ ...using('context'), model: 'base' });
    expect(response.status).toBe(400);
    expect(await json(response)).toMatchObject({
      error: { param: 'sift', message: expect.stringContaining("ends in ':sift'") },
    });
    expect(backend.opened).toEqual([]);
  });

  it.each([
    [{ use: 'prompt' }, 'sift.use'],
    [{ template: 'no placeholders' }, 'sift.template'],
    [{ example_template: '{text} {text}' }, 'sift.example_template'],
    [{ separator: 'x'.repeat(2_000) }, 'sift.separator'],
  ])('is refused by name where it cannot be read: %o', async (fields, param) => {
    const response = await complete(using('context', fields));
    expect(response.status).toBe(400);
    expect((await json(response)).error.param).toBe(param);
    expect(backend.opened).toEqual([]);
  });
});

describe('a chat through the gateway', () => {
  const messages = [
    { role: 'system' as const, content: 'Be brief.' },
    { role: 'user' as const, content: 'How does a router match?' },
  ];
  const chat = (body: object) => json(edge.send('/v1/chat/completions', { body: { messages, ...body } }));

  it('tunes on the picks and puts them into the system message, marked off from the caller’s own', async () => {
    const answer = await chat({ ...tuned, sift: { ...tuned.sift, n: 1, use: 'both' }, temperature: 0, max_tokens: 5 });
    expect(answer.choices[0].message.content).toBe('Hello');
    expect(answer.sift).toMatchObject({ use: 'both', context: { examples: 1, dropped: 0 } });
    expect(backend.log).toEqual([
      'step The router matches the path of a request.',
      expect.stringMatching(/^generate system: Be brief\.\n\nThe texts between <examples> and <\/examples> are/),
    ]);
    expect(backend.log.at(-1)).toContain(
      '<examples>\n<example source="">\nThe router matches the path of a request.\n</example>\n</examples>\nuser: How',
    );
    const own = { ...tuned.sift, use: 'context', system_template: 'Notes: {examples}', example_template: '({text})' };
    await chat({ ...tuned, sift: { ...own, n: 1, separator: '' }, temperature: 0 });
    expect(backend.log.at(-1)).toMatch(/^generate system: Be brief\.\n\nNotes: \(The router [^)]*\)\nuser: How/);
  });

  it('has samples of one tuning and their log-probabilities, up to what the model tells', async () => {
    const answer = await chat({ ...tuned, n: 2, logprobs: true, top_logprobs: 5 });
    expect(answer.choices.map(({ message }: { message: { content: string } }) => message.content)).toEqual([
      'Hello',
      'Hello',
    ]);
    expect(answer.choices[1].logprobs.content[0]).toMatchObject({ token: 'Hel', logprob: -1 });
    expect(answer.choices[1].logprobs.content[0].top_logprobs).toHaveLength(5);
    expect(answer.usage).toMatchObject({ completion_tokens: 4, prompt_tokens_details: { tuning_steps: 3 } });
    const { error } = await chat({ model: 'base', logprobs: true, top_logprobs: 6 });
    expect(error).toMatchObject({ code: 'bad_field', param: 'top_logprobs' });
  });
});

describe('a caller who goes away', () => {
  // a hundred seconds of work, so that ending soon is ending early
  const SLOW = { stepMs: 200, pieces: Array.from({ length: 500 }, () => 'x') };
  const stream = () => {
    const leave = new AbortController();
    const asking = complete({ ...tuned, stream: true }, leave.signal).then((response) => response.text());
    asking.catch(() => {});
    return { leave: () => leave.abort(), asking };
  };

  it('ends the backend’s work, in a stream', async () => {
    use(SLOW);
    const { leave, asking } = stream();
    await until(() => backend.log.length > 0);
    leave();
    await until(() => backend.live() === 0);
    await expect(asking).rejects.toThrow();
  });

  it('ends it even while the stream is silent', async () => {
    use({ ...SLOW, stepMs: 60_000 });
    const { leave } = stream();
    await until(() => backend.live() === 1);
    leave();
    await until(() => backend.live() === 0);
  });

  // without a stream nothing is written meanwhile: the front before the local edge sees the connection end
  it.each(['resetAndDestroy', 'destroy', 'end'] as const)('ends it without a stream: socket.%s', async (way) => {
    use(SLOW);
    const body = JSON.stringify({ ...tuned, prompt: 'How does a router match?' });
    const socket = connect(Number(edge.url.port), edge.url.hostname).on('error', () => {});
    const head = `POST /v1/completions HTTP/1.1\r\nhost: ${edge.url.host}\r\nauthorization: Bearer ${KEY}\r\ncontent-length: ${body.length}`;
    socket.write(`${head}\r\n\r\n${body}`);
    await until(() => backend.log.length > 0);
    socket[way]();
    await until(() => backend.live() === 0);
  });
});

describe('the tenant of a key', () => {
  it.each([
    ['/v1/completions', { model: 'base', prompt: 'x', max_tokens: 1 }],
    ['/v1/score', { model: 'base', text: 'x', sift: { strategy: 'none' } }],
  ])('goes on to the gateway with %s, so that it can share its turns among tenants', async (path, body) => {
    for (const [key, tenant] of [
      [KEY, 'default'],
      [OTHER_KEY, 'other'],
    ] as const) {
      expect((await edge.send(path, { body, key })).status).toBe(200);
      expect(JSON.parse(front.body)).toMatchObject({ tenant });
    }
  });
});

describe('a full queue', () => {
  it('is passed on as 503 with Retry-After, and may be retried', async () => {
    use({ stepMs: 100, pieces: Array.from({ length: 100 }, () => 'x') });
    const leave = new AbortController();
    const others = [0, 1].map(() =>
      complete({ model: 'base', stream: true }, leave.signal)
        .then((response) => response.text())
        .catch(() => {}),
    );
    const waiting = async () => (await json(fetch(`${gateway.url}/health`))).waiting;
    await expect.poll(waiting, { timeout: 5_000 }).toBe(1);
    const response = await complete(tuned);
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(response.headers.get('x-should-retry')).toBeNull();
    expect(await json(response)).toMatchObject({ error: { code: 'queue_full' } });
    leave.abort();
    await Promise.all(others);
    await until(() => backend.live() === 0);
  });
});

describe('an impostor gateway', () => {
  it.each<[Mode, string]>([
    ['refuse', 'gateway_unreachable'],
    ['garbage', 'gateway_unreachable'],
    ['unsigned', 'gateway_unreachable'],
  ])('is an error before the stream begins (%s)', async (mode, code) => {
    front.mode = mode;
    for (const stream of [true, false]) {
      const response = await complete({ ...tuned, stream });
      expect(response.status).toBe(502);
      expect(await json(response)).toMatchObject({ error: { type: 'server_error', code } });
    }
    expect((await edge.send('/v1/models')).status).toBe(502);
    await until(() => backend.live() === 0);
  });

  it('ends a stream that breaks off with an error, never with [DONE]', async () => {
    use({ stepMs: 50 });
    front.mode = 'cut';
    const text = await (await complete({ ...tuned, stream: true })).text();
    expect(text).toContain('data: {"error":{"message":"the gateway cannot be reached: its stream broke off');
    expect(text).not.toContain('[DONE]');
    await until(() => backend.live() === 0);
  });
});

describe('POST /v1/score', () => {
  const score = (body: object) =>
    edge.send('/v1/score', { body: { model: 'base', context: 'How does a router', text: ' match?', ...body } });

  it('gives bits per byte before and after, and what was selected', async () => {
    const scored = await json(score({ sift: { corpus: 'docs', n: 2 } }));
    expect(scored).toMatchObject({
      object: 'score',
      before: { bits_per_byte: 4 },
      after: { bits_per_byte: 2 },
      selection: { strategy: 'sift' },
    });
    expect(scored.steps.map(({ id }: { id: string }) => id)).toEqual(
      scored.selection.picks.map(({ id }: { id: string }) => id),
    );
  });

  it('tunes by any strategy, on picks of one’s own, or not at all', async () => {
    expect((await json(score({ sift: { corpus: 'docs', n: 2, strategy: 'nn' } }))).selection.strategy).toBe('nn');
    const own = await json(score({ picks: [{ id: 'mine', text: 'Mine.' }] }));
    expect([own.selection, own.steps.length, own.after.bits_per_byte]).toEqual([null, 1, 3]);
    const none = await json(score({ sift: { strategy: 'none' } }));
    expect([none.steps.length, none.after]).toEqual([0, none.before]);
  });

  it('with the picks in the context, tuned or not: the base is scored without them', async () => {
    const response = await score({ sift: { corpus: 'docs', n: 2, use: 'context' } });
    expect(response.headers.get('x-should-retry')).toBeNull();
    const scored = await json(response);
    expect(scored).toMatchObject({ use: 'context', steps: [], context: { examples: 2, dropped: 0 } });
    const [before, after] = backend.scored;
    expect(before?.context).toBe('How does a router');
    expect(after?.context).toMatch(/\n\nHow does a router$/);
    expect(after?.steps).toBe(0);
    const both = await score({ sift: { corpus: 'docs', n: 2, use: 'both' } });
    expect(both.headers.get('x-should-retry')).toBe('false');
    expect((await json(both)).use).toBe('both');
    expect(backend.scored.at(-1)).toEqual({ ...after, steps: 2 });
  });

  it('with one’s own picks in the context, in their order', async () => {
    const picks = [
      { id: 'a', text: 'Far.', source: 's' },
      { id: 'b', text: 'Near.' },
    ];
    const scored = await json(score({ picks, sift: { use: 'context', example_template: '{source}{text}' } }));
    expect(backend.scored.at(-1)?.context).toBe('sFar.\n\nNear.\n\nHow does a router');
    expect([scored.selection, scored.context.examples]).toEqual([null, 2]);
    const none = await json(score({ sift: { strategy: 'none', use: 'context' } }));
    expect([none.context, none.after]).toEqual([{ examples: 0, dropped: 0, tokens: 0 }, none.before]);
    expect(await json(score({}))).toMatchObject({ error: { param: 'sift.corpus' } });
    expect(await json(score({ picks }))).not.toHaveProperty('context');
  });

  it('needs a context to select for', async () => {
    const response = await edge.send('/v1/score', { body: { model: 'base', text: 'x', sift: { corpus: 'docs' } } });
    expect(await json(response)).toMatchObject({ error: { param: 'context' } });
  });
});

describe('adapters of earlier requests', () => {
  const steps = (): number => backend.log.filter((line) => line.startsWith('step')).length;
  const asked = { ...tuned, sift: { ...tuned.sift, corpus: 'kept' } };
  const fill = (changes: Record<string, string> = {}) =>
    edge.upload(
      'kept',
      Object.entries({ a: 'The router matches a path.', b: 'A route has a path.', c: 'Paths match.', ...changes }).map(
        ([id, text]) => ({ id, text }),
      ),
    );
  beforeEach(async () => {
    use({ keptBytes: 1_000 });
    await fill();
  });

  it('are found by the next request with the same selection, which says so and makes no step', async () => {
    const first = await json(complete(asked));
    expect(first.sift.adapter).toEqual({ id: expect.stringMatching(/^[0-9a-f]{32}$/), reused: false });
    const second = await json(complete({ ...asked, temperature: 0 }));
    expect(second.sift.adapter).toEqual({ ...first.sift.adapter, reused: true });
    expect(second.usage.prompt_tokens_details).toMatchObject({ tuning_tokens: 0, tuning_steps: 0 });
    expect(second.usage.prompt_tokens_details.tuning).toMatchObject({ method: 'lora', rank: 4 });
    expect(steps()).toBe(3);
    const streamed = await (await complete({ ...asked, stream: true })).text();
    expect(streamed).toContain(`: adapter ${first.sift.adapter.id} found: 3 steps need not be made again`);
    const fresh = await json(complete({ ...asked, sift: { ...asked.sift, reuse_adapter: false } }));
    expect(fresh.sift.adapter).toBeNull();
    expect(steps()).toBe(6);
  });

  it('are not found by another tenant with the same examples', async () => {
    await edge.upload('kept', [{ id: 'a', text: 'The router matches a path.' }], OTHER_KEY);
    const body = { prompt: 'How?', ...asked, sift: { ...asked.sift, n: 1 } };
    await edge.upload('alone', [{ id: 'a', text: 'The router matches a path.' }]);
    await json(edge.send('/v1/completions', { body: { ...body, sift: { ...body.sift, corpus: 'alone' } } }));
    const other = await json(edge.send('/v1/completions', { body, key: OTHER_KEY }));
    expect(other.sift.adapter.reused).toBe(false);
    expect(steps()).toBe(2);
    // the same tenant finds it through another corpus: the texts are the same
    const own = await json(
      edge.send('/v1/completions', { body: { ...body, sift: { ...body.sift, corpus: 'alone' } } }),
    );
    expect(own.sift.adapter.reused).toBe(true);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['an example is deleted', () => edge.send('/v1/corpora/kept/examples/b', { method: 'DELETE' })],
    ['an example is replaced', () => fill({ b: 'A route has another path.' })],
    ['the corpus is deleted', () => edge.send('/v1/corpora/kept', { method: 'DELETE' })],
  ])('are freed when %s', async (_, change) => {
    await json(complete(asked));
    expect(backend.kept.size).toBe(1);
    await change();
    await until(() => backend.kept.size === 0);
  });

  it('outlive an upload that changes nothing, and the deletion of what they were not made of', async () => {
    await edge.upload('kept', [{ id: 'cats', text: 'Cats sleep for most of the day.' }]);
    await json(complete(asked));
    await fill();
    await edge.send('/v1/corpora/kept/examples/cats', { method: 'DELETE' });
    expect((await json(complete(asked))).sift.adapter.reused).toBe(true);
  });

  it('do not keep a deletion from being done while the gateway is away', async () => {
    await edge.upload('kept', [{ id: 'gone', text: 'Soon gone.' }]);
    front.mode = 'refuse';
    const deleted = await edge.send('/v1/corpora/kept/examples/gone', { method: 'DELETE' });
    expect(deleted.status).toBe(200);
  });
});
