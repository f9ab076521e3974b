// The edge's port on this machine as a hostile neighbour finds it: another process, or a web page whose name was pointed
// at 127.0.0.1. Raw sockets, because no client library sends such requests.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildKernel } from '../../assembly/build.ts';
import { createClient } from '../../client/index.ts';
import { type RunningEdge, startEdge } from '../../local/edge.ts';
import { embedderFiles } from '../../local/embedder.ts';
import { descendants, listeningPorts } from './processes.ts';
import { sendLines } from './raw.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const KEY = 'sk-of-the-front-test';
let state: string;
let edge: RunningEdge;
let port: number;

beforeAll(async () => {
  await buildKernel();
  state = await mkdtemp(join(tmpdir(), 'sift-front-'));
  edge = await startEdge({
    root: ROOT,
    state,
    embedder: await embedderFiles(join(ROOT, 'models/embedder')),
    port: 0,
    apiKey: KEY,
    gatewayUrl: 'http://127.0.0.1:9',
    gatewaySecret: 'nobody listens there',
    defaultCorpus: 'notes',
  });
  port = Number(new URL(edge.url).port);
  const examples = ['tea', 'coffee', 'cocoa'].map((id) => ({ id, text: `how to brew ${id}` }));
  expect(await createClient({ baseURL: edge.url, key: KEY }).ingest('notes', examples)).toMatchObject({ created: 3 });
});
afterAll(async () => {
  await edge?.close();
  await rm(state, { recursive: true, force: true });
});

