// What an operator sees of the edge, and of gateway and backend behind it: ids and traces that go through all of them, one line
// a request without a caller's text or key, Server-Timing, x-sift-overhead-ms. The edge as npm start runs it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { RequestRecord } from '../../functions/observe/record.ts';
import type { Backend } from '../../gateway/backends/contract.ts';
import { registryOf } from '../../gateway/backends/registry.ts';
import { type RunningGateway, serveGateway } from '../../gateway/serve.ts';
import { type RunningEdge, startEdge } from '../../local/edge.ts';
import { embedderFiles } from '../../local/embedder.ts';
import type { RequestLine } from '../../wire/request-line.ts';
import { traceOf } from '../../wire/trace.ts';
import { type FakeBackend, fakeBackend } from '../gateway/fake-backend.ts';
import { type Front, startFront } from './front.ts';
import { type Caller, edgeAt, GATEWAY_SECRET, KEY, type SendOptions } from './harness.ts';

const TRACE = '12345678901234567890123456789012';
const IDS = { 'x-request-id': 'theirs-1', traceparent: `00-${TRACE}-1234567890123456-01`, tracestate: 'foo=1' };
/** In prompts, texts, names, paths and keys: whatever is written must be without it. */
const MARK = 'Xyzzy7Marker';

let backend: FakeBackend = fakeBackend();
const current: Backend = {
  get models() {
    return backend.models;
  },
  concurrency: 4,
  open: (options, signal) => backend.open(options, signal),
  close: async () => {},
};
const output: string[] = [];
let gateway: RunningGateway;
let front: Front;
let running: RunningEdge;
let edge: Caller;
let state: string;
beforeAll(async () => {
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    output.push(String(text));
    return true;
  });
  gateway = await serveGateway({
    registry: registryOf(current),
    secret: GATEWAY_SECRET,
    port: 0,
    logLevel: 'debug',
  });
  front = await startFront(() => gateway.url);
  state = await mkdtemp(join(tmpdir(), 'sift-edge-'));
  running = await startEdge({
    root: fileURLToPath(new URL('../../', import.meta.url)),
    state,
    embedder: await embedderFiles(fileURLToPath(new URL('../../models/embedder', import.meta.url))),
    port: 0,
    apiKey: KEY,
    gatewayUrl: front.url,
    gatewaySecret: GATEWAY_SECRET,
    defaultCorpus: 'docs',
    logLevel: 'debug',
  });
  edge = edgeAt(new URL(running.url));
  await edge.upload('docs', [{ id: 'router', text: `The router matches the path of a request. ${MARK}` }]);
});
afterAll(async () => {
  await running?.close();
  await front?.close();
  await gateway?.close(0);
  vi.restoreAllMocks();
  await rm(state, { recursive: true, force: true });
});
beforeEach(() => {
  backend = fakeBackend({ pieces: ['Hel', 'lo'] });
});

const lines = (side: string): RequestLine[] =>
  output
    .flatMap((text) => text.trim().split('\n'))
    .filter((text) => text.startsWith('{'))
    .map((text) => JSON.parse(text) as RequestLine)
    .filter((line) => line.event === 'request' && line.side === side);

let asked = 0;
/** A request of its own id, and the lines that are written of it. */
const observed = async (path: string, options: SendOptions = {}) => {
  const id = `test-${asked++}`;
  const response = await edge.send(path, { ...options, headers: { 'x-request-id': id, ...options.headers } });
  const text = await response.text();
  const of = (side: string): RequestLine[] => lines(side).filter((line) => line.request_id === id);
  await expect.poll(() => of('edge').length).toBe(1);
  return { response, text, edge: of('edge')[0] as RequestLine, gateway: () => of('gateway')[0] };
};

const prompt = `How does a router match? ${MARK}`;
const sift = { corpus: 'docs', n: 1, rounds: 1 };
const tuned = { model: 'base:sift', prompt, sift };

describe('/ready', () => {
  // first in this file: what an isolate saw holds for some seconds
  it('says that the gateway is away, and later that it is there, and no address or secret', async () => {
    front.mode = 'refuse';
    const away = await edge.send('/ready', { key: null });
    const text = await away.text();
    expect([away.status, away.headers.get('retry-after')]).toEqual([503, '5']);
    expect(JSON.parse(text)).toEqual({
      status: 'not ready',
      checks: { kernel: 'ok', stores: 'ok', keys: 'ok', gateway: 'gateway_unreachable' },
    });
    for (const secret of [KEY, GATEWAY_SECRET, front.url]) expect(text).not.toContain(secret);
    front.mode = 'pass';
    // it is not looked at again for each who asks
    expect((await edge.send('/ready', { key: null })).status).toBe(503);
    await expect
      .poll(async () => (await edge.send('/ready', { key: null })).status, { timeout: 15_000, interval: 500 })
      .toBe(200);
    const asks = lines('gateway').filter(({ route }) => route === '/v1/models').length;
    const many = await Promise.all(Array.from({ length: 20 }, () => edge.send('/ready', { key: null })));
    expect(new Set(many.map(({ status }) => status))).toEqual(new Set([200]));
    expect(lines('gateway').filter(({ route }) => route === '/v1/models').length).toBe(asks);
  });
});

