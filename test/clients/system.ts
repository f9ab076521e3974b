// The running system that clients are tried against: the edge with its front, as `npm start` runs it, the real gateway, and
// a backend of plain objects, so that a test can stop the work at any point and see what became of it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { Backend } from '../../gateway/backends/contract.ts';
import { registryOf } from '../../gateway/backends/registry.ts';
import { serveGateway } from '../../gateway/serve.ts';
import { startEdge } from '../../local/edge.ts';
import { embedderFiles } from '../../local/embedder.ts';
import { type Caller, edgeAt, GATEWAY_SECRET, KEY } from '../edge/harness.ts';
import { type FakeBackend, type FakeOptions, fakeBackend, type Pause } from '../gateway/fake-backend.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export const EXAMPLES = [
  { id: 'router', text: 'The router matches the path of a request.' },
  { id: 'cookie', text: 'A cookie is set with a name and a value.' },
  { id: 'cats', text: 'Cats sleep for most of the day.' },
];

interface Health {
  readonly running: number;
  readonly waiting: number;
}

export interface System {
  readonly edge: Caller;
  readonly baseURL: string;
  /** Of the edge's embedder. */
  readonly embedder: string;
  /**
   * The backend from now on, fresh: one request is at work at a time, one may wait, the next is told 503. What an earlier
   * test has left waiting goes on.
   */
  backend(options?: FakeOptions): FakeBackend;
  /** Resolves when this many requests are at work and wait. */
  reaches(health: Health): Promise<void>;
  /** How many requests the gateway has refused since its queue was full. */
  refused(): Promise<number>;
  close(): Promise<void>;
}

export const startSystem = async (): Promise<System> => {
  let current = fakeBackend();
  let pauses: Pause[] = [];
  const note = (pause: Pause): Pause => {
    pauses.push(pause);
    return pause;
  };
  const backend: Backend = {
    get models() {
      return current.models;
    },
    concurrency: 1,
    open: (options, signal) => current.open(options, signal),
    close: async () => {},
  };
  const gateway = await serveGateway({ registry: registryOf(backend), secret: GATEWAY_SECRET, port: 0, queueLimit: 1 });
  const state = await mkdtemp(join(tmpdir(), 'sift-clients-'));
  const running = await startEdge({
    root: ROOT,
    state,
    embedder: await embedderFiles(join(ROOT, 'models/embedder')),
    port: 0,
    apiKey: KEY,
    gatewayUrl: gateway.url,
    gatewaySecret: GATEWAY_SECRET,
    defaultCorpus: '',
  });
  const edge = edgeAt(new URL(running.url));
  await edge.upload('docs', EXAMPLES);
  const { data } = await (await edge.send('/v1/models')).json();
  return {
    edge,
    baseURL: `${running.url}/v1`,
    embedder: data.find(({ kind }: { kind: string }) => kind === 'embed').id,
    backend: (options) => {
      for (const { release } of pauses) release();
      pauses = [];
      const fresh = fakeBackend(options);
      current = { ...fresh, pauseAt: (stage) => note(fresh.pauseAt(stage)) };
      return current;
    },
    reaches: async (wanted) => {
      const health = async (): Promise<Health> => (await fetch(`${gateway.url}/health`)).json();
      await expect.poll(health, { timeout: 30_000 }).toMatchObject(wanted);
    },
    refused: async () => {
      const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
      const line = /^sift_gateway_requests_total\{[^}]*outcome="queue_full"[^}]*\} (\d+)/m.exec(metrics);
      return Number(line?.[1] ?? 0);
    },
    close: async () => {
      await running.close();
      await gateway.close(0);
      await rm(state, { recursive: true, force: true });
    },
  };
};
