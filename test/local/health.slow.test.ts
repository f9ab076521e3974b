// GET /health of the edge on this machine: 200 while what it keeps can be used, 503 with a sentence when it cannot.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { buildKernel } from '../../assembly/build.ts';
import { createClient } from '../../client/index.ts';
import { type RunningEdge, startEdge } from '../../local/edge.ts';
import { embedderFiles } from '../../local/embedder.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const KEY = 'sk-of-the-health-test';
let state: string;
let edge: RunningEdge | undefined;
beforeEach(async () => {
  await buildKernel();
  state = await mkdtemp(join(tmpdir(), 'sift-health-'));
});
afterEach(async () => {
  await edge?.close();
  await rm(state, { recursive: true, force: true });
});

const start = async (dimensions?: number): Promise<RunningEdge> => {
  await edge?.close();
  const embedder = await embedderFiles(join(ROOT, 'models/embedder'));
  edge = await startEdge({
    root: ROOT,
    state,
    embedder: { ...embedder, ...(dimensions === undefined ? {} : { dimensions }) },
    port: 0,
    apiKey: KEY,
    gatewayUrl: 'http://127.0.0.1:9',
    gatewaySecret: 'nobody listens there',
    defaultCorpus: '',
  });
  return edge;
};
const health = async ({ url }: RunningEdge): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(`${url}/health`);
  return { status: response.status, body: await response.json() };
};
const unavailable = (message: string) => ({
  status: 503,
  body: { status: 'unavailable', error: { message: expect.stringContaining(message) } },
});

it('follows the stores: sound, of another shape, overwritten', async () => {
  const sound = await start();
  expect(await health(sound)).toEqual({ status: 200, body: { status: 'ok' } });
  await createClient({ baseURL: sound.url, key: KEY }).ingest('c', [{ id: 'a', text: 'tea' }]);
  expect(await health(sound)).toEqual({ status: 200, body: { status: 'ok' } });

  expect(await health(await start(3))).toMatchObject(unavailable('the stored index has 256 dimensions'));

  await edge?.close();
  edge = undefined;
  const names = await readdir(state, { recursive: true });
  for (const name of names)
    if (/VectorIndex.*[0-9a-f]{64}\.sqlite/.test(name)) await writeFile(join(state, name), 'no database');
  expect(await health(await start())).toMatchObject(unavailable('the vector index cannot be read'));
});
