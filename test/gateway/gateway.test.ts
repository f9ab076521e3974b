// The gateway over real HTTP with a fake backend: what a caller sees, and what is left behind.
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { describe, expect, it } from 'vitest';
import { createRegistry } from '../../gateway/backends/registry.ts';
import { SIGNATURE_HEADER, verifyEvent, verifyResponse, verifyStream } from '../../wire/signature.ts';
import { modelsResponse } from '../../wire/tune/models.ts';
import { tuneResponse } from '../../wire/tune/responses.ts';
import { fakeBackend, fakeModel } from './fake-backend.ts';
import {
  allEvents,
  errorOf,
  events,
  json,
  picks,
  request,
  SECRET,
  serve,
  soon,
  start,
  untilHealth,
} from './harness.ts';

const streamed = { ...request, stream: true };

describe('POST /v1/tune', () => {
  it('steps once per pick in pick order, then answers with the text, the losses and the usage', async () => {
    const { backend, call } = await start();
    const { response, nonce } = await call('/v1/tune', { ...request, sampling: { temperature: 0 } });
    expect(response.status).toBe(200);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(await verifyResponse(SECRET, response.headers.get(SIGNATURE_HEADER), nonce, 200, bytes)).toBe(true);
    const body = tuneResponse.parse(JSON.parse(Buffer.from(bytes).toString()));
    expect(body).toMatchObject({ model: 'base', choices: [{ index: 0, text: 'Hello', finish_reason: 'stop' }] });
    expect(body.steps.map((step) => [step.id, step.loss])).toEqual([
      ['one', 2],
      ['two', 1],
      ['three', 2 / 3],
    ]);
    expect(body.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 2, tuning_tokens: 11, steps: 3 });
    expect(backend.log).toEqual(['step one', 'step two', 'step three', 'generate Say 0']);
    expect(backend.live()).toBe(0);
  });

  it('streams step, token, usage and done events', async () => {
    const { call } = await start();
    const { response } = await call('/v1/tune', streamed);
    const seen = await allEvents(response);
    expect(seen.map(({ event }) => event)).toEqual([
      'step',
      'step',
      'step',
      'token',
      'token',
      'finish',
      'usage',
      'done',
    ]);
    expect(seen.map((event) => (event.event === 'token' ? event.text : '')).join('')).toBe('Hello');
  });

  it('signs a stream at its beginning, and every event for its place', async () => {
    const { call } = await start();
    const { response, nonce } = await call('/v1/tune', streamed);
    expect(await verifyStream(SECRET, response.headers.get(SIGNATURE_HEADER), nonce, 200)).toBe(true);
    if (response.body === null) throw new Error('no body');
    const messages = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
    const checked: boolean[] = [];
    for await (const { id, data } of messages) checked.push(await verifyEvent(SECRET, id, nonce, checked.length, data));
    expect(checked).toEqual(Array(8).fill(true));
  });

  it('signs what it refuses too', async () => {
    const { call } = await start();
    for (const [path, body, status] of [
      ['/v1/tune', '{"model":', 400],
      ['/v1/tune', ' '.repeat(16 * 1024 * 1024 + 1), 413],
      ['/v1/score', { model: 'gpt', text: 'x' }, 404],
      ['/v1/nothing', {}, 404],
    ] as const) {
      const { response, nonce } = await call(path, body);
      const bytes = new Uint8Array(await response.arrayBuffer());
      expect(response.status).toBe(status);
      expect(await verifyResponse(SECRET, response.headers.get(SIGNATURE_HEADER), nonce, status, bytes)).toBe(true);
    }
  });

  it('hands the hyperparameters to the backend under their own names', async () => {
    const { backend, call } = await start();
    const tuning = { method: 'lora', rank: 4, learning_rate: 0.01, weight_decay: 0.1, reuse_gradients: true, seed: 7 };
    await (await call('/v1/tune', { ...request, tuning })).response.text();
    expect(backend.opened[0]).toEqual({
      model: 'base',
      method: 'lora',
      rank: 4,
      seed: 7,
      tenant: 'default',
      trail: expect.any(Object),
      reuseGradients: true,
      optimiser: { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 },
    });
  });

  it.each([
    ['not JSON', '{"model":', 400, 'bad_json', null],
    ['no model', { prompt: 'x' }, 400, 'bad_field', 'model'],
    ['an unknown field', { ...request, colour: 'red' }, 400, 'bad_field', 'body'],
    ['an empty pick', { ...request, picks: [{ id: 'a', text: '' }] }, 400, 'bad_field', 'picks.0.text'],
    ['a giant prompt', { ...request, prompt: 'é'.repeat(140_000) }, 400, 'bad_field', 'prompt'],
    ['an unknown model', { ...request, model: 'gpt' }, 404, 'model_not_found', 'model'],
    ['a learning rate of 0', { ...request, tuning: { learning_rate: 0 } }, 400, 'bad_field', 'tuning.learning_rate'],
    ['an empty tenant', { ...request, tenant: '' }, 400, 'bad_field', 'tenant'],
  ])('refuses %s before it opens anything', async (_, body, status, code, param) => {
    const { backend, call } = await start();
    const { response } = await call('/v1/tune', body);
    expect(response.status).toBe(status);
    expect(await errorOf(response)).toMatchObject({ code, param });
    expect(backend.opened).toEqual([]);
  });

  it('says which value broke which limit', async () => {
    const { call } = await start();
    const { response } = await call('/v1/tune', { ...request, prompt: 'é'.repeat(140_000) });
    expect((await errorOf(response)).message).toBe('prompt: is 280000 bytes, the limit is 262144 bytes');
  });

  it('tells a streaming caller its place in the line, and each new one', async () => {
    const { backend, call } = await start();
    const step = backend.pauseAt('step');
    const { response: one } = await call('/v1/tune', streamed);
    await step.reached;
    const { response: two } = await call('/v1/tune', streamed);
    const { response: three } = await call('/v1/tune', streamed);
    step.release();
    const seen = await Promise.all([one, two, three].map((response) => allEvents(response)));
    const queued = seen.map((all) => all.flatMap((event) => (event.event === 'queued' ? [event.position] : [])));
    expect(queued).toEqual([[], [1], [2, 1]]);
    expect(seen.map((all) => all.at(-1)?.event)).toEqual(['done', 'done', 'done']);
  });

  it.each(['waiting', 'at work'])(
    'sends a comment now and then to a caller who is %s, so that proxies keep the stream',
    async (where) => {
      const { backend, call } = await start({}, { heartbeatMs: 5 });
      const pause = backend.pauseAt('step');
      const { response: first } = await call('/v1/tune', streamed);
      await pause.reached;
      const { response: second } = where === 'waiting' ? await call('/v1/tune', streamed) : { response: first };
      const reader = second.body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      while (!text.includes(': waiting\n\n: waiting\n\n')) {
        const { value, done } =
          (await soon('a heartbeat', reader?.read() ?? Promise.reject(new Error('no body')))) ?? {};
        if (done) throw new Error(`the stream ended: ${text}`);
        text += value;
      }
      pause.release();
      await reader?.cancel();
      await backend.ended();
    },
  );

  it.each([true, false])('stops the work when the caller hangs up (stream: %s)', async (stream) => {
    const { backend, call } = await start();
    const step = backend.pauseAt('step');
    const hangUp = new AbortController();
    const many = { ...request, picks: Array(100).fill(picks[0]), stream };
    const pending = call('/v1/tune', many, { signal: hangUp.signal }).then(({ response }) => response.text());
    await step.reached;
    hangUp.abort();
    await expect(pending).rejects.toThrow();
    await soon('the end of the session', backend.ended());
    expect(backend.log).toEqual([]);
  });

  it('lets a waiting caller hang up without disturbing the one at work', async () => {
    const { backend, gateway, call } = await start();
    const step = backend.pauseAt('step');
    const { response } = await call('/v1/tune', streamed);
    await step.reached;
    const hangUp = new AbortController();
    const waiting = call('/v1/tune', request, { signal: hangUp.signal });
    waiting.catch(() => {});
    await untilHealth(gateway.url, (health) => health.waiting === 1);
    hangUp.abort();
    await expect(waiting).rejects.toThrow();
    await untilHealth(gateway.url, (health) => health.waiting === 0);
    step.release();
    expect((await allEvents(response)).at(-1)?.event).toBe('done');
    expect(backend.opened.length).toBe(1);
  });

  it('ends at the deadline with 504, never 408', async () => {
    const { backend, call } = await start({}, { deadlineMs: 50 });
    backend.pauseAt('step');
    const { response } = await call('/v1/tune', request);
    expect(response.status).toBe(504);
    expect(await errorOf(response)).toMatchObject({ code: 'deadline' });
    expect(backend.live()).toBe(0);
  });

  it('counts the wait in the queue towards the deadline', async () => {
    const { backend, call } = await start({}, { deadlineMs: 100 });
    const step = backend.pauseAt('step');
    const close = backend.pauseAt('close'); // the first holds its place beyond both deadlines
    const first = call('/v1/tune', request);
    await step.reached;
    const { response } = await call('/v1/tune', request);
    expect(response.status).toBe(504);
    expect((await errorOf(response)).message).toBe('the request took longer than 100 ms (stage: queue)');
    expect(backend.opened.length).toBe(1);
    close.release();
    expect((await first).response.status).toBe(504);
  });

  it.each(['open', 'step', 'generate', 'piece'] as const)(
    'turns a backend that breaks at %s into an error event',
    async (failAt) => {
      const { backend, call } = await start({ failAt });
      const { response } = await call('/v1/tune', streamed);
      expect((await allEvents(response)).at(-1)).toMatchObject({
        event: 'error',
        error: { code: 'backend', message: `the backend failed: ${failAt} broke` },
      });
      expect(backend.live()).toBe(0);
    },
  );

  it('refuses a prompt that the context cannot hold before any step is made', async () => {
    const { backend, call } = await start({ contextTokens: 8 });
    const { response } = await call('/v1/tune', request);
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toEqual({
      message: "prompt is 9 tokens, which leaves no room: this model's maximum context length is 8 tokens",
      type: 'invalid_request_error',
      code: 'context_length_exceeded',
      param: 'prompt',
    });
    expect(backend.log).toEqual([]);
    expect(backend.live()).toBe(0);
    const streamed = await call('/v1/tune', { ...request, stream: true });
    const seen = await Array.fromAsync(events(streamed.response));
    expect(seen).toMatchObject([{ event: 'error', error: { code: 'context_length_exceeded', param: 'prompt' } }]);
  });

  it('stops at a loss that is not finite and says what may help', async () => {
    const { call } = await start({ loss: Number.NaN });
    const { response } = await call('/v1/tune', { ...request, tuning: { guard: false } });
    expect(response.status).toBe(502);
    expect((await errorOf(response)).message).toContain("step 1 (example 'one') is NaN; a smaller learning_rate");
  });
});