/** Ids that the index still holds. */
const indexed = async (): Promise<string[]> => {
  const client = createClient({ baseURL: edge.url, key: KEY });
  const { selection } = await client.select({ corpus: 'notes', input: 'brew a drink', n: 3 });
  return selection.picks.map(({ id }) => id).sort();
};
const ALL = ['cocoa', 'coffee', 'tea'];
describe('headers and paths that steer Miniflare', () => {
  const orders: readonly [string, ...string[]][] = [
    ['GET /info HTTP/1.1', 'MF-Route-Override: vectorize-local'],
    ['POST /clear HTTP/1.1', 'MF-Route-Override: vectorize-local', 'Content-Length: 0'],
    ['POST /configure HTTP/1.1', 'mf-route-override: vectorize-local', 'Content-Length: 0'],
    ['GET /health HTTP/1.1', 'MF-Original-URL: http://vectorize-local/info'],
    ['GET /health HTTP/1.1', 'MF-Proxy-Shared-Secret: x'],
    ['GET /health HTTP/1.1', 'MF-CF-Blob: {not json'],
    ['GET /health HTTP/1.1', 'MF-Loopback-Secret: x'],
    ['GET /health HTTP/1.1', 'MF-Custom-Node-Service: x'],
    ['GET /health HTTP/1.1', 'MF-Anything-Else: x'],
    ['GET /cdn-cgi/local/platform-proxy HTTP/1.1', 'MF-Op: GET', 'MF-Op-Secret: 00'],
    ['GET /cdn-cgi/local/explorer HTTP/1.1'],
    ['GET /./cdn-cgi/local/scheduled HTTP/1.1'],
    ['GET /v1/../cdn-cgi/mf/reload HTTP/1.1'],
    ['GET /\\cdn-cgi/local/r2/public HTTP/1.1'],
    ['GET /__cf_local/stream HTTP/1.1'],
    ['POST /core/error HTTP/1.1', 'Content-Length: 0'],
  ];
  it.each(orders)('%s %s: refused by a sentence', async (line, ...headers) => {
    const { status, head, body } = await sendLines(port, line, `Host: 127.0.0.1:${port}`, ...headers);
    expect([400, 404]).toContain(status);
    expect(head.toLowerCase()).toContain('content-type: application/json');
    expect(body).toMatch(/"message":"/);
    expect(body).not.toMatch(/node_modules|at .*:\d+:\d+|vectorCount/);
    expect(await indexed()).toEqual(ALL);
  });

  it.skipIf(process.platform !== 'linux')('reach no Worker on the ports behind the front either', async () => {
    const pids = (await descendants(process.pid)).map(({ pid }) => pid);
    const behind = (await listeningPorts([process.pid, ...pids])).filter((other) => other !== port);
    expect(behind.length).toBeGreaterThan(0);
    for (const other of behind) {
      for (const [line, ...headers] of [...orders, ['GET /health HTTP/1.1'], ['GET /v1/models HTTP/1.1']] as const) {
        const { status, body } = await sendLines(other, line, `Host: 127.0.0.1:${other}`, ...headers);
        expect(status === 0 || status >= 400, `${other} ${line}: ${status}`).toBe(true);
        expect(body).not.toContain('vectorCount');
      }
    }
    expect(await indexed()).toEqual(ALL);
  });
});

describe('Host', () => {
  const hosts: readonly [string, string, number][] = [
    ['the address', '127.0.0.1:PORT', 200],
    ['the name', 'localhost:PORT', 200],
    ['the name in capitals', 'LocalHost:PORT', 200],
    ['the address of IPv6', '[::1]:PORT', 200],
    ['a stranger', 'evil.example:PORT', 421],
    ['a name that begins like ours', 'localhost.evil.example:PORT', 421],
    ['a name that ends like ours', 'evil-localhost:PORT', 421],
    ['ours as user name', 'localhost:PORT@evil.example', 421],
    ['ours without a port', 'localhost', 421],
    ['ours with another port', '127.0.0.1:1', 421],
    ['nothing', '', 421],
    ['another address of this machine', '0.0.0.0:PORT', 421],
  ];
  it.each(hosts)('is %s (%s): %i', async (_, host, want) => {
    const { status, body } = await sendLines(
      port,
      'GET /health HTTP/1.1',
      `Host: ${host.replace('PORT', String(port))}`,
    );
    expect(status).toBe(want);
    if (want !== 200) expect(JSON.parse(body).error.message).toContain(`localhost:${port}`);
  });

  it('is missing, or sent twice: 400', async () => {
    expect((await sendLines(port, 'GET /health HTTP/1.1')).status).toBe(400);
    expect((await sendLines(port, 'GET /health HTTP/1.0')).status).toBe(400);
    const twice = [`Host: localhost:${port}`, 'Host: evil.example'];
    expect((await sendLines(port, 'GET /health HTTP/1.1', ...twice)).status).toBe(400);
  });

  it('is said by the target when that is a whole URL', async () => {
    const host = `Host: localhost:${port}`;
    expect((await sendLines(port, `GET http://localhost:${port}/health HTTP/1.1`, host)).status).toBe(200);
    expect((await sendLines(port, 'GET http://evil.example/health HTTP/1.1', host)).status).toBe(421);
    expect((await sendLines(port, `GET http://localhost:${port}@evil.example/health HTTP/1.1`, host)).status).toBe(421);
    expect((await sendLines(port, `GET http://localhost:${port}/health HTTP/1.1`, 'Host: evil.example')).status).toBe(
      421,
    );
  });

  it('and nothing else decides: targets and methods that mean nothing are refused, never an error of the server', async () => {
    const host = `Host: localhost:${port}`;
    for (const line of [
      'OPTIONS * HTTP/1.1',
      'TRACE /health HTTP/1.1',
      'QUERY /health HTTP/1.1',
      'GET health HTTP/1.1',
      'GET //evil.example/health HTTP/1.1',
      'GET /%zz HTTP/1.1',
      'GET /\xff\xfe HTTP/1.1',
      'CONNECT evil.example:80 HTTP/1.1',
      'nonsense',
    ]) {
      const { status } = await sendLines(port, line, host);
      expect(status < 500 && status !== 200, `${line}: ${status}`).toBe(true);
    }
    expect((await sendLines(port, 'GET /health HTTP/1.1', host)).status).toBe(200);
  });
});

it('a refusal reaches a caller who is still sending a large body', async () => {
  const big = new Uint8Array(20_000_000);
  for (let i = 0; i < 2; i++) {
    const wrongKey = await fetch(`${edge.url}/v1/corpora/notes/examples`, {
      method: 'POST',
      headers: { authorization: 'Bearer wrong' },
      body: big,
    });
    expect([wrongKey.status, (await wrongKey.json()) as unknown]).toMatchObject([401, { error: { code: 'bad_key' } }]);
    const chunked = new ReadableStream({
      start(controller) {
        controller.enqueue(big);
        controller.close();
      },
    });
    const tooLarge = await fetch(`${edge.url}/v1/select`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}` },
      body: chunked,
      duplex: 'half',
    });
    expect([tooLarge.status, await tooLarge.json()]).toMatchObject([413, { error: { code: 'too_large' } }]);
    const steering = await fetch(`${edge.url}/clear`, { method: 'POST', headers: { 'mf-op': 'x' }, body: big });
    expect([steering.status, await steering.json()]).toMatchObject([400, { error: { code: 'bad_request' } }]);
  }
});

it('a web page with a key may call the API', async () => {
  const response = await fetch(`${edge.url}/v1/models`, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example', 'access-control-request-method': 'GET' },
  });
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
});
