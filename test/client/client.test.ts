// The client against a running edge, in Node, inside workerd and in Chromium; its weight; and, against a fetch that answers as told,
// what it does when answers do not come as they should.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type GenerateEvent, SiftError } from '../../client/index.ts';
import { bundle, startBareWorker } from '../../local/bundle.ts';
import { chromium } from '../clients/chromium.ts';
import { type Edge, KEY, startEdge } from '../edge/harness.ts';
import { type OpenAiGateway, openAiGateway } from '../edge/openai-gateway.ts';
import type {} from './page.ts';
import { type Account, scenario } from './scenario.ts';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const EXPECTED: Account = {
  progress: [2, 3],
  picks: ['router', expect.any(String)] as unknown as string[],
  unchanged: true,
  fetched: true,
  gone: 'selection_gone',
  unknown: { status: 404, code: 'unknown_corpus', param: 'corpus' },
  text: 'Hello',
  sift: expect.arrayContaining(['selection', 'step']) as unknown as string[],
  left: 'Hel',
  ids: ['cats', 'cookie', 'router'],
  vectors: 2,
  deleted: true,
};

const browser = chromium('the client in a browser');

describe('the client against an edge', () => {
  let gateway: OpenAiGateway;
  let edge: Edge;
  beforeAll(async () => {
    gateway = await openAiGateway();
    // the local index shows a write at once, so that the version of the corpus can be relied on
    edge = await startEdge({ vars: { GATEWAY_URL: gateway.url, INDEX_SETTLE_S: '0' } });
  });
  afterAll(async () => {
    await edge?.close();
    await gateway?.close();
  });

  it('ingests, selects, fetches, generates and deletes from Node', async () => {
    expect(await scenario({ baseURL: edge.url.href, key: KEY }, 'node')).toEqual(EXPECTED);
  });

  it('does the same inside workerd', async () => {
    const worker = await startBareWorker('client', await bundle(path('worker.ts')));
    try {
      const body = JSON.stringify({ baseURL: `${edge.url.href}v1`, key: KEY, corpus: 'workerd' });
      const response = await fetch(worker.url, { method: 'POST', body });
      expect(await response.json()).toEqual(EXPECTED);
    } finally {
      await worker.stop();
    }
  });

  it.skipIf(browser === undefined)('does the same in Chromium, on a page of another origin', async () => {
    const script = await build({ entryPoints: [path('page.ts')], bundle: true, format: 'iife', write: false });
    const pages = createServer(
      (_, answer) => void answer.setHeader('content-type', 'text/html').end('<title>a page</title>'),
    );
    pages.listen(0, '127.0.0.1');
    await once(pages, 'listening');
    const running = await playwright.launch({ executablePath: browser ?? '', args: ['--no-sandbox'] });
    try {
      const page = await running.newPage();
      await page.goto(`http://localhost:${(pages.address() as AddressInfo).port}`);
      await page.addScriptTag({ content: script.outputFiles[0]?.text ?? '' });
      const asked = [edge.url.href, KEY] as const;
      const account = await page.evaluate(([url, key]) => globalThis.run(url, key, 'chromium'), asked);
      expect(account).toEqual(EXPECTED);
    } finally {
      await running.close();
      pages.close();
    }
  });
});

it('weighs at most 5 kB, compressed', async () => {
  const entry = path('../../client/index.ts');
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
  });
  const [{ contents } = { contents: new Uint8Array() }] = outputFiles;
  expect(contents.byteLength).toBeGreaterThan(1_000);
  expect(gzipSync(contents, { level: 9 }).byteLength).toBeLessThanOrEqual(5_000);
});