describe('POST /v1/score', () => {
  const scored = { model: 'base', context: 'a', text: 'four', picks };

  it('gives bits per byte before and after the steps', async () => {
    const { backend, call } = await start();
    const { response } = await call('/v1/score', scored);
    expect(await response.json()).toMatchObject({
      before: { bits: 16, bytes: 4, bits_per_byte: 4 },
      after: { bits: 4, bytes: 4, bits_per_byte: 1 },
    });
    expect(backend.live()).toBe(0);
  });

  it('refuses an empty text', async () => {
    const { call } = await start();
    const { response } = await call('/v1/score', { model: 'base', text: '' });
    expect([response.status, (await errorOf(response)).param]).toEqual([400, 'text']);
  });

  it.each(['open', 'score', 'step'] as const)(
    'ends at its deadline with 504 when the backend hangs in %s',
    async (stage) => {
      const { backend, call } = await start({}, { deadlineMs: 50 });
      backend.pauseAt(stage);
      const { response } = await soon('an answer', call('/v1/score', scored));
      expect([response.status, (await errorOf(response)).code]).toEqual([504, 'deadline']);
      expect(backend.live()).toBe(0);
    },
  );

  it('stops when the caller hangs up', async () => {
    const { backend, call } = await start();
    const score = backend.pauseAt('score');
    const hangUp = new AbortController();
    const pending = call('/v1/score', scored, { signal: hangUp.signal });
    await score.reached;
    hangUp.abort();
    await expect(pending).rejects.toThrow();
    await soon('the end of the session', backend.ended());
  });
});

