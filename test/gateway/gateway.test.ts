// The gateway over real HTTP with a fake backend: what a caller sees, and what is left behind.
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type RunningGateway, serveGateway } from '../../gateway/serve.ts';
import { SIGNATURE_HEADER, signRequest, verifyResponse } from '../../wire/signature.ts';
import { type TuneEvent, tuneEvent, tuneResponse } from '../../wire/tune.ts';
import { type FakeOptions, fakeBackend } from './fake-backend.ts';

const secret = 'a secret of some length';
let running: RunningGateway[] = [];

const start = async (options: FakeOptions & { queueLimit?: number; deadlineMs?: number } = {}) => {
  const backend = fakeBackend(options);
  const limits = {
    ...(options.queueLimit === undefined ? {} : { queueLimit: options.queueLimit }),
    ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
  };
  const gateway = await serveGateway({ backend, secret, port: 0, ...limits });
  running.push(gateway);
  const call = async (path: string, body: unknown, init: RequestInit = {}) => {
    const bytes = new Uint8Array(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
    const { header, nonce } = await signRequest(secret, { method: 'POST', path, body: bytes }, Date.now());
    const response = await fetch(gateway.url + path, {
      ...init,
      method: 'POST',
      body: bytes,
      headers: { [SIGNATURE_HEADER]: header, 'content-type': 'application/json' },
    });
    return { response, nonce };
  };
  return { backend, gateway, call };
};

const events = async function* (response: Response): AsyncGenerator<TuneEvent> {
  if (response.body === null) throw new Error('no body');
  const parsed = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { event, data } of parsed) {
    const value = tuneEvent.parse(JSON.parse(data));
    expect(value.event).toBe(event);
    yield value;
  }
};

const json = async <Schema extends z.ZodType>(response: Response, schema: Schema): Promise<z.output<Schema>> =>
  schema.parse(await response.json());
const errorBody = z.object({
  error: z.object({ message: z.string(), type: z.string(), code: z.string(), param: z.string().nullable() }),
});
const errorOf = async (response: Response) => (await json(response, errorBody)).error;

const picks = ['one', 'two', 'three'].map((text) => ({ id: text, text }));
const request = { model: 'base', prompt: 'Say', picks };

