// Callers who leave a request that is not streamed: their work ends at once, though nothing is written to them meanwhile
// that could fail. Real sockets, the edge as npm start runs it, the real gateway, a backend of plain objects.
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Backend } from '../../gateway/backends/contract.ts';
import { registryOf } from '../../gateway/backends/registry.ts';
import { type RunningGateway, serveGateway } from '../../gateway/serve.ts';
import { type RunningEdge, startEdge } from '../../local/edge.ts';
import { embedderFiles } from '../../local/embedder.ts';
import { type FakeBackend, fakeBackend } from '../gateway/fake-backend.ts';
import { type Caller, edgeAt, GATEWAY_SECRET, KEY } from './harness.ts';

const fresh = (): FakeBackend => fakeBackend({ stepMs: 30_000 });
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

const health = async (): Promise<{ running: number; waiting: number }> => (await fetch(`${gateway.url}/health`)).json();

it.each(['resetAndDestroy', 'destroy', 'end'] as const)(
  'three of them, one at work and two in the queue: socket.%s',
  async (way) => {
    backend = fresh();
    const body = JSON.stringify({
      model: 'base:sift',
      prompt: 'How does a router match?',
      sift: { corpus: 'docs', n: 1 },
    });
    const head = `POST /v1/completions HTTP/1.1\r\nhost: ${edge.url.host}\r\nauthorization: Bearer ${KEY}\r\ncontent-length: ${body.length}`;
    const sockets = Array.from({ length: 3 }, () => {
      const socket = connect(Number(edge.url.port), edge.url.hostname).on('error', () => {});
      socket.write(`${head}\r\n\r\n${body}`);
      return socket;
    });
    await expect.poll(health, { timeout: 10_000 }).toMatchObject({ waiting: 2 });
    expect(backend.live()).toBe(1);
    const t = Date.now();
    for (const socket of sockets) socket[way]();
    await expect.poll(health, { timeout: 10_000 }).toMatchObject({ waiting: 0 });
    await backend.ended();
    console.log(way, Date.now() - t, await health());
    // it never came to the end of its first step, and no other was begun
    expect(backend.log).toEqual([]);
  },
);