describe('several tenants', () => {
  it('serve a stranger next, though one tenant sent three heavy requests before', async () => {
    const { backend, gateway, call } = await start();
    const step = backend.pauseAt('step');
    const heavy = { ...request, tenant: 'heavy', picks: Array(200).fill(picks[0]), tuning: { seed: 1 } };
    const first = call('/v1/tune', heavy);
    await step.reached;
    const scored = { model: 'base', text: 'x', picks: heavy.picks, tenant: 'heavy' };
    const others = [call('/v1/score', scored), call('/v1/tune', heavy)];
    await untilHealth(gateway.url, ({ waiting }) => waiting === 2);
    const stranger = call('/v1/tune', { ...request, tenant: 'stranger', tuning: { seed: 2 } });
    await untilHealth(gateway.url, ({ waiting }) => waiting === 3);
    step.release();
    for (const { response } of await Promise.all([first, ...others, stranger])) {
      expect(response.status).toBe(200);
    }
    // the score opens with seed 0
    const order = backend.opened.map(({ seed }) => seed);
    expect([order.slice(0, 2), order.slice(2).sort()]).toEqual([
      [1, 2],
      [0, 1],
    ]);
  });

  it('share two slots: a tenant does not hold both while another waits', async () => {
    const { backend, gateway, call } = await start({ concurrency: 2 });
    const pauses = [backend.pauseAt('step'), backend.pauseAt('step'), backend.pauseAt('step')];
    const ask = (tenant: string, seed: number) =>
      call('/v1/tune', { ...request, picks: picks.slice(0, 1), tenant, tuning: { seed } });
    const all = [ask('a', 1)];
    await pauses[0]?.reached;
    all.push(ask('a', 1));
    await pauses[1]?.reached;
    all.push(ask('a', 1), ask('a', 1));
    await untilHealth(gateway.url, ({ waiting }) => waiting === 2);
    all.push(ask('b', 2));
    await untilHealth(gateway.url, ({ waiting }) => waiting === 3);
    pauses[0]?.release();
    await pauses[2]?.reached;
    expect(backend.opened.map(({ seed }) => seed)).toEqual([1, 1, 2]);
    for (const pause of pauses) pause.release();
    for (const { response } of await Promise.all(all)) expect(response.status).toBe(200);
  });

  it('have the weights that the operator gives', async () => {
    const { backend, gateway, call } = await start({}, { weights: new Map([['paying', 3]]) });
    const step = backend.pauseAt('step');
    const ask = (tenant: string, seed: number) => call('/v1/tune', { ...request, tenant, tuning: { seed } });
    const all = [ask('other', 0)];
    await step.reached;
    for (let i = 0; i < 6; i++) all.push(ask('paying', 3));
    for (let i = 0; i < 6; i++) all.push(ask('free', 1));
    await untilHealth(gateway.url, ({ waiting }) => waiting === 12);
    step.release();
    await Promise.all(all);
    const firstEight = backend.opened.slice(1, 9).map(({ seed }) => seed);
    expect(firstEight.filter((seed) => seed === 3).length).toBe(6);
  });
});