describe('ids', () => {
  it.each([
    ['/v1/completions', tuned],
    ['/v1/completions', { ...tuned, stream: true }],
    ['/v1/chat/completions', { model: 'base:sift', messages: [{ role: 'user', content: prompt }], sift }],
    ['/v1/score', { model: 'base', context: prompt, text: MARK, sift }],
  ])('go from the caller of %s to the backend, a span for each on the way', async (path, body) => {
    const id = `chain-${asked++}`;
    const response = await edge.send(path, { body, headers: { ...IDS, 'x-request-id': id } });
    await response.text();
    expect(response.headers.get('x-request-id')).toBe(id);
    const [ours, theirs] = ['edge', 'gateway'].map((side) => () => lines(side).find((line) => line.request_id === id));
    await expect.poll(() => [ours?.()?.trace_id, theirs?.()?.trace_id]).toEqual([TRACE, TRACE]);
    expect(ours?.()?.parent_id).toBe('1234567890123456');
    expect(theirs?.()?.parent_id).toBe(ours?.()?.span_id);
    expect(backend.opened[0]?.trail).toEqual({
      'x-request-id': id,
      traceparent: `00-${TRACE}-${theirs?.()?.span_id}-01`,
      tracestate: 'foo=1',
    });
  });

  it('are made where those that came are none', async () => {
    const headers = {
      'x-request-id': 'a b',
      traceparent: `00-${'0'.repeat(32)}-1234567890123456-01`,
      tracestate: 'foo=1',
    };
    const response = await edge.send('/v1/completions', { body: { model: 'base', prompt }, headers });
    await response.text();
    const id = response.headers.get('x-request-id') ?? '';
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    const line = lines('edge').find(({ request_id }) => request_id === id);
    expect(line).toMatchObject({ parent_id: null, status: 200 });
    expect(line?.trace_id).toMatch(/[1-9a-f]/);
    expect(backend.opened[0]?.trail).not.toHaveProperty('tracestate');
  });

  it('have an end: a longer one is not taken', async () => {
    const { headers } = await edge.send('/health', { headers: { 'x-request-id': 'a'.repeat(129) } });
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    const kept = await edge.send('/health', { headers: { 'x-request-id': 'a'.repeat(128) } });
    expect(kept.headers.get('x-request-id')).toBe('a'.repeat(128));
  });
});

