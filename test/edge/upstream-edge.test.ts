// The Worker as production configures it, before a scripted gateway: statuses, Retry-After and x-should-retry as a caller
// sees them. The ways to misbehave, one by one, are in upstream.test.ts.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RunningEdge, startEdge } from '../../local/edge.ts';
import { embedderFiles } from '../../local/embedder.ts';
import { type Caller, edgeAt, GATEWAY_SECRET, KEY } from './harness.ts';
import { type Exchange, type Script, type ScriptedGateway, scriptedGateway } from './scripted-gateway.ts';

let script: Script = () => {};
let gateway: ScriptedGateway;
let state: string;
let running: RunningEdge;
let edge: Caller;
beforeAll(async () => {
  gateway = await scriptedGateway((x) => script(x));
  // as npm start runs it: under wrangler's test harness redirects are followed whatever the Worker asks for
  state = await mkdtemp(join(tmpdir(), 'sift-edge-'));
  running = await startEdge({
    root: fileURLToPath(new URL('../../', import.meta.url)),
    state,
    embedder: await embedderFiles(fileURLToPath(new URL('../../models/embedder', import.meta.url))),
    port: 0,
    apiKey: KEY,
    gatewayUrl: gateway.url,
    gatewaySecret: GATEWAY_SECRET,
    defaultCorpus: '',
  });
  edge = edgeAt(new URL(running.url));
});
afterAll(async () => {
  await running.close();
  await gateway.close();
  await rm(state, { recursive: true, force: true });
});
beforeEach(() => {
  script = () => {};
});

const errorOf = (code: string) => ({
  error: {
    message: `it said ${code}`,
    type: code === 'model_not_found' ? 'invalid_request_error' : 'server_error',
    code,
    param: null,
  },
});
const picks = [{ id: 'mine', text: 'Mine.' }];
const bits = { bits: 4, bytes: 1, tokens: 1, bits_per_byte: 4 };
const SCORE = {
  model: 'base',
  before: bits,
  after: bits,
  steps: [],
  tuning: { method: 'full', rank: null, learning_rate: 5e-4 },
  ms: { queue: 0, open: 0, tune: 0, score: 0 },
};

const score = (body: object = {}) =>
  edge.send('/v1/score', { body: { model: 'base', context: 'a', text: 'b', picks, ...body } });
const complete = (stream: boolean) =>
  edge.send('/v1/completions', { body: { model: 'base', prompt: 'Say', max_tokens: 5, stream } });
const told = async (response: Response) => {
  const { headers, status } = response;
  const body = JSON.parse(await response.text());
  return {
    status,
    code: body.error?.code,
    retryAfter: headers.get('retry-after'),
    shouldRetry: headers.get('x-should-retry'),
  };
};

describe('a score on the caller’s own picks', () => {
  it.each<[string, Script, object]>([
    ['that succeeds was paid for', (x) => x.answer(200, SCORE), { status: 200, shouldRetry: 'false' }],
    [
      'that breaks was paid for',
      (x) => x.answer(502, errorOf('backend')),
      { status: 502, code: 'backend', shouldRetry: 'false' },
    ],
    [
      'that runs out of time was paid for',
      (x) => x.answer(504, errorOf('deadline')),
      { status: 504, code: 'deadline', shouldRetry: 'false' },
    ],
    ['that breaks off was paid for', (x) => x.stream().then(() => x.reset()), { status: 502, shouldRetry: 'false' }],
    [
      'that finds no place was not paid for',
      (x) => x.answer(503, errorOf('queue_full'), { headers: { 'retry-after': 7 } }),
      { status: 503, code: 'queue_full', retryAfter: '7', shouldRetry: null },
    ],
    [
      'of an unknown model was not paid for',
      (x) => x.answer(404, errorOf('model_not_found')),
      { status: 404, code: 'model_not_found', shouldRetry: null },
    ],
    [
      'that reaches no gateway was not paid for',
      (x) => x.reset(),
      { status: 502, code: 'gateway_unreachable', shouldRetry: null },
    ],
    [
      'that our gateway did not take was not paid for',
      (x) => x.plain(401),
      { status: 502, code: 'gateway_unreachable', shouldRetry: null },
    ],
  ])('%s', async (_, next, want) => {
    script = next;
    expect(await told(await score())).toMatchObject(want);
  });

  it('without a step costs little, so that nothing speaks against a retry', async () => {
    script = (x) => x.answer(502, errorOf('backend'));
    expect(await told(await score({ picks: [] }))).toMatchObject({ status: 502, shouldRetry: null });
  });
});

describe('every route', () => {
  const calls: [string, () => Promise<Response>][] = [
    ['models', () => edge.send('/v1/models')],
    ['score', () => score()],
    ['a completion', () => complete(false)],
    ['a stream', () => complete(true)],
  ];
  it.each<[string, Script, object]>([
    [
      'a redirect',
      (x) => x.plain(307, { location: `${gateway.url}/elsewhere` }),
      { status: 502, code: 'gateway_unreachable' },
    ],
    ['408', (x) => x.plain(408), { status: 502, code: 'gateway_unreachable' }],
    ['HTML', (x) => x.plain(200, {}, '<html>'), { status: 502, code: 'gateway_unreachable' }],
    ['another signature', (x) => x.answer(200, SCORE, { signed: { nonce: '0'.repeat(32) } }), { status: 502 }],
    ['a deadline', (x) => x.answer(504, errorOf('deadline')), { status: 504, code: 'deadline' }],
    [
      'a shutdown',
      (x) => x.answer(503, errorOf('shutting_down'), { headers: { 'retry-after': 5 } }),
      { status: 503, code: 'shutting_down', retryAfter: '5' },
    ],
  ])('tells its caller by kind: %s', async (_, next, want) => {
    script = next;
    for (const [, call] of calls) expect(await told(await call())).toMatchObject(want);
    expect(gateway.requests.map(({ path }) => path)).not.toContain('/elsewhere');
  });

  it('ends a stream with a forged token before the token', async () => {
    script = async (x: Exchange) => {
      await x.stream();
      await x.event({ event: 'token', text: 'good', tokens: 1 });
      await x.event({ event: 'token', text: 'forged', tokens: 2 }, { secret: 'another secret of some length' });
      x.end();
    };
    const text = await (await complete(true)).text();
    expect(text).toContain('good');
    expect(text).toContain('data: {"error"');
    expect(text).not.toContain('forged');
    expect(text).not.toContain('[DONE]');
    expect(await told(await complete(false))).toMatchObject({ status: 502, code: 'gateway_unreachable' });
  });

  it('keeps the kind of an error event when no stream was asked for', async () => {
    script = async (x: Exchange) => {
      await x.stream();
      await x.event({ event: 'error', ...errorOf('deadline') });
      x.end();
    };
    expect(await told(await complete(false))).toMatchObject({ status: 504, code: 'deadline' });
  });
});
