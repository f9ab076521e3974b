// What an operator sees of the gateway: one line a request without a caller's text, ids that go on to backends, series by
// tenant that stay bounded, and whether it is ready.
import { expect, it } from 'vitest';
import { AdapterStore } from '../../gateway/adapters/store.ts';
import { registryOf } from '../../gateway/backends/registry.ts';
import { createMetrics } from '../../gateway/metrics.ts';
import { MAX_METRIC_TENANTS } from '../../wire/limits.ts';
import type { LogLevel, RequestLine } from '../../wire/request-line.ts';
import { SIGNATURE_HEADER, signRequest } from '../../wire/signature.ts';
import { fakeBackend } from './fake-backend.ts';
import { allEvents, logged, SECRET, serve, soon, start } from './harness.ts';

const TRACE = '12345678901234567890123456789012';
const IDS = { 'x-request-id': 'ours-1', traceparent: `00-${TRACE}-1234567890123456-01`, tracestate: 'foo=1' };
const MARK = 'Xyzzy-7-marker';
const body = {
  tenant: 'acme',
  model: 'base',
  prompt: `Say ${MARK}`,
  picks: [{ id: 'one', text: `text ${MARK}` }],
};

const post = async (url: string, path: string, value: unknown, headers: object = IDS, signal?: AbortSignal) => {
  const bytes = new Uint8Array(Buffer.from(JSON.stringify(value)));
  const { header } = await signRequest(SECRET, { method: 'POST', path, body: bytes }, Date.now());
  const init = { method: 'POST', body: bytes, headers: { [SIGNATURE_HEADER]: header, ...headers } };
  return fetch(url + path, { ...init, ...(signal === undefined ? {} : { signal }) });
};
const lines = (): RequestLine[] =>
  logged.flatMap((text) => text.trim().split('\n')).map((text) => JSON.parse(text) as RequestLine);
const line = async (): Promise<RequestLine> => {
  await expect.poll(() => logged.length).toBe(1);
  return lines()[0] as RequestLine;
};
const all = { logLevel: 'info' as LogLevel };

it.each([
  ['whole', false],
  ['streamed', true],
])('writes one line of an answer that is %s', async (_, stream) => {
  const { gateway } = await start({ pieces: ['Hel', 'lo'] }, all);
  const response = await post(gateway.url, '/v1/tune', { ...body, stream });
  const text = await response.text();
  const told = await line();
  expect(told).toMatchObject({
    level: 'info',
    event: 'request',
    side: 'gateway',
    request_id: 'ours-1',
    trace_id: TRACE,
    parent_id: '1234567890123456',
    method: 'POST',
    route: '/v1/tune',
    tenant: 'acme',
    model: 'base',
    status: 200,
    code: null,
    steps: 1,
    bytes_in: Buffer.byteLength(JSON.stringify({ ...body, stream })),
    bytes_out: Buffer.byteLength(text),
    aborted: false,
  });
  expect(Object.keys(told.stages).sort()).toEqual(['generate', 'open', 'queue', 'tune']);
  expect(told.tokens).toBeGreaterThan(0);
  expect(Number.isNaN(Date.parse(told.time))).toBe(false);
  expect(logged.join('')).not.toContain(MARK);
});

it('tells its stages in Server-Timing, of a score too', async () => {
  const { gateway } = await start({}, all);
  const tuned = await post(gateway.url, '/v1/tune', body);
  expect(tuned.headers.get('server-timing')).toMatch(/queue;dur=[\d.]+, open;dur=.*tune;dur=.*generate;dur=/);
  const { tenant, model, picks } = body;
  const scored = await post(gateway.url, '/v1/score', { tenant, model, picks, context: '', text: `of ${MARK}` });
  expect(scored.headers.get('server-timing')).toMatch(/queue;dur=[\d.]+, open;dur=.*tune;dur=.*score;dur=/);
  expect(lines()).toMatchObject([{ route: '/v1/tune' }, { route: '/v1/score', tenant: 'acme', steps: 1, status: 200 }]);
  expect(logged.join('')).not.toContain(MARK);
});

it('gives the backend the id and the trace, under a span of its own', async () => {
  const { gateway, backend } = await start({}, all);
  const response = await post(gateway.url, '/v1/tune', body);
  expect(response.headers.get('x-request-id')).toBe('ours-1');
  const { span_id } = await line();
  expect(span_id).not.toBe('1234567890123456');
  expect(backend.opened[0]?.trail).toEqual({
    'x-request-id': 'ours-1',
    traceparent: `00-${TRACE}-${span_id}-01`,
    tracestate: 'foo=1',
  });
});

it('makes an id where the one that came is none, and a trace where it is not valid', async () => {
  const { gateway } = await start({}, all);
  const odd = { 'x-request-id': 'a b<script>', traceparent: 'ff-nonsense', tracestate: 'foo=1' };
  const response = await post(gateway.url, '/v1/tune', body, odd);
  const { request_id, trace_id, parent_id } = await line();
  expect(request_id).toMatch(/^[0-9a-f-]{36}$/);
  expect(response.headers.get('x-request-id')).toBe(request_id);
  expect([trace_id.length, parent_id]).toEqual([32, null]);
});