describe('several backends', () => {
  const defaults = { method: 'full', rank: 8, learning_rate: { full: 5e-4, lora: 5e-3 }, from: 'size' };
  const small = fakeModel({ id: 'small' });
  const large = fakeModel({
    id: 'large',
    contextTokens: 8_192,
    chat: 'own',
    capabilities: {
      methods: ['lora'],
      maxRank: 64,
      logprobs: true,
      topLogprobs: 0,
      penalties: false,
      streaming: true,
      pipelined: true,
    },
  });
  const both = async (options = {}) => {
    const cpu = fakeBackend({ models: [small] });
    const gpu = fakeBackend({ models: [large] });
    return { cpu, gpu, ...(await serve({ registry: createRegistry({ cpu, gpu }), ...options })) };
  };

  it('serves each model by the backend that has it, and lists all', async () => {
    const { cpu, gpu, call, get, gateway } = await both();
    const tuning = { method: 'lora', rank: 64 };
    expect((await call('/v1/tune', { ...request, model: 'large', tuning })).response.status).toBe(200);
    expect([cpu.opened.length, gpu.opened.length]).toEqual([0, 1]);
    const { models } = await json(await get('/v1/models'), modelsResponse);
    expect(models).toEqual([
      {
        id: 'small',
        context_tokens: 512,
        parameters: 5_000_000,
        chat: 'plain',
        max_logprobs: 5,
        defaults,
        capabilities: { methods: ['full', 'lora'], max_rank: 256, logprobs: true, streaming: true, penalties: true },
      },
      {
        id: 'large',
        context_tokens: 8_192,
        parameters: 5_000_000,
        chat: 'own',
        max_logprobs: 0,
        defaults,
        capabilities: { methods: ['lora'], max_rank: 64, logprobs: true, streaming: true, penalties: false },
      },
    ]);
    expect(await (await fetch(`${gateway.url}/health`)).json()).toMatchObject({ models: ['small', 'large'] });
    const { response } = await call('/v1/tune', { ...request, model: 'gpt' });
    expect((await errorOf(response)).message).toBe("model 'gpt' does not exist; known models: small, large");
  });

  it.each([
    [{ method: 'full' }, 'tuning.method', "tuning.method: is 'full'; model 'large' has: lora"],
    [{ method: 'lora', rank: 65 }, 'tuning.rank', "tuning.rank: is 65, the limit of model 'large' is 64"],
  ])('refuses a method or rank that the model does not have: %j', async (tuning, param, message) => {
    const { gpu, call } = await both();
    for (const body of [
      { ...request, model: 'large', tuning },
      { model: 'large', text: 'x', picks, tuning },
    ]) {
      const { response } = await call('prompt' in body ? '/v1/tune' : '/v1/score', body);
      expect(response.status).toBe(400);
      expect(await errorOf(response)).toMatchObject({ code: 'bad_field', param, message });
    }
    expect(gpu.opened).toEqual([]);
  });

  it.each([
    [{ logprobs: 1 }, 'logprobs', "is 1; model 'large' tells those of the generated tokens alone (0)"],
    [{ presence_penalty: 0.5 }, 'presence_penalty', "is 0.5; model 'large' has no penalties"],
    [{ frequency_penalty: -2 }, 'frequency_penalty', "is -2; model 'large' has no penalties"],
  ])('refuses what a model cannot do beside its tokens: %j', async (sampling, name, message) => {
    const { gpu, call } = await both();
    const asked = { ...request, sampling };
    const { response } = await call('/v1/tune', { ...asked, model: 'large' });
    expect(response.status).toBe(400);
    const param = `sampling.${name}`;
    expect(await errorOf(response)).toMatchObject({ code: 'bad_field', param, message: `${param}: ${message}` });
    expect(gpu.opened).toEqual([]);
    expect((await call('/v1/tune', { ...asked, model: 'small' })).response.status).toBe(200);
  });

  it('generates and scores without steps on a model that has no full fine-tuning', async () => {
    const { gpu, call } = await both();
    expect((await call('/v1/tune', { model: 'large', prompt: 'x' })).response.status).toBe(200);
    expect((await call('/v1/score', { model: 'large', text: 'x' })).response.status).toBe(200);
    expect(gpu.opened.map(({ method }) => method)).toEqual(['lora', 'lora']);
  });

  it('has a queue for each: one that is full or broken leaves the other alone', async () => {
    const { cpu, call, gateway } = await both({ queueLimit: 1 });
    const step = cpu.pauseAt('step');
    const onSmall = { ...request, model: 'small' };
    const first = call('/v1/tune', onSmall);
    await step.reached;
    const second = call('/v1/tune', onSmall);
    await untilHealth(gateway.url, ({ waiting }) => waiting === 1);
    const { response: refused } = await call('/v1/tune', onSmall);
    expect([refused.status, (await errorOf(refused)).code]).toEqual([503, 'queue_full']);
    const { response: served } = await call('/v1/tune', { ...request, model: 'large', tuning: { method: 'lora' } });
    expect(served.status).toBe(200);
    expect(await (await fetch(`${gateway.url}/health`)).json()).toMatchObject({
      running: 1,
      waiting: 1,
      backends: [
        { name: 'cpu', running: 1, waiting: 1 },
        { name: 'gpu', running: 0, waiting: 0 },
      ],
    });
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toContain('sift_gateway_queue_waiting{backend="cpu"} 1');
    expect(metrics).toContain('sift_gateway_queue_waiting{backend="gpu"} 0');
    step.release();
    expect((await first).response.status).toBe(200);
    expect((await second).response.status).toBe(200);
  });

  it.each(['open', 'step', 'generate', 'close'] as const)('goes on when one of them throws in %s', async (failAt) => {
    const broken = fakeBackend({ models: [small], failAt, error: null });
    const sound = fakeBackend({ models: [fakeModel({ id: 'sound' })] });
    const { call } = await serve({ registry: createRegistry({ broken, sound }) });
    for (let round = 0; round < 2; round++) {
      const { response } = await call('/v1/tune', { ...request, model: 'small' });
      // a session that does not close has given its answer before
      expect(response.status).toBe(failAt === 'close' ? 200 : 502);
      expect((await call('/v1/tune', { ...request, model: 'sound' })).response.status).toBe(200);
    }
  });
});

