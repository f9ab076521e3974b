// Three gateways on real sockets behind the edge as npm start runs it: one dies in the middle of a stream, one drains, one is
// gone. Locally every caller is where Miniflare says: in Texas, nearest to `enam`.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningEdge, startEdge } from '../../local/edge.ts';
import { embedderFiles } from '../../local/embedder.ts';
import type { Region } from '../../wire/regions.ts';
import type { RequestLine } from '../../wire/request-line.ts';
import type { TuneRequest } from '../../wire/tune/requests.ts';
import { type Caller, edgeAt, GATEWAY_SECRET, KEY } from './harness.ts';
import { goodEvents, MODELS } from './openai-gateway.ts';
import { type Exchange, type ScriptedGateway, scriptedGateway } from './scripted-gateway.ts';

type How = 'good' | 'dies' | 'drains';
interface Place {
  readonly gateway: ScriptedGateway;
  how: How;
  /** Prompts that it began to work on. */
  readonly begun: string[];
  models: readonly string[];
}

const PLACES: readonly (readonly [name: string, region: Region, delayMs: number])[] = [
  ['near', 'enam', 0],
  ['middle', 'weur', 30],
  ['far', 'apac', 60],
];
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const place = async (delayMs: number): Promise<Place> => {
  const of: Omit<Place, 'gateway'> = { how: 'good', begun: [], models: ['base'] };
  const [model] = MODELS.models;
  const gateway = await scriptedGateway(async (x: Exchange) => {
    await later(delayMs);
    if (x.seen.path === '/v1/models') {
      return x.answer(200, { models: of.models.map((id) => ({ ...model, id })) });
    }
    if (x.seen.path === '/v1/forget') return x.answer(200, { adapters: 0 });
    if (of.how === 'drains') {
      const error = { message: 'shutting down', type: 'server_error', code: 'shutting_down', param: null };
      return x.answer(503, { error }, { headers: { 'retry-after': 5 } });
    }
    const request = JSON.parse(x.seen.body) as TuneRequest;
    of.begun.push(request.prompt ?? '');
    await x.stream();
    const events = goodEvents(request);
    if (of.how === 'good') {
      await x.events(...events);
      return x.end();
    }
    await x.events(...events.slice(0, 2));
    x.reset();
  });
  return Object.assign(of, { gateway });
};

let near: Place;
let middle: Place;
let far: Place;
let running: RunningEdge;
let edge: Caller;
let state: string;
const output: string[] = [];
beforeAll(async () => {
  const places = await Promise.all(PLACES.map(([, , delayMs]) => place(delayMs)));
  [near, middle, far] = places as [Place, Place, Place];
  state = await mkdtemp(join(tmpdir(), 'sift-edge-'));
  running = await startEdge({
    root: fileURLToPath(new URL('../../', import.meta.url)),
    state,
    embedder: await embedderFiles(fileURLToPath(new URL('../../models/embedder', import.meta.url))),
    port: 0,
    apiKey: KEY,
    gatewayUrl: '',
    gateways: PLACES.map(([name, region], i) => ({ name, region, url: places[i]?.gateway.url ?? '', weight: 1 })),
    gatewaySecret: GATEWAY_SECRET,
    defaultCorpus: '',
    logLevel: 'info',
    onLine: (line) => void output.push(line),
  });
  edge = edgeAt(new URL(running.url));
});
afterAll(async () => {
  await running?.close();
  await Promise.all([near, middle, far].map((one) => one?.gateway.close()));
  await rm(state, { recursive: true, force: true });
});

let asked = 0;
const complete = async (body: object = {}) => {
  const prompt = `prompt ${asked++}`;
  const response = await edge.send('/v1/completions', { body: { model: 'base', prompt, max_tokens: 5, ...body } });
  const { status, headers } = response;
  const text = await response.text();
  const begun = [near, middle, far].map((one) => one.begun.filter((p) => p === prompt).length);
  return { prompt, status, text, begun, by: headers.get('x-sift-gateway'), retry: headers.get('x-should-retry') };
};

it('serves from the nearest, says so, and logs it', async () => {
  expect(await complete()).toMatchObject({ status: 200, by: 'near', begun: [1, 0, 0] });
  const line = output
    .flatMap((text) => text.split('\n'))
    .filter((text) => text.startsWith('{'))
    .map((text) => JSON.parse(text) as RequestLine)
    .find(({ route }) => route === '/v1/completions');
  expect(line).toMatchObject({ status: 200, gateways: ['near'] });
});

it('lists the models of all with where they are, and goes there for them', async () => {
  far.models = ['base', 'large'];
  await expect
    .poll(async () => (await complete({ model: 'large' })).by, { timeout: 20_000, interval: 1_000 })
    .toBe('far');
  const { data } = JSON.parse(await (await edge.send('/v1/models')).text());
  expect(data.find(({ id }: { id: string }) => id === 'large')).toMatchObject({ gateways: ['far'] });
  expect(await complete({ model: 'none' })).toMatchObject({ status: 404, begun: [0, 0, 0] });
});

it('ends a stream whose gateway dies in the middle, asks no other, and passes the dead one over', async () => {
  near.how = 'dies';
  const { text, begun, by } = await complete({ stream: true });
  expect([by, begun]).toEqual(['near', [1, 0, 0]]);
  expect(text).toContain('"error"');
  expect(text).not.toContain('[DONE]');
  expect(await complete()).toMatchObject({ status: 200, by: 'middle', begun: [0, 1, 0] });
});

it('lets it back after a look', async () => {
  near.how = 'good';
  await expect.poll(async () => (await complete()).by, { timeout: 30_000, interval: 500 }).toBe('near');
});

it('goes on from one that drains, within the same request, and leaves it alone', async () => {
  near.how = 'drains';
  expect(await complete({ stream: true })).toMatchObject({ status: 200, by: 'middle', begun: [0, 1, 0] });
  const before = near.gateway.requests.length;
  expect(await complete()).toMatchObject({ status: 200, by: 'middle' });
  expect(near.gateway.requests.length).toBe(before);
  near.how = 'good';
  await expect.poll(async () => (await complete()).by, { timeout: 30_000, interval: 500 }).toBe('near');
});

it('fails one request at most where the nearest has gone without a word, and says that it may be sent again', async () => {
  await near.gateway.close();
  const first = await complete();
  // the runtime does not tell a refused connection from one that was lost later
  expect(first).toMatchObject({ status: 502, begun: [0, 0, 0], retry: null });
  expect(await complete()).toMatchObject({ status: 200, by: 'middle', begun: [0, 1, 0] });
});

it('is ready while one is', async () => {
  const ready = await edge.send('/ready', { key: null });
  expect(ready.status).toBe(200);
  expect(JSON.parse(await ready.text()).checks).toMatchObject({
    gateway: 'ok',
    gateways: { near: 'gateway_unreachable', middle: 'ok', far: 'ok' },
  });
});

it('never had two gateways begin the same work', () => {
  const all = [near, middle, far].flatMap(({ begun }) => begun);
  expect(new Set(all).size).toBe(all.length);
});