it('takes nothing but ids from headers: a stranger is refused and has no tenant', async () => {
  const { gateway } = await start({}, { logLevel: 'warn' });
  const headers = { ...IDS, tenant: 'acme', 'x-tenant': 'acme' };
  const response = await fetch(`${gateway.url}/v1/tune`, { method: 'POST', body: JSON.stringify(body), headers });
  expect(response.status).toBe(401);
  expect(await line()).toMatchObject({ level: 'warn', tenant: null, code: 'bad_signature', status: 401 });
});

it('never writes a path that it does not know', async () => {
  const { gateway } = await start({}, { logLevel: 'warn' });
  await fetch(`${gateway.url}/no/${MARK}`);
  expect(await line()).toMatchObject({ route: null, status: 404, code: 'not_found' });
  expect(logged.join('')).not.toContain(MARK);
});

it('keeps the stack of an error that nobody foresaw, and says no more of one that was', async () => {
  const { gateway } = await start({ failAt: 'generate', error: new TypeError('a mistake of ours') });
  await (await post(gateway.url, '/v1/tune', { ...body, stream: true })).text();
  const told = await line();
  expect(told).toMatchObject({ level: 'error', status: 200, code: 'backend' });
  expect(told.error).toMatch(/TypeError: a mistake of ours\n +at /);
  await post(gateway.url, '/v1/tune', { ...body, model: MARK });
  expect(logged.join('')).not.toContain(MARK);
});

it('says that the caller left', async () => {
  const { gateway, backend } = await start({}, all);
  const stopped = backend.pauseAt('piece');
  const gone = new AbortController();
  const response = await post(gateway.url, '/v1/tune', { ...body, stream: true }, IDS, gone.signal);
  const reading = response.text().catch(() => {});
  await soon('a piece', stopped.reached);
  gone.abort();
  await reading;
  expect(await line()).toMatchObject({ aborted: true, code: 'cancelled', steps: 1 });
});

it.each<[LogLevel, number]>([
  ['off', 0],
  ['error', 0],
  ['warn', 1],
  ['info', 2],
  ['debug', 3],
])('at level %s writes %i of a refusal, an answer and a probe', async (logLevel, count) => {
  const { gateway } = await start({}, { logLevel });
  await (await post(gateway.url, '/v1/tune', { ...body, model: 'another' })).text();
  await (await post(gateway.url, '/v1/tune', body)).text();
  await (await fetch(`${gateway.url}/health`)).text();
  expect(lines().length).toBe(count);
});

it('counts by tenant: requests, seconds of each stage, steps and tokens', async () => {
  const { gateway } = await start();
  await (await post(gateway.url, '/v1/tune', body)).text();
  await allEvents(await post(gateway.url, '/v1/tune', { ...body, tenant: 'other', stream: true }));
  await post(gateway.url, '/v1/tune', { ...body, model: 'another' });
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(text).toMatch(/sift_gateway_tenant_requests_total\{tenant="acme",outcome="ok"\} 1/);
  expect(text).toMatch(/sift_gateway_tenant_requests_total\{tenant="other",outcome="ok"\} 1/);
  expect(text).toMatch(/sift_gateway_tenant_requests_total\{tenant="_none",outcome="refused"\} 1/);
  expect(text).toMatch(/sift_gateway_tenant_steps_total\{tenant="acme"\} 1/);
  for (const stage of ['queue', 'open', 'tune', 'generate']) {
    expect(text).toContain(`sift_gateway_tenant_seconds_total{tenant="acme",stage="${stage}"}`);
  }
  expect(text).toMatch(/sift_gateway_overhead_seconds_count\{route="tune"\} 2/);
});

it('tells no more tenants apart than it has room for', async () => {
  const metrics = createMetrics(new Map(), new AdapterStore({ maxBytes: 0, ttlMs: 1, now: () => 0 }));
  const labels = Array.from({ length: MAX_METRIC_TENANTS + 20 }, (_, i) => metrics.labelOf(`tenant-${i}`));
  expect(new Set(labels).size).toBe(MAX_METRIC_TENANTS + 1);
  expect(labels.slice(MAX_METRIC_TENANTS)).toEqual(Array(20).fill('_other'));
  // who has a name keeps it
  expect(metrics.labelOf('tenant-0')).toBe('tenant-0');
});

it('is ready with a model and a backend that is well, and not where none is', async () => {
  let well = true;
  const backend = { ...fakeBackend(), isWell: () => well };
  const { gateway } = await serve({ registry: registryOf(backend) });
  const ready = async () => {
    const response = await fetch(`${gateway.url}/ready`);
    return [response.status, await response.json()];
  };
  expect(await ready()).toEqual([200, { status: 'ready', checks: { accepting: 'ok', models: 'ok', backends: 'ok' } }]);
  well = false;
  expect(await ready()).toMatchObject([503, { status: 'not ready', checks: { backends: 'not well: embedded' } }]);
});