describe('when answers do not come as they should', () => {
  type Answer = Response | Error;
  /** A client whose requests get these answers, one after the other, and what it asked. */
  const against = (...answers: Answer[]) => {
    const asked: { url: string; body: string; headers: Headers }[] = [];
    const answer = (async (url, init = {}) => {
      asked.push({ url: String(url), body: String(init?.body ?? ''), headers: new Headers(init?.headers) });
      const next = answers[asked.length - 1];
      if (next === undefined) throw new Error(`request ${asked.length} was not foreseen`);
      if (next instanceof Error) throw next;
      return next;
    }) as typeof fetch;
    return { client: createClient({ baseURL: 'http://edge/v1/', key: 'k', fetch: answer }), asked };
  };
  const refused = (status: number, headers: Record<string, string> = {}, code = 'x') =>
    Response.json({ error: { message: 'no', type: 't', code, param: null } }, { status, headers });
  const busy = () => refused(503, { 'retry-after': '0.01' }, 'queue_full');
  const score = { model: 'base', text: 'x', context: 'y' };

  it('asks again where the edge is busy, and gives up after two more tries', async () => {
    const { client, asked } = against(busy(), Response.json({ before: 1 }));
    expect(await client.score(score)).toEqual({ before: 1 });
    expect(asked.map(({ url }) => url)).toEqual(['http://edge/v1/score', 'http://edge/v1/score']);
    expect(asked[0]?.headers.get('authorization')).toBe('Bearer k');
    const tired = against(busy(), busy(), busy());
    await expect(tired.client.score(score)).rejects.toMatchObject({
      status: 503,
      code: 'queue_full',
      retryAfterS: 0.01,
    });
    expect(tired.asked).toHaveLength(3);
  });

  it('never asks again for work that may have begun, or what was refused for good', async () => {
    const begun = against(refused(502, { 'x-should-retry': 'false' }));
    await expect(begun.client.score(score)).rejects.toMatchObject({ status: 502 });
    const wrong = against(refused(400));
    await expect(wrong.client.score(score)).rejects.toBeInstanceOf(SiftError);
    const broken = against(new TypeError('socket closed'));
    const message = 'http://edge/v1/score cannot be reached: socket closed';
    await expect(broken.client.score(score)).rejects.toMatchObject({ status: undefined, message });
    expect([begun, wrong, broken].map(({ asked }) => asked.length)).toEqual([1, 1, 1]);
    // under an Idempotency-Key the edge itself sees to it that the work is done once
    const safe = against(new TypeError('socket closed'), Response.json({ before: 2 }));
    expect(await safe.client.score(score, { idempotencyKey: 'one' })).toEqual({ before: 2 });
    expect(safe.asked.map(({ headers }) => headers.get('idempotency-key'))).toEqual(['one', 'one']);
  });

  it('stops waiting when the caller does', async () => {
    const { client, asked } = against(refused(503, { 'retry-after': '20' }));
    const gone = new AbortController();
    const asking = client.score(score, { signal: gone.signal });
    while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    gone.abort(new Error('gone'));
    await expect(asking).rejects.toThrow('gone');
  });

  it('tells of a page that is no answer of ours by its status', async () => {
    const { client } = against(new Response('<h1>Bad</h1>', { status: 404 }));
    await expect(client.score(score)).rejects.toMatchObject({ status: 404, message: 'the edge answered 404' });
  });

  it('takes a page that something else answers with for no answer, whatever was asked', async () => {
    const page = () => new Response('<!doctype html>', { headers: { 'content-type': 'text/html; charset=utf-8' } });
    const said = { status: 200, code: 'no_edge', message: expect.stringContaining('http://edge/v1/') };
    await expect(against(page()).client.models()).rejects.toMatchObject(said);
    await expect(against(page()).client.ingest('docs', [{ id: 'a', text: 'a' }])).rejects.toMatchObject(said);
    await expect(against(page()).client.generate({ model: 'base', prompt: 'x' }).next()).rejects.toMatchObject(said);
  });

  const result = (line: number, id: string) => `${JSON.stringify({ line, id, status: 'created' })}\n`;
  const breaking = (text: string) =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(text));
        },
        pull(controller) {
          controller.error(new TypeError('terminated'));
        },
      }),
    );

  it('sends an upload that broke off again, and tells of every line once', async () => {
    const { client, asked } = against(
      breaking(result(1, 'a')),
      new Response(result(1, 'a') + result(2, 'b') + result(3, 'c') + JSON.stringify({ summary: { created: 3 } })),
    );
    const told: number[] = [];
    const examples = ['a', 'b', 'c'].map((id) => ({ id, text: id }));
    const done = await client.ingest('docs', examples, { onResult: ({ line }) => void told.push(line) });
    expect(told).toEqual([1, 2, 3]);
    expect(done).toEqual({ done: 3, created: 3, updated: 0, unchanged: 0, errors: 0 });
    expect(asked[1]?.body).toBe(asked[0]?.body);
  });

  it('asks for the next examples only when those before are answered', async () => {
    const answers = [result(1, 'a'), result(1, 'b')].map((text) => new Response(text));
    const { client, asked } = against(...answers);
    const seen: number[] = [];
    function* examples() {
      for (const id of ['a', 'b']) {
        seen.push(asked.length);
        yield { id, text: id };
      }
    }
    await client.ingest('docs', examples(), { batch: 1 });
    expect(seen).toEqual([0, 1]);
  });

  it('takes all lines of an upload that failed as a whole', async () => {
    const error = { message: 'no', type: 't', code: 'bad_field', param: 'text' };
    const line = JSON.stringify({ line: 1, id: 'a', status: 'error', error });
    const headers = { 'content-type': 'application/x-ndjson' };
    const { client } = against(new Response(`${line}\n`, { status: 422, headers }));
    expect(await client.ingest('docs', [{ id: 'a' }])).toMatchObject({ done: 1, errors: 1 });
  });

  it('takes half a stream for an error, and passes on what a stream failed of', async () => {
    const streamed = (text: string) => new Response(text, { headers: { 'content-type': 'text/event-stream' } });
    const all = async (text: string): Promise<GenerateEvent[]> =>
      Array.fromAsync(against(streamed(text)).client.generate({ model: 'base', prompt: 'x' }));
    const piece = 'data: {"choices":[{"index":0,"text":"a","finish_reason":null}]}\n\n';
    await expect(all(piece)).rejects.toThrow('the stream ended before its end');
    await expect(all(`${piece}data: {"error":{"message":"it broke","code":"backend"}}\n\n`)).rejects.toMatchObject({
      message: 'it broke',
      code: 'backend',
    });
    expect(await all(`: a comment\n\n${piece}data: [DONE]\n\n`)).toEqual([{ type: 'text', index: 0, text: 'a' }]);
  });
});