describe('a line', () => {
  it('of a selection', async () => {
    const body = JSON.stringify({ ...sift, input: prompt });
    const { edge: line, text } = await observed('/v1/select', { body });
    expect(line).toMatchObject({
      level: 'info',
      side: 'edge',
      method: 'POST',
      route: '/v1/select',
      tenant: 'default',
      key: 'bootstrap',
      corpus: ['docs'],
      status: 200,
      code: null,
      steps: 0,
      tokens: 0,
      bytes_in: Buffer.byteLength(body),
      bytes_out: Buffer.byteLength(text),
      aborted: false,
    });
    expect(Object.keys(line.stages)).toEqual(expect.arrayContaining(['embed', 'select', 'texts', 'total']));
  });

  it.each([
    ['whole', false],
    ['streamed, once the stream has ended', true],
  ])('of a completion that is %s', async (_, stream) => {
    const { edge: line, text, response } = await observed('/v1/completions', { body: { ...tuned, stream } });
    expect(response.status).toBe(200);
    expect(line).toMatchObject({ route: '/v1/completions', model: 'base', corpus: ['docs'], steps: 1, aborted: false });
    expect(line.tokens).toBeGreaterThan(1);
    expect(line.bytes_out).toBe(Buffer.byteLength(text));
    expect(Object.keys(line.stages)).toEqual(
      expect.arrayContaining(['embed', 'select', 'queue', 'open', 'tune', 'generate']),
    );
  });

  it('of an upload, of embeddings and of an example, by the pattern of the route', async () => {
    const lines = `{"id":"another","text":"${MARK}"}\n`;
    const upload = await observed('/v1/corpora/docs/examples', { body: lines });
    expect(upload.edge).toMatchObject({ route: '/v1/corpora/{corpus}/examples', corpus: ['docs'] });
    expect(upload.edge).toMatchObject({ bytes_in: lines.length, bytes_out: upload.text.length });
    const { data } = JSON.parse((await observed('/v1/models')).text) as { data: { id: string; kind: string }[] };
    const model = data.find(({ kind }) => kind === 'embed')?.id;
    const embeddings = await observed('/v1/embeddings', { body: { model, input: [prompt, 'two'] } });
    expect(embeddings.edge).toMatchObject({ route: '/v1/embeddings', model, bytes_out: embeddings.text.length });
    const example = await observed(`/v1/corpora/docs/examples/${MARK}`);
    expect(example.edge).toMatchObject({ route: '/v1/corpora/{corpus}/examples/{id}', code: 'unknown_example' });
    const named = await observed('/v1/models/base');
    expect(named.edge).toMatchObject({ route: '/v1/models/{name}', status: 200 });
  });

  it.each<[string, SendOptions, object]>([
    ['/v1/select', { key: `sk_${MARK}`, body: sift }, { level: 'warn', status: 401, code: 'bad_key', tenant: null }],
    ['/v1/select', { body: { ...sift, input: prompt, [MARK]: 1 } }, { level: 'warn', status: 400, code: 'bad_field' }],
    ['/v1/select', { body: { corpus: MARK, input: prompt } }, { status: 400, code: 'bad_field' }],
    ['/v1/select', { body: { corpus: 'nowhere', input: prompt } }, { status: 404, code: 'unknown_corpus' }],
    ['/v1/completions', { body: { model: MARK, prompt } }, { status: 404, code: 'model_not_found' }],
    [`/v1/${MARK}?${MARK}`, {}, { route: null, status: 404, code: 'not_found' }],
    [`/v1/corpora/${encodeURIComponent(`!${MARK} `)}`, {}, { route: '/v1/corpora/{corpus}' }],
    ['/v1/select', { method: 'DELETE' }, { status: 405, code: 'wrong_method' }],
    ['/health', { key: null }, { level: 'debug', route: '/health', status: 200 }],
  ])('of %s, whatever came', async (path, options, expected) => {
    expect((await observed(path, options)).edge).toMatchObject(expected);
  });

  it('of a gateway that broke off says why', async () => {
    front.mode = 'cut';
    const { edge: line, response } = await observed('/v1/completions', { body: { ...tuned, stream: true } });
    front.mode = 'pass';
    expect([response.status, line.status]).toEqual([200, 200]);
    expect(line).toMatchObject({ level: 'error', code: 'gateway_unreachable', aborted: false });
    expect(line.error).toContain('its stream');
  });

  it.each([true, false])('of a caller who left says so, stream: %s', async (stream) => {
    const stopped = backend.pauseAt('piece');
    const leave = new AbortController();
    const id = `left-${stream}`;
    const answer = edge.send('/v1/completions', {
      body: { ...tuned, stream },
      headers: { 'x-request-id': id },
      signal: leave.signal,
    });
    const reading = answer.then((response) => response.text()).catch(() => {});
    await stopped.reached;
    leave.abort();
    await reading;
    await expect
      .poll(() => lines('edge').find(({ request_id }) => request_id === id), { timeout: 10_000 })
      .toMatchObject({ aborted: true, route: '/v1/completions' });
  });

  it('keeps the stack of an error that nobody foresaw, and no words of one that was', () => {
    const record = (error: unknown): RequestLine => {
      const made = new RequestRecord('id', traceOf(null, null), 'GET');
      made.failed(error);
      return made.line({ status: 500, route: '/v1/select', aborted: false });
    };
    expect(record(new TypeError('a mistake of ours'))).toMatchObject({ level: 'error', code: 'internal' });
    expect(record(new TypeError('a mistake of ours')).error).toMatch(/TypeError: a mistake of ours\n +at /);
  });
});

describe('timing headers', () => {
  it('name the stages of edge and gateway, and what both added', async () => {
    for (const [path, body] of [
      ['/v1/completions', tuned],
      ['/v1/score', { model: 'base', context: prompt, text: MARK, sift }],
    ] as const) {
      const { response } = await observed(path, { body });
      const timing = response.headers.get('server-timing') ?? '';
      for (const stage of ['embed', 'select', 'queue', 'open', 'tune', path === '/v1/score' ? 'score' : 'generate']) {
        expect(timing).toMatch(new RegExp(`(^|, )${stage};dur=[\\d.]+`));
      }
      expect(response.headers.get('x-sift-overhead-ms')).toMatch(/^\d+\.\d$/);
      expect(response.headers.get('access-control-expose-headers')).toContain('x-sift-overhead-ms');
    }
  });

  it('carry on a stream what is known when it begins', async () => {
    const { response } = await observed('/v1/completions', { body: { ...tuned, stream: true } });
    expect(response.headers.get('server-timing')).toMatch(/embed;dur=.*select;dur=/);
    expect(response.headers.get('server-timing')).not.toContain('generate');
    expect(response.headers.get('x-sift-overhead-ms')).toMatch(/^\d+\.\d$/);
  });

  it('are on every other answer under /v1, refusals too', async () => {
    for (const path of ['/v1/corpora', '/v1/corpora/none', '/v1/models']) {
      expect((await observed(path)).response.headers.get('server-timing')).toMatch(/total;dur=[\d.]+/);
    }
  });
});

it('writes no text of a caller and no key, in all of this', () => {
  const all = output.join('');
  expect(lines('edge').length).toBeGreaterThan(30);
  expect(all).not.toContain(MARK);
  expect(all).not.toContain(KEY);
  expect(all).not.toContain(GATEWAY_SECRET);
});