describe('operations', () => {
  it('reports health without a signature', async () => {
    const { gateway } = await start();
    expect(await (await fetch(`${gateway.url}/health`)).json()).toEqual({
      status: 'ok',
      models: ['base'],
      running: 0,
      waiting: 0,
      backends: [{ name: 'embedded', running: 0, waiting: 0 }],
    });
  });

  it('counts requests, steps and tokens for Prometheus', async () => {
    const { gateway, call } = await start();
    await (await call('/v1/tune', { ...request, tenant: 'acme' })).response.text();
    await (await call('/v1/tune', { model: 'gpt', prompt: '' })).response.text();
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(text).toContain('sift_gateway_requests_total{route="tune",outcome="ok",backend="embedded"} 1');
    expect(text).toContain('sift_gateway_requests_total{route="tune",outcome="unknown_model",backend="none"} 1');
    expect(text).toContain('sift_gateway_steps_total{backend="embedded"} 3');
    expect(text).toContain('sift_gateway_generated_tokens_total{backend="embedded"} 2');
  });

  it('answers 404 and 405 in the error shape', async () => {
    const { gateway } = await start();
    const missing = await fetch(`${gateway.url}/nothing`);
    expect([missing.status, (await errorOf(missing)).code]).toEqual([404, 'not_found']);
    const wrong = await fetch(`${gateway.url}/health`, { method: 'DELETE' });
    expect([wrong.status, (await errorOf(wrong)).code]).toEqual([405, 'wrong_method']);
    expect(wrong.headers.get('allow')).toContain('GET');
  });

  it('refuses an invalid weight at start', async () => {
    const weights = new Map([['acme', 0]]);
    await expect(start({}, { weights })).rejects.toThrow("the weight of tenant 'acme' is 0, it must be above 0");
  });
});

describe('a stream whose reader goes slowly', () => {
  it('does not hold the backend past the deadline', async () => {
    const { backend, call } = await start(
      { pieces: Array.from({ length: 2_000 }, () => 'x'.repeat(65_536)) },
      { deadlineMs: 200 },
    );
    const { response } = await call('/v1/tune', { ...streamed, sampling: { max_tokens: 2_000 } });
    const reading = events(response);
    await reading.next();
    await soon('the end of the session', backend.ended());
    await reading.return(undefined);
  });
});