const until = async (what: () => boolean): Promise<void> => {
  for (let i = 0; i < 100; i++) {
    if (what()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('did not happen within a second');
};

afterEach(async () => {
  await Promise.all(running.map((gateway) => gateway.close(0)));
  running = [];
});

describe('POST /v1/tune', () => {
  it('steps once per pick in pick order, then answers with the text, the losses and the usage', async () => {
    const { backend, call } = await start();
    const { response, nonce } = await call('/v1/tune', { ...request, sampling: { temperature: 0 } });
    expect(response.status).toBe(200);
    expect(await verifyResponse(secret, response.headers.get(SIGNATURE_HEADER), nonce, 200)).toBe(true);
    const body = await json(response, tuneResponse);
    expect(body).toMatchObject({ model: 'base', text: 'Hello', finish_reason: 'stop' });
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
    const { response } = await call('/v1/tune', { ...request, stream: true });
    const seen = await Array.fromAsync(events(response));
    expect(seen.map(({ event }) => event)).toEqual(['step', 'step', 'step', 'token', 'token', 'usage', 'done']);
    expect(seen.map((event) => (event.event === 'token' ? event.text : '')).join('')).toBe('Hello');
  });

  it('hands the hyperparameters to the backend under their own names', async () => {
    const { backend, call } = await start();
    const tuning = { method: 'lora', rank: 4, learning_rate: 0.01, weight_decay: 0.1, reuse_gradients: true };
    await (await call('/v1/tune', { ...request, tuning, sampling: { seed: 7 } })).response.text();
    expect(backend.opened[0]).toEqual({
      model: 'base',
      method: 'lora',
      rank: 4,
      seed: 7,
      reuseGradients: true,
      optimiser: { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 },
    });
  });

  it.each([
    ['not JSON', '{"model":', 400, 'bad_json', null],
    ['no model', { prompt: 'x' }, 400, 'bad_field', 'model'],
    ['an unknown field', { ...request, colour: 'red' }, 400, 'bad_field', 'body'],
    ['an empty pick', { ...request, picks: [{ id: 'a', text: '' }] }, 400, 'bad_field', 'picks.0.text'],
    ['too many steps', { ...request, picks: Array(201).fill({ id: 'a', text: 'b' }) }, 400, 'bad_field', 'picks'],
    ['a giant prompt', { ...request, prompt: 'é'.repeat(140_000) }, 400, 'bad_field', 'prompt'],
    ['an unknown model', { ...request, model: 'gpt' }, 404, 'unknown_model', 'model'],
    ['a learning rate of 0', { ...request, tuning: { learning_rate: 0 } }, 400, 'bad_field', 'tuning.learning_rate'],
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

  it('refuses a body over the cap with 413', async () => {
    const { call } = await start();
    const { response } = await call('/v1/tune', ' '.repeat(16 * 1024 * 1024 + 1));
    expect(response.status).toBe(413);
  });

  it('refuses an unsigned request and a replayed one', async () => {
    const { gateway } = await start();
    const unsigned = await fetch(`${gateway.url}/v1/tune`, { method: 'POST', body: '{}' });
    expect(unsigned.status).toBe(401);
    const body = new Uint8Array(Buffer.from(JSON.stringify(request)));
    const { header } = await signRequest(secret, { method: 'POST', path: '/v1/tune', body }, Date.now());
    const send = () =>
      fetch(`${gateway.url}/v1/tune`, { method: 'POST', body, headers: { [SIGNATURE_HEADER]: header } });
    expect((await send()).status).toBe(200);
    const replay = await send();
    expect(replay.status).toBe(401);
    expect((await errorOf(replay)).message).toContain('it was used before');
  });

  it('says 503 with Retry-After when the queue is full, and serves the others', async () => {
    const { call } = await start({ stepMs: 30, queueLimit: 1 });
    const first = call('/v1/tune', { ...request, stream: true });
    const { response: one } = await first;
    const second = call('/v1/tune', request);
    await new Promise((resolve) => setTimeout(resolve, 30));
    const { response: refused } = await call('/v1/tune', request);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await errorOf(refused)).code).toBe('queue_full');
    expect((await Array.fromAsync(events(one))).at(-1)?.event).toBe('done');
    expect((await second).response.status).toBe(200);
  });

  it('tells a streaming caller its place in the line', async () => {
    const { call } = await start({ stepMs: 30 });
    const { response: one } = await call('/v1/tune', { ...request, stream: true });
    const { response: two } = await call('/v1/tune', { ...request, stream: true });
    const [seen] = await Promise.all([Array.fromAsync(events(two)), Array.fromAsync(events(one))]);
    expect(seen[0]).toEqual({ event: 'queued', position: 1 });
    expect(seen.at(-1)?.event).toBe('done');
  });

  it('stops the work when the caller hangs up, streaming or not', async () => {
    for (const stream of [true, false]) {
      const { backend, call } = await start({ stepMs: 50 });
      const hangUp = new AbortController();
      const many = { ...request, picks: Array(100).fill(picks[0]), stream };
      const pending = call('/v1/tune', many, { signal: hangUp.signal }).then(({ response }) => response.text());
      await until(() => backend.log.length > 1);
      hangUp.abort();
      await expect(pending).rejects.toThrow();
      await until(() => backend.live() === 0);
      expect(backend.log.length).toBeLessThan(30);
    }
  });

  it('lets a waiting caller hang up without disturbing the one at work', async () => {
    const { backend, call } = await start({ stepMs: 30 });
    const { response } = await call('/v1/tune', { ...request, stream: true });
    const hangUp = new AbortController();
    const waiting = call('/v1/tune', request, { signal: hangUp.signal });
    setTimeout(() => hangUp.abort(), 20);
    await expect(waiting).rejects.toThrow();
    expect((await Array.fromAsync(events(response))).at(-1)?.event).toBe('done');
    expect(backend.opened.length).toBe(1);
  });

  it('ends at the deadline with 504, never 408', async () => {
    const { backend, call } = await start({ stepMs: 1_000, deadlineMs: 50 });
    const { response } = await call('/v1/tune', request);
    expect(response.status).toBe(504);
    expect(await errorOf(response)).toMatchObject({ code: 'deadline' });
    expect(backend.live()).toBe(0);
  });

  it.each(['open', 'step', 'generate'] as const)(
    'turns a backend that breaks at %s into an error event',
    async (failAt) => {
      const { backend, call } = await start({ failAt });
      const { response } = await call('/v1/tune', { ...request, stream: true });
      const seen = await Array.fromAsync(events(response));
      expect(seen.at(-1)).toMatchObject({ event: 'error', error: { code: 'internal' } });
      expect(backend.live()).toBe(0);
    },
  );

  it('refuses a prompt that the context cannot hold before any step is made', async () => {
    const { backend, call } = await start({ contextTokens: 8 });
    const { response } = await call('/v1/tune', request);
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toEqual({
      message: "prompt is 9 tokens, which leaves no room in the model's context of 8 tokens",
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
    const { response } = await call('/v1/tune', request);
    expect(response.status).toBe(502);
    expect((await errorOf(response)).message).toContain("step 1 (example 'one') is NaN; a smaller learning_rate");
  });
});

describe('POST /v1/score', () => {
  it('gives bits per byte before and after the steps', async () => {
    const { backend, call } = await start();
    const { response } = await call('/v1/score', { model: 'base', context: 'a', text: 'four', picks });
    expect(await response.json()).toMatchObject({
      before: { bits: 16, bytes: 4, bits_per_byte: 4 },
      after: { bits: 4, bytes: 4, bits_per_byte: 1 },
    });
    expect(backend.live()).toBe(0);
  });

  it('refuses an empty text', async () => {
    const { call } = await start();
    const { response } = await call('/v1/score', { model: 'base', text: '' });
    expect(response.status).toBe(400);
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
    });
  });

  it('counts requests, steps and tokens for Prometheus', async () => {
    const { gateway, call } = await start();
    await (await call('/v1/tune', request)).response.text();
    await (await call('/v1/tune', { model: 'gpt', prompt: '' })).response.text();
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(text).toContain('sift_gateway_requests_total{route="tune",outcome="ok"} 1');
    expect(text).toContain('sift_gateway_requests_total{route="tune",outcome="unknown_model"} 1');
    expect(text).toContain('sift_gateway_steps_total 3');
    expect(text).toContain('sift_gateway_generated_tokens_total 2');
  });

  it('answers 404 and 405 in the error shape', async () => {
    const { gateway } = await start();
    const missing = await fetch(`${gateway.url}/nothing`);
    expect([missing.status, (await errorOf(missing)).code]).toEqual([404, 'not_found']);
    const wrong = await fetch(`${gateway.url}/health`, { method: 'DELETE' });
    expect([wrong.status, (await errorOf(wrong)).code]).toEqual([405, 'wrong_method']);
    expect(wrong.headers.get('allow')).toContain('GET');
  });

  it('shuts down gracefully: those inside finish, newcomers are refused', async () => {
    const { gateway, call } = await start({ stepMs: 20 });
    const { response } = await call('/v1/tune', { ...request, stream: true });
    const closed = gateway.close();
    expect((await Array.fromAsync(events(response))).at(-1)?.event).toBe('done');
    await closed;
    await expect(fetch(`${gateway.url}/health`)).rejects.toThrow();
  });

  it('aborts what outlasts the grace period and says so in the stream', async () => {
    const { backend, gateway, call } = await start({ stepMs: 10_000 });
    const { response } = await call('/v1/tune', { ...request, stream: true });
    const closed = gateway.close(20);
    expect((await Array.fromAsync(events(response))).at(-1)).toMatchObject({ error: { code: 'shutting_down' } });
    await closed;
    expect(backend.live()).toBe(0);
  });
});
