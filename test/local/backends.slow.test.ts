// npm start with models on other machines beside its own: the whole path, from OpenAI's request at the edge to a server that
// speaks Tinker's wire, and back; the same selection again makes no step there.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { embedderFiles } from '../../local/embedder.ts';
import { type Stack, startStack } from '../../local/stack.ts';
import { MODEL, NOTHING, startTinkerServer, type TinkerServer } from '../gateway/tinker-server.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const KEY = 'tml-a-key-of-this-test';
let scratch: string;
let server: TinkerServer;
let stack: Stack;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'sift-backends-'));
  server = await startTinkerServer({ key: KEY });
  process.env.SIFT_TEST_GPU_KEY = KEY;
  const backends = join(scratch, 'backends.json');
  const gpu = {
    type: 'tinker',
    servers: [{ url: server.url, keyEnv: 'SIFT_TEST_GPU_KEY' }],
    models: [{ name: 'tiny', serverName: MODEL }],
  };
  await writeFile(backends, JSON.stringify({ gpu }));
  stack = await startStack({
    root: ROOT,
    state: scratch,
    model: 'models/base',
    backends,
    embedder: await embedderFiles(join(ROOT, 'models/embedder')),
    port: 0,
    gatewayPort: 0,
    defaultCorpus: 'docs',
  });
  const texts = ['The router matches the path of a request.', 'A route has a path.', 'Cookies have names and values.'];
  await stack.client.ingest(
    'docs',
    texts.map((text, i) => ({ id: `${i}`, text })),
  );
});
afterAll(async () => {
  await stack?.close();
  await server?.kill();
  delete process.env.SIFT_TEST_GPU_KEY;
  await rm(scratch, { recursive: true, force: true });
});

it('serves them to OpenAI’s client as its own model, with selection, steps, guard and the adapter of the next request', async () => {
  const openai = new OpenAI({ apiKey: stack.key, baseURL: `${stack.edge}/v1`, maxRetries: 0 });
  const names = [];
  for await (const { id } of openai.models.list()) names.push(id);
  expect(names.slice(0, 4)).toEqual(['base', 'base:sift', 'tiny', 'tiny:sift']);

  const ask = async () => {
    const body = { model: 'tiny:sift', prompt: 'How does a router match?', max_tokens: 8, temperature: 0, seed: 1 };
    const sift = { n: 3, method: 'lora', rank: 4, learning_rate: 0.05 };
    // the official type knows nothing of `sift`; the client sends it as it is
    const answer = await openai.completions.create({ ...body, sift } as typeof body);
    return answer as typeof answer & { sift: { adapter: { id: string; reused: boolean } | null; picks: unknown[] } };
  };
  const first = await ask();
  expect(first.sift.picks).toHaveLength(3);
  expect(first.usage?.prompt_tokens_details).toMatchObject({ tuning_steps: 3, tuning: { method: 'lora', rank: 4 } });
  expect(first.sift.adapter?.reused).toBe(false);
  expect(server.steps()).toBe(3);

  const second = await ask();
  expect(second.choices).toEqual(first.choices);
  expect(second.sift.adapter).toEqual({ id: first.sift.adapter?.id, reused: true });
  expect(server.steps()).toBe(3);
  await expect.poll(server.held).toEqual(NOTHING);

  // what it was made of is gone, and so is the adapter on the server
  await stack.client.deleteExample('docs', '0');
  await expect.poll(() => server.kept.size).toBe(0);
});
