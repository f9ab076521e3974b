// Every way in which a gateway, or whatever answers in its place, can misbehave: each call of the edge ends in a bounded
// time with the right status, in Node and in workerd. One line a scenario; the gateway is scripted on raw sockets.
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle, startBareWorker } from '../../local/bundle.ts';
import type { Runtime as RunningWorker } from '../../local/workerd.ts';
import { GATEWAY_SECRET } from './harness.ts';
import { type Exchange, type Script, type ScriptedGateway, scriptedGateway } from './scripted-gateway.ts';
import { type Answer, ask, type CallKind, type Question } from './upstream-ask.ts';

const RUNTIMES = ['Node', 'workerd'] as const;
type Runtime = (typeof RUNTIMES)[number];

let worker: RunningWorker;
beforeAll(async () => {
  const entry = fileURLToPath(new URL('upstream-worker.ts', import.meta.url));
  worker = await startBareWorker('upstream', await bundle(entry));
});
afterAll(async () => {
  // in Node an unhandled rejection fails the run by itself
  expect(await (await fetch(worker.url)).json()).toEqual([]);
  await worker.stop();
});

/** Long enough for a busy machine: only a scenario that waits for a clock has short ones. */
const LONG = { firstByteMs: 20_000, idleMs: 20_000, deadlineMs: 20_000 };
const FIRST_BYTE = { ...LONG, firstByteMs: 500 };
const IDLE = { ...LONG, idleMs: 600 };
/** The list of models has no deadline but its first byte's. */
const DEADLINE = { ...LONG, firstByteMs: 900, deadlineMs: 900 };

const asked = async (runtime: Runtime, question: Question): Promise<Answer> => {
  if (runtime === 'Node') return ask(question);
  const response = await fetch(worker.url, { method: 'POST', body: JSON.stringify(question) });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as Answer;
};

