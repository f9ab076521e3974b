// Callers who leave a request that is not streamed: their work ends at once, though nothing is written to them meanwhile
// that could fail. Real sockets, the edge as npm start runs it, the real gateway, a backend of plain objects.

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Backend } from '../../gateway/backends/contract.ts';
import { registryOf } from '../../gateway/backends/registry.ts';
import { type RunningGateway, serveGateway } from '../../gateway/serve.ts';
import { type RunningEdge, startEdge } from '../../local/edge.ts';
import { embedderFiles } from '../../local/embedder.ts';
import { type FakeBackend, fakeBackend } from '../gateway/fake-backend.ts';
import { type Caller, edgeAt, GATEWAY_SECRET, KEY } from './harness.ts';

const fresh = (): FakeBackend => fakeBackend({ stepMs: 30_000, lossMs: 30_000 });
let backend = fresh();
const current: Backend = {
  get models() {
    return backend.models;
  },
  concurrency: 1,
  open: (options, signal) => backend.open(options, signal),
  close: async () => {},
};
let gateway: RunningGateway;
let running: RunningEdge;
let edge: Caller;
let state: string;
beforeAll(async () => {
  gateway = await serveGateway({ registry: registryOf(current), secret: GATEWAY_SECRET, port: 0 });
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
  await edge.upload('docs', [{ id: 'router', text: 'The router matches the path of a request.' }]);
});
afterAll(async () => {
  await running?.close();
  await gateway?.close(0);
  await rm(state, { recursive: true, force: true });
});

interface Health {
  readonly running: number;
  readonly waiting: number;
}
const health = async (): Promise<Health> => (await fetch(`${gateway.url}/health`)).json();
const quiet = () => expect.poll(health, { timeout: 20_000 }).toMatchObject({ running: 0, waiting: 0 });

const sift = { corpus: 'docs', n: 1 };
const BODIES: Readonly<Record<string, object>> = {
  '/v1/completions': { model: 'base:sift', prompt: 'How does a router match?', sift },
  '/v1/chat/completions': { model: 'base:sift', messages: [{ role: 'user', content: 'How does it match?' }], sift },
  '/v1/score': { model: 'base', context: 'How does', text: ' a router match?', sift },
};

/** The request on a socket of its own. */
const asking = (path: string): Socket => {
  const body = JSON.stringify(BODIES[path]);
  const head = `POST ${path} HTTP/1.1\r\nhost: ${edge.url.host}\r\nauthorization: Bearer ${KEY}`;
  const socket = connect(Number(edge.url.port), edge.url.hostname).on('error', () => {});
  socket.write(`${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  return socket;
};

/** The backend comes to the end of nothing within the half minute that its first step takes. */
const nothingDone = async (): Promise<void> => {
  await quiet();
  await backend.ended();
  expect(backend.log).toEqual([]);
};

// by RST, by FIN with the socket given up, and by FIN alone
it.each(['resetAndDestroy', 'destroy', 'end'] as const)(
  'three of them, one at work and two in the queue: socket.%s',
  async (way) => {
    backend = fresh();
    const sockets = Object.keys(BODIES).map(asking);
    await expect.poll(health, { timeout: 20_000 }).toMatchObject({ running: 1, waiting: 2 });
    for (const socket of sockets) socket[way]();
    await nothingDone();
  },
);

it('at any moment, before the gateway is asked too', async () => {
  backend = fresh();
  const waits = [0, 1, 2, 4, 8, 16, 32, 64];
  await Promise.all(
    waits.map(async (ms) => {
      const socket = asking('/v1/completions');
      await once(socket, 'connect');
      await new Promise((resolve) => setTimeout(resolve, ms));
      socket.destroy();
    }),
  );
  await nothingDone();
  // and the one worker there is takes the next request
  const before = backend;
  backend = fakeBackend();
  const next = await edge.send('/v1/completions', { body: BODIES['/v1/completions'] });
  expect(next.status).toBe(200);
  expect([before.log, backend.opened.length]).toEqual([[], 1]);
});

it.each([true, false])('with OpenAI’s client and an abort, stream: %s', async (stream) => {
  backend = fresh();
  const openai = new OpenAI({ apiKey: KEY, baseURL: new URL('/v1', edge.url).href, maxRetries: 0 });
  const leave = new AbortController();
  const body = { ...BODIES['/v1/chat/completions'], stream } as OpenAI.ChatCompletionCreateParams;
  const read = async (): Promise<void> => {
    const answer = await openai.chat.completions.create(body, { signal: leave.signal });
    if (Symbol.asyncIterator in answer) for await (const _ of answer);
  };
  const reading = read();
  reading.catch(() => {});
  await expect.poll(health, { timeout: 20_000 }).toMatchObject({ running: 1 });
  leave.abort();
  // a stream that is aborted while it is read ends without an error: that is the client's way
  await reading.catch((error) => expect(error).toBeInstanceOf(OpenAI.APIUserAbortError));
  await nothingDone();
});