const until = async (what: () => boolean, ms: number): Promise<void> => {
  for (const end = Date.now() + ms; !what(); ) {
    if (Date.now() > end) throw new Error(`did not happen within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

/** The answers of each call in each runtime to a gateway that follows the script, and what that gateway saw. */
const against = async (
  script: Script,
  calls: readonly CallKind[],
  check: (answer: Answer, gateway: ScriptedGateway, call: CallKind, runtime: Runtime) => void | Promise<void>,
  changes: Partial<Question> = {},
): Promise<void> => {
  await Promise.all(
    RUNTIMES.flatMap((runtime) =>
      calls.map(async (call) => {
        const gateway = await scriptedGateway(script);
        try {
          const question = { call, url: gateway.url, secret: GATEWAY_SECRET, clocks: LONG, ...changes };
          await check(await asked(runtime, question), gateway, call, runtime);
        } finally {
          await gateway.close();
        }
      }),
    ),
  );
};

const EVERY: readonly CallKind[] = ['models', 'score', 'whole', 'streamed'];
const JSON_CALLS: readonly CallKind[] = ['models', 'score'];
const STREAMS: readonly CallKind[] = ['whole', 'streamed'];

// ── what a gateway that works says ────────────────────────────────────────────────────────────────────────────────
const tuning = { method: 'full', rank: null, learning_rate: 5e-4, guard: null, adapter: null };
const defaults = { method: 'full', rank: 8, learning_rate: { full: 5e-4, lora: 5e-3 }, from: 'size' };
const capabilities = { methods: ['full', 'lora'], max_rank: 256, logprobs: false };
const MODELS = { models: [{ id: 'base', context_tokens: 512, parameters: 5, defaults, capabilities }] };
const bits = { bits: 4, bytes: 1, tokens: 1, bits_per_byte: 4 };
const step = { index: 0, of: 1, id: 'a', loss: 2, tokens: 3, ms: 1, truncated: false, reused: false };
const SCORE = {
  model: 'base',
  before: bits,
  after: bits,
  steps: [step],
  tuning,
  ms: { queue: 0, open: 0, tune: 0, score: 0 },
};
const STEP = { event: 'step', step };
const RESTART = { event: 'restart', restart: { undone: 1, of: 1, learning_rate: 1e-4, reason: 'it did harm' } };
const ADAPTER = { event: 'adapter', adapter: { id: 'a', reused: true, steps: [step] } };
const CONTEXT = { event: 'context', examples: 1, dropped: 0, tokens: 3 };
const TOKEN = { event: 'token', text: 'Hel', tokens: 1 };
const TOKEN_2 = { event: 'token', text: 'lo', tokens: 2 };
const USAGE = {
  event: 'usage',
  usage: {
    prompt_tokens: 1,
    completion_tokens: 2,
    tuning_tokens: 3,
    tuning,
    steps: 1,
    ms: { queue: 0, open: 0, tune: 0, generate: 0 },
  },
};
const DONE = { event: 'done', finish_reason: 'stop' };
const TRUNCATED = { event: 'truncated', dropped_tokens: 3, kept_tokens: 1 };
const FINISH = { event: 'finish', index: 0, finish_reason: 'stop' };
const BEFORE_TEXT = [{ event: 'queued', position: 1 }, STEP, RESTART, STEP, TRUNCATED, CONTEXT];
const GOOD = [...BEFORE_TEXT, TOKEN, TOKEN_2, FINISH, USAGE, DONE];

const goodAnswer = (x: Exchange): Promise<void> => {
  if (x.seen.path === '/v1/models') return x.answer(200, MODELS);
  if (x.seen.path === '/v1/score') return x.answer(200, SCORE);
  return goodStream(x);
};
const goodStream = async (x: Exchange): Promise<void> => {
  await x.stream();
  await x.events(...GOOD);
  x.end();
};
const good = (call: CallKind, answer: Answer): void => {
  expect(answer.status).toBe(200);
  expect(answer.code).toBeUndefined();
  if (call === 'models') expect(answer.value).toEqual(MODELS.models);
  else if (call === 'score') expect(answer.value).toEqual(SCORE);
  else expect(answer.text).toBe('Hello');
  if (call === 'streamed') expect(answer.done).toBe(true);
};
const CALLERS = new Set([
  'beyond_deadline',
  'bad_field',
  'too_large',
  'model_not_found',
  'context_length_exceeded',
  'bad_json',
  'not_found',
]);
const errorOf = (code: string, message = `it said ${code}`) => ({
  error: { message, type: CALLERS.has(code) ? 'invalid_request_error' : 'server_error', code, param: null },
});
const errorEvent = (code: string) => ({ event: 'error', ...errorOf(code) });
const MIB = 1024 * 1024;
const PIECE = 'x'.repeat(64 * 1024);

describe('a gateway that works', () => {
  it('is understood by every call, with one request', () =>
    against(goodAnswer, EVERY, (answer, gateway, call) => {
      good(call, answer);
      expect(gateway.requests).toHaveLength(1);
    }));

  it('may answer byte by byte, in pieces that cut characters, with comments between', () =>
    against(
      async (x) => {
        await x.stream();
        await x.write(': waiting\n\n');
        await x.events(STEP, { ...TOKEN, text: 'H' });
        await x.write(': waiting\n\n: waiting\n\n');
        await x.events({ ...TOKEN, text: '€' }, USAGE, DONE);
        x.end();
      },
      STREAMS,
      (answer) => expect(answer).toMatchObject({ status: 200, text: 'H€' }),
    ));
});

// ── no answer that is our gateway's ───────────────────────────────────────────────────────────────────────────────
interface Scenario {
  readonly script: Script;
  readonly status: number;
  readonly code: string;
  /** Requests that came; 1 unless told: another one is a retry. `any`: where the runtimes see it differently. */
  readonly requests?: number | 'any';
  readonly begun?: boolean;
  readonly message?: RegExp;
  readonly changes?: Partial<Question>;
  readonly calls?: readonly CallKind[];
  /** Bytes that the gateway could send before the edge hung up. */
  readonly atMost?: number;
  readonly retryAfter?: string;
}
const unreachable = { status: 502, code: 'gateway_unreachable' };
const noFirstByte = { status: 504, code: 'gateway_timeout', begun: true, changes: { clocks: FIRST_BYTE } };
const idle = { ...noFirstByte, changes: { clocks: IDLE } };
const late = { status: 504, code: 'deadline', begun: true, changes: { clocks: DEADLINE } };
/** Another server's answer: named by its status, and by nothing that it says. */
const stranger = (status: number, headers: Record<string, string> = {}, body = '<html>secret</html>'): Scenario => ({
  ...unreachable,
  message: new RegExp(`\\b${status}\\b`),
  script: (x) => x.plain(status, headers, body),
});

const NO_ANSWER: Record<string, Scenario> = {
  'nobody listens': {
    ...unreachable,
    script: () => {},
    requests: 0,
    changes: { url: 'http://127.0.0.1:1' },
    begun: false,
  },
  'a reset before the headers': { ...unreachable, script: (x) => x.reset(), requests: 2, begun: false },
  'a close before the headers': { ...unreachable, script: (x) => x.end(), requests: 2, begun: false },
  'a reset after a second of work': {
    ...unreachable,
    begun: true,
    script: async (x) => {
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      x.reset();
    },
  },
  'no HTTP': { ...unreachable, script: (x) => x.write('hello\r\n\r\n').then(() => x.end()), requests: 2 },
  silence: { ...noFirstByte, calls: STREAMS, script: () => {} },
  'silence, where all must come at once': { ...late, calls: JSON_CALLS, script: () => {} },
  'headers that drip': { ...late, script: (x) => x.write('HTTP/1.1 200 OK\r\n').then(() => x.repeat('x: y\r\n', 20)) },
  'headers without an end': { ...unreachable, script: (x) => x.head(200, { x: 'y'.repeat(2 * MIB) }), requests: 2 },
  'a stranger’s 200': stranger(200),
  'a stranger’s 200 with our JSON': { ...stranger(200, {}, JSON.stringify(MODELS)), begun: true },
  'a stranger’s 200 with an error body': stranger(200, {}, JSON.stringify(errorOf('model_not_found'))),
  '101': { ...unreachable, script: (x) => x.plain('101 Switching Protocols'), requests: 'any' },
  '103, then silence': {
    status: 504,
    code: 'gateway_timeout',
    changes: { clocks: FIRST_BYTE },
    calls: STREAMS,
    script: (x) => x.head('103 Early Hints'),
  },
  '201': stranger(201),
  '204': { ...unreachable, script: (x) => x.plain('204 No Content') },
  '206': stranger(206),
  '301': stranger(301, { location: '/v1/models' }),
  '302': stranger(302, { location: 'http://127.0.0.1:1/' }),
  '303': stranger(303, { location: '/elsewhere' }),
  '307': { ...stranger(307, { location: '/elsewhere' }), begun: false, message: /307; redirects are not followed/ },
  '308': stranger(308, { location: '/elsewhere' }),
  '400': stranger(400),
  '401': { ...stranger(401), begun: false, message: /GATEWAY_SECRET must be the same.*clocks at most 60 s apart/ },
  '401 in our shape': stranger(401, {}, JSON.stringify(errorOf('bad_signature', 'secret'))),
  '403': stranger(403),
  '404': { ...stranger(404, {}, JSON.stringify(errorOf('model_not_found'))), begun: false },
  '408': stranger(408),
  '418': stranger(418),
  '429': stranger(429, { 'retry-after': '1' }),
  '500': { ...stranger(500), begun: true },
  '502': stranger(502),
  '503': { ...stranger(503), requests: 2, begun: false },
  '503 with Retry-After': { ...stranger(503, { 'retry-after': '7' }), requests: 2 },
  '504': stranger(504),
  '521, nothing listens behind a proxy': { ...stranger(521), requests: 2, begun: false },
  '599': stranger(599),
  'a 300 MB answer of a stranger': {
    ...unreachable,
    atMost: 8 * MIB,
    script: (x) => x.head(200, { 'content-length': 300 * MIB }).then(() => x.repeat(PIECE, 0)),
  },
};

const NOT_GENUINE: Record<string, Scenario> = {
  'another secret': {
    ...unreachable,
    script: (x) => x.answer(200, MODELS, { signed: { secret: 'another secret of some length' } }),
  },
  'the signature of another request': {
    ...unreachable,
    script: (x) => x.answer(200, MODELS, { signed: { nonce: '0'.repeat(32) } }),
  },
  'the signature of another body': {
    ...unreachable,
    script: (x) => x.answer(200, MODELS, { signed: { body: '{"models":[]}' } }),
  },
  'the signature of another status': {
    ...unreachable,
    script: (x) => x.answer(200, MODELS, { signed: { status: 503 } }),
  },
  'a signature of another form': { ...unreachable, script: (x) => x.plain(200, { 'sift-signature': 'yes' }, '{}') },
  'two signatures': {
    ...unreachable,
    script: async (x) => x.answer(200, MODELS, { headers: { 'Sift-Signature': await x.signature(200, 'x') } }),
  },
  'a refusal that someone altered': {
    ...unreachable,
    script: (x) =>
      x.answer(404, errorOf('model_not_found', 'buy here'), {
        signed: { body: JSON.stringify(errorOf('model_not_found')) },
      }),
  },
  'a genuine refusal under another status': {
    ...unreachable,
    script: (x) => x.answer(503, errorOf('model_not_found'), { signed: { status: 404 } }),
    requests: 2,
  },
};

const BROKEN_JSON: Record<string, Scenario> = {
  'half a body, then silence': { ...idle, script: (x) => halfOf(x) },
  'half a body, then a close': { ...unreachable, script: (x) => halfOf(x).then(() => x.end()) },
  'half a body, then a reset': { ...unreachable, script: (x) => halfOf(x).then(() => x.reset()) },
  'a body shorter than it says': {
    ...unreachable,
    script: (x) => x.answer(200, MODELS, { headers: { 'content-length': 9999 } }),
  },
  'a body longer than it says': {
    ...unreachable,
    script: (x) => x.answer(200, MODELS, { headers: { 'content-length': 5 } }),
  },
  'a byte now and then': {
    ...late,
    script: async (x) => {
      await x.head(200, { 'sift-signature': await x.signature(200, 'x') });
      await x.repeat('x', 50);
    },
  },
  '300 MB': {
    ...unreachable,
    atMost: 16 * MIB,
    message: /larger than 4194304 bytes/,
    script: async (x) => {
      await x.head(200, { 'sift-signature': await x.signature(200, 'x') });
      await x.repeat(PIECE, 0);
    },
  },
  '300 MB, as it says': {
    ...unreachable,
    atMost: 8 * MIB,
    script: async (x) => {
      await x.head(200, { 'sift-signature': await x.signature(200, 'x'), 'content-length': 300 * MIB });
      await x.repeat(PIECE, 0);
    },
  },
  '300 MB of an error': {
    ...unreachable,
    atMost: 8 * MIB,
    message: /larger than 65536 bytes/,
    script: async (x) => {
      await x.head(500, { 'sift-signature': await x.signature(500, 'x') });
      await x.repeat(PIECE, 0);
    },
  },
  'a gzip bomb': {
    ...unreachable,
    message: /larger than 4194304 bytes/,
    script: (x) => x.answer(200, BOMB, { headers: { 'content-encoding': 'gzip' } }),
  },
  'a body that is not compressed as its header says': {
    ...unreachable,
    script: (x) => x.answer(200, MODELS, { headers: { 'content-encoding': 'gzip' } }),
  },
  'chunks that are none': {
    ...unreachable,
    script: async (x) => {
      await x.head(200, { 'sift-signature': await x.signature(200, 'x'), 'transfer-encoding': 'chunked' });
      await x.write('zzz\r\nnothing\r\n');
      x.end();
    },
  },
  'a stream in place of a body': { ...unreachable, script: (x) => goodStream(x) },
};
const halfOf = async (x: Exchange): Promise<void> => {
  const body = JSON.stringify(MODELS);
  await x.head(200, { 'content-length': body.length, 'sift-signature': await x.signature(200, body) });
  await x.write(body.slice(0, 10));
};
const BOMB = gzipSync(Buffer.alloc(300 * MIB));

const NOT_UNDERSTOOD: Record<string, Scenario> = Object.fromEntries(
  Object.entries<string | object | Uint8Array>({
    'no JSON': '{"models":[',
    nothing: '',
    'another schema': { data: [] },
    'a list': [],
    null: 'null',
    NaN: '{"models":[{"id":"base","context_tokens":NaN,"parameters":5}],"before":NaN}',
    'a number too large': '{"models":[{"id":"base","context_tokens":1e999,"parameters":5}],"before":1e999}',
    'an error in place of an answer': errorOf('queue_full'),
    'bytes that are not UTF-8': new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
    'lists in lists without end': '['.repeat(100_000),
  }).map(([name, body]) => [
    name,
    {
      status: 502,
      code: 'backend',
      begun: true,
      message: /^the backend failed: the gateway's answer is not understood: [^\n]{3,200}$/,
      script: (x: Exchange) => x.answer(200, body),
    },
  ]),
);

/** What the gateway refuses, signed: kept by its kind, whatever its status. */
const refusal = (code: string, status: number, want: Partial<Scenario>, headers = {}): Scenario => ({
  status,
  code,
  script: (x) => x.answer(status, errorOf(code), { headers }),
  ...want,
});
const REFUSALS: Record<string, Scenario> = {
  model_not_found: refusal('model_not_found', 404, { begun: false, message: /^it said model_not_found$/ }),
  bad_field: refusal('bad_field', 400, { begun: false }),
  'a prompt over the context': refusal('context_length_exceeded', 400, { begun: false }),
  too_large: refusal('too_large', 413, { begun: false }),
  beyond_deadline: refusal('beyond_deadline', 400, { begun: false, message: /^it said beyond_deadline$/ }),
  queue_full: refusal('queue_full', 503, { begun: false, retryAfter: '7' }, { 'retry-after': 7 }),
  'queue_full without Retry-After': refusal('queue_full', 503, { begun: false, retryAfter: '5', requests: 2 }),
  'queue_full under another status': refusal('queue_full', 429, { status: 503, retryAfter: '7' }, { 'retry-after': 7 }),
  nonces_full: refusal('nonces_full', 503, { begun: false, retryAfter: '60' }, { 'retry-after': 61 }),
  'shutting_down before a stream': refusal(
    'shutting_down',
    503,
    { calls: STREAMS, begun: false, retryAfter: '5' },
    { 'retry-after': 5 },
  ),
  'shutting_down in a score': refusal('shutting_down', 503, { begun: false, retryAfter: '5' }, { 'retry-after': 5 }),
  'stopped at its work': refusal('stopped', 503, { begun: true, retryAfter: '5' }),
  'deadline in a score': refusal('deadline', 504, { calls: ['score'], begun: true }),
  'deadline as 408': refusal('deadline', 408, { status: 504 }),
  backend: refusal('backend', 502, { message: /^it said backend$/ }),
  'a failure inside': refusal('internal', 500, { status: 502, code: 'backend', message: /log of the gateway/ }),
  'a lost connection': refusal('cancelled', 499, { ...unreachable }),
  'no such route': refusal('not_found', 404, { ...unreachable, begun: false, message: /another version/ }),
  'no such method': refusal('wrong_method', 405, { ...unreachable, begun: false }),
  'a request it cannot read': refusal('bad_json', 400, { ...unreachable }),
  'a code of a later version': refusal('gpu_on_fire', 500, { status: 502 }),
  'a code that every object has': refusal('constructor', 500, { status: 502 }),
  'no error body': { status: 502, code: 'backend', script: (x) => x.answer(500, '<html>') },
  'a message of 60 KB': {
    status: 502,
    code: 'backend',
    message: /^a{1000}$/,
    script: (x) => x.answer(502, errorOf('backend', 'a'.repeat(60_000))),
  },
  ...Object.fromEntries(
    [
      ['0', '1'],
      ['-5', '5'],
      ['1e9', '5'],
      ['999999999', '60'],
      ['99999999999999999999', '5'],
      ['soon', '5'],
      ['Wed, 21 Oct 2099 07:28:00 GMT', '5'],
    ].map(([said = '', retryAfter = '']) => [
      `Retry-After: ${said}`,
      refusal('queue_full', 503, { retryAfter, changes: { noRetry: true } }, { 'retry-after': said }),
    ]),
  ),
};

const tried = (title: string, scenarios: Record<string, Scenario>, calls: readonly CallKind[]): void => {
  describe(title, () => {
    it.concurrent.each(Object.entries(scenarios))('%s', async (_, scenario) => {
      await against(
        scenario.script,
        scenario.calls ?? calls,
        (answer, gateway) => {
          const { status, code, begun, retryAfter } = answer;
          expect({ status, code }).toEqual({ status: scenario.status, code: scenario.code });
          expect(answer.message).not.toContain('secret');
          if (scenario.message !== undefined) expect(answer.message).toMatch(scenario.message);
          if (scenario.begun !== undefined) expect({ begun }).toEqual({ begun: scenario.begun });
          expect(retryAfter).toBe(scenario.retryAfter);
          if (scenario.requests !== 'any') expect(gateway.requests).toHaveLength(scenario.requests ?? 1);
          if (scenario.atMost !== undefined) expect(gateway.sent()).toBeLessThan(scenario.atMost);
        },
        scenario.changes,
      );
    });
  });
};

tried('no answer of our gateway', NO_ANSWER, EVERY);
tried('an answer that is not genuine', NOT_GENUINE, EVERY);
tried('a body that does not come as it should', BROKEN_JSON, JSON_CALLS);
tried('a genuine answer that is not understood', NOT_UNDERSTOOD, JSON_CALLS);
tried('what the gateway refuses', REFUSALS, EVERY);

// ── streams that go wrong after they began ────────────────────────────────────────────────────────────────────────
interface StreamScenario extends Omit<Scenario, 'script' | 'calls' | 'begun'> {
  /** After the signed head. */
  readonly script: Script;
  /** What was relayed before; nothing unless told, and `any` where that depends on the packets. */
  readonly text?: string;
}
const backend = { status: 502, code: 'backend' };
const slow = { status: 504, code: 'deadline', changes: { clocks: DEADLINE } };
const events =
  (...values: unknown[]): Script =>
  async (x) => {
    await x.events(...values);
    x.end();
  };
/** Good until some point, then this. */
const then =
  (script: Script): Script =>
  async (x) => {
    await x.events(STEP, TOKEN);
    await script(x);
    x.end();
  };

const STREAM_FAULTS: Record<string, StreamScenario> = {
  silence: { status: 504, code: 'gateway_timeout', changes: { clocks: IDLE }, script: () => {} },
  'silence after a token': {
    status: 504,
    code: 'gateway_timeout',
    changes: { clocks: IDLE },
    text: 'Hel',
    script: (x) => x.events(STEP, TOKEN),
  },
  'heartbeats and nothing else': { ...slow, script: (x) => x.repeat(': waiting\n\n', 50) },
  'a drip of one byte': { ...slow, script: (x) => x.write('data: ').then(() => x.repeat('x', 50)) },
  'comments as fast as they go': { ...unreachable, atMost: 16 * MIB, script: (x) => x.repeat(`: ${PIECE}\n\n`, 0) },
  'empty lines as fast as they go': {
    ...unreachable,
    atMost: 16 * MIB,
    script: (x) => x.repeat('\n'.repeat(65_536), 0),
  },
  'one event without an end': {
    ...unreachable,
    atMost: 16 * MIB,
    script: (x) => x.write('data: ').then(() => x.repeat(PIECE, 0)),
  },
  'one line without an end': { ...unreachable, atMost: 16 * MIB, script: (x) => x.repeat(PIECE, 0) },
  'genuine tokens without an end': {
    ...unreachable,
    atMost: 48 * MIB,
    text: 'any',
    script: async (x) => {
      while (x.open) await x.event({ ...TOKEN, text: PIECE });
    },
  },
  'a close at once': { ...unreachable, script: (x) => x.end() },
  'a reset after a token': { ...unreachable, text: 'Hel', script: then((x) => x.reset()) },
  'an end without done': { ...unreachable, text: 'Hel', script: then(() => {}) },
  'an end after usage, without done': { ...unreachable, text: 'Hel', script: events(STEP, TOKEN, USAGE) },
  'an event cut in the middle': { ...unreachable, text: 'Hel', script: then((x) => x.write('data: {"event":"to')) },
  'an unsigned token': { ...unreachable, text: 'Hel', script: then((x) => x.event(TOKEN_2, { id: null })) },
  'an unsigned done': { ...unreachable, text: 'Hel', script: then((x) => x.event(DONE, { id: null })) },
  'an unsigned error': {
    ...unreachable,
    text: 'Hel',
    script: then((x) => x.event(errorEvent('backend'), { id: null })),
  },
  'a token under another secret': {
    ...unreachable,
    text: 'Hel',
    script: then((x) => x.event(TOKEN_2, { secret: 'another secret of some length' })),
  },
  'a token of another stream': {
    ...unreachable,
    text: 'Hel',
    script: then((x) => x.event(TOKEN_2, { nonce: '0'.repeat(32) })),
  },
  'a token that was altered': {
    ...unreachable,
    text: 'Hel',
    script: then((x) => x.event(TOKEN_2, { signedAs: TOKEN })),
  },
  'a token sent twice': { ...unreachable, text: 'Hel', script: then((x) => x.event(TOKEN, { at: 1 })) },
  'a token left out': { ...unreachable, text: 'Hel', script: then((x) => x.event(USAGE, { at: 3 })) },
  'a signature cut short': { ...unreachable, text: 'Hel', script: then((x) => x.event(TOKEN_2, { id: 'ab' })) },
  'an event that is no JSON': { ...backend, text: 'Hel', script: then((x) => x.event('{"event":')) },
  'an event of no known name': { ...backend, text: 'Hel', script: then((x) => x.event({ event: 'gift' })) },
  'a token without a text': { ...backend, text: 'Hel', script: then((x) => x.event({ event: 'token', tokens: 1 })) },
  'a loss that is too large for a number': {
    ...backend,
    script: (x) => x.event(JSON.stringify(STEP).replace('"loss":2', '"loss":1e999')).then(() => x.end()),
  },
  'a count of NaN': {
    ...backend,
    script: (x) => x.event('{"event":"token","text":"x","tokens":NaN}').then(() => x.end()),
  },
  'a step after a token': {
    ...backend,
    text: 'Hel',
    script: then((x) => x.event({ ...STEP, step: { ...step, index: 1 } })),
  },
  'a step sent a second time': { ...backend, script: events(STEP, STEP) },
  'a step after a restart that is not the first': {
    ...backend,
    script: events(STEP, RESTART, { ...STEP, step: { ...step, index: 1 } }),
  },
  'a restart before any step': { ...backend, script: events(RESTART) },
  'a restart sent a second time': { ...backend, script: events(STEP, RESTART, RESTART) },
  'a restart after the context': { ...backend, script: events(STEP, CONTEXT, RESTART) },
  'a restart after a token': { ...backend, text: 'Hel', script: then((x) => x.event(RESTART)) },
  'a restart without a reason': {
    ...backend,
    script: events(STEP, { event: 'restart', restart: { undone: 1, of: 1, learning_rate: 1 } }),
  },
  'an adapter after a step': { ...backend, script: events(STEP, ADAPTER) },
  'an adapter sent a second time': { ...backend, script: events(ADAPTER, ADAPTER) },
  'a step after an adapter': { ...backend, script: events(ADAPTER, STEP) },
  'a restart after an adapter': { ...backend, script: events(ADAPTER, RESTART) },
  'an adapter after the context': { ...backend, script: events(CONTEXT, ADAPTER) },
  'an adapter without its steps': {
    ...backend,
    script: events({ event: 'adapter', adapter: { id: 'a', reused: true } }),
  },
  'a context sent a second time': { ...backend, script: events(STEP, CONTEXT, CONTEXT) },
  'a step after the context': { ...backend, script: events(CONTEXT, STEP) },
  'a context after a token': { ...backend, text: 'Hel', script: then((x) => x.event(CONTEXT)) },
  'a context without figures': { ...backend, script: (x) => x.event({ event: 'context' }).then(() => x.end()) },
  'usage twice': { ...backend, text: 'Hel', script: then((x) => x.events(USAGE, USAGE)) },
  'done without usage': { ...backend, text: 'Hel', script: then((x) => x.event(DONE)) },
  'bytes that are not UTF-8': {
    ...unreachable,
    text: 'any',
    script: then((x) => x.write(new Uint8Array([0x64, 0xff, 0xfe]))),
  },
  'chunks that are none': { ...unreachable, script: (x) => x.write('zzz\r\n').then(() => x.end()) },
  'error: backend': {
    ...backend,
    text: 'Hel',
    script: then((x) => x.event(errorEvent('backend'))),
    message: /^it said backend$/,
  },
  'error: internal': { ...backend, script: events(errorEvent('internal')), message: /log of the gateway/ },
  'error: deadline': { status: 504, code: 'deadline', script: events(errorEvent('deadline')) },
  'error: shutting_down': {
    status: 503,
    code: 'shutting_down',
    retryAfter: '5',
    script: events(errorEvent('shutting_down')),
  },
  'error: stopped': { status: 503, code: 'stopped', retryAfter: '5', script: events(errorEvent('stopped')) },
  'error: queue_full': { status: 503, code: 'queue_full', retryAfter: '5', script: events(errorEvent('queue_full')) },
  'error: context_length_exceeded': {
    status: 400,
    code: 'context_length_exceeded',
    script: events(errorEvent('context_length_exceeded')),
  },
  'error: model_not_found': { status: 404, code: 'model_not_found', script: events(errorEvent('model_not_found')) },
  'error: cancelled': { ...unreachable, script: events(errorEvent('cancelled')) },
  'error: of a later version': { status: 502, code: 'gpu_on_fire', script: events(errorEvent('gpu_on_fire')) },
};

describe('a stream that goes wrong after it began', () => {
  it.concurrent.each(Object.entries(STREAM_FAULTS))('%s', async (_, scenario) => {
    await against(
      async (x) => {
        await x.stream();
        await scenario.script(x);
      },
      STREAMS,
      (answer, gateway, call) => {
        expect(answer.code).toBe(scenario.code);
        expect(answer.message).not.toContain('secret');
        if (scenario.message !== undefined) expect(answer.message).toMatch(scenario.message);
        if (call === 'streamed') {
          // it began as a 200; it must end as an error, never as a whole answer
          expect(answer.status).toBe(200);
          expect(answer.done).toBe(false);
          if (scenario.text !== 'any') expect(answer.text).toBe(scenario.text ?? '');
        } else {
          expect(answer.status).toBe(scenario.status);
          expect(answer.retryAfter).toBe(scenario.retryAfter);
        }
        expect(gateway.requests).toHaveLength(1);
        if (scenario.atMost !== undefined) expect(gateway.sent()).toBeLessThan(scenario.atMost);
      },
      scenario.changes,
    );
  });

  it('is not relayed at all under a head that our gateway did not sign', () =>
    against(
      async (x) => {
        await x.stream(x.number === 1 ? { nonce: '0'.repeat(32) } : {});
        await x.events(...GOOD);
        x.end();
      },
      STREAMS,
      (answer) => expect(answer).toMatchObject({ status: 502, code: 'gateway_unreachable' }),
    ));

  it.each<[string, Script]>([
    ['done again', (x) => x.event(DONE)],
    ['another token', (x) => x.event(TOKEN)],
    ['an unsigned error', (x) => x.event(errorEvent('backend'), { id: null })],
    ['no end', (x) => x.gone()],
    ['megabytes', (x) => x.repeat(PIECE, 0)],
  ])('is whole once done has come, whatever follows it: %s', (_, after) =>
    against(
      async (x) => {
        await x.stream();
        await x.events(...GOOD);
        await after(x);
        x.end();
      },
      STREAMS,
      (answer, _gateway, call) => good(call, answer),
    ),
  );
});

describe('a second try', () => {
  const first =
    (script: Script): Script =>
    (x) =>
      x.number === 1 ? script(x) : goodAnswer(x);
  const signatures = ({ requests }: ScriptedGateway) =>
    new Set(requests.map(({ headers }) => headers['sift-signature'])).size;

  it.each<[string, Script]>([
    ['a connection that was reset', (x) => x.reset()],
    ['a proxy’s 503', (x) => x.plain(503)],
    ['a proxy’s 521', (x) => x.plain(521)],
  ])('follows %s, under the same signature, so that the gateway cannot work twice', (_, script) =>
    against(first(script), EVERY, (answer, gateway, call) => {
      good(call, answer);
      expect(gateway.requests).toHaveLength(2);
      expect(signatures(gateway)).toBe(1);
    }),
  );

  it('follows the gateway’s own 503 without a Retry-After, signed anew', () =>
    against(
      first((x) => x.answer(503, errorOf('queue_full'))),
      EVERY,
      (answer, gateway, call) => {
        good(call, answer);
        expect(signatures(gateway)).toBe(2);
      },
    ));

  it('that is refused as used says how the first one failed, and that work may have begun', () =>
    against(
      (x) => (x.number === 1 ? x.reset() : x.plain(401)),
      EVERY,
      (answer) => expect(answer).toMatchObject({ ...unreachable, begun: true, message: /the connection failed$/ }),
    ));

  it.each<[string, Script, Partial<Question>]>([
    ['nothing is left in the budget', (x) => x.reset(), { noRetry: true }],
    ['the gateway asks to wait', (x) => x.answer(503, errorOf('queue_full'), { headers: { 'retry-after': 1 } }), {}],
    ['an answer began', (x) => x.head(200).then(() => x.reset()), {}],
    ['the answer is a failure', (x) => x.plain(502), {}],
  ])('is not made when %s', (_, script, changes) =>
    against(
      first(script),
      EVERY,
      (answer, gateway) => {
        expect(answer.status).toBeGreaterThanOrEqual(502);
        expect(gateway.requests).toHaveLength(1);
      },
      changes,
    ),
  );

  it('is never followed by a third', () =>
    against(
      (x) => x.plain(503),
      EVERY,
      (answer, gateway) => {
        expect(answer.status).toBe(502);
        expect(gateway.requests).toHaveLength(2);
      },
    ));
});

describe('a caller who goes away', () => {
  it.concurrent.each<[string, Script]>([
    ['before an answer', () => {}],
    [
      'while a body drips',
      async (x) => x.head(200, { 'sift-signature': await x.signature(200, 'x') }).then(() => x.repeat('x', 20)),
    ],
    ['while a stream beats', async (x) => x.stream().then(() => x.repeat(': waiting\n\n', 20))],
  ])('ends the call %s, and the connection with it', async (_, script) => {
    await against(
      script,
      EVERY,
      async (answer, gateway, call) => {
        if (call !== 'streamed') expect(answer.status).toBeGreaterThanOrEqual(499);
        // long before any clock of the call
        await until(() => gateway.open() === 0, 3_000);
      },
      { leaveAfterMs: 200 },
    );
  });
});

describe('what is sent', () => {
  it('is signed with the body’s hash and never sent anywhere else', () =>
    against(
      async (x) =>
        x.plain(307, {
          location: `${x.seen.headers.host === undefined ? '' : `http://${x.seen.headers.host}`}/elsewhere`,
        }),
      EVERY,
      (_, { requests }) => {
        expect(requests.map(({ path }) => path)).not.toContain('/elsewhere');
        expect(requests[0]?.headers['sift-signature']).toMatch(/^t=\d+,n=[0-9a-f]{32},h=[0-9a-f]{64},s=[0-9a-f]{64}$/);
      },
    ));

  it.each(['', 'nowhere', 'http://'])('needs a GATEWAY_URL that is one, not %j', async (url) => {
    for (const runtime of RUNTIMES) {
      const answer = await asked(runtime, { call: 'models', url, secret: GATEWAY_SECRET, clocks: LONG });
      expect(answer).toMatchObject({ status: 501, code: 'not_configured' });
    }
  });
});
