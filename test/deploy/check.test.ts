// The check of a deployment: it waits for a host and an index that come late, tells a gateway that is away from a Worker that
// is not ready, and leaves no corpus behind. The Worker is a server of this file.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Cloudflare, startCloudflare } from './cloudflare.ts';
import { type Disk, type RunOptions, runDeploy } from './harness.ts';

interface Behaviour {
  /** Answers of GET /ready, the last one for good; a string is sent as it is, with 404. */
  ready: (Readonly<Record<string, string | Readonly<Record<string, string>>>> | string)[];
  /** Requests that an earlier version answers, which does not know the key. */
  unknown: number;
  /** Selections that find nothing yet. */
  late: number;
  /** The status of an upload. */
  upload: number;
}

const OK = { kernel: 'ok', stores: 'ok', keys: 'ok', gateway: 'none' };
let behaviour: Behaviour;
let asked: string[];
let corpora: Set<string>;
let bodies: string[];
let server: Server;
let cf: Cloudflare;
let disk: Disk;
let url: string;

beforeEach(async () => {
  behaviour = { ready: [OK], unknown: 0, late: 0, upload: 200 };
  asked = [];
  bodies = [];
  corpora = new Set();
  disk = { secrets: {} };
  cf = await startCloudflare();
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const path = request.url ?? '';
    asked.push(`${request.method} ${path.replace(/sift-check-[0-9a-f]+/, 'CORPUS').replace(/\?.*/, '')}`);
    bodies.push(body);
    const say = (status: number, value: unknown) => response.writeHead(status).end(JSON.stringify(value));
    if (path === '/ready') {
      const checks = behaviour.ready.length > 1 ? behaviour.ready.shift() : behaviour.ready[0];
      if (typeof checks === 'string') return response.writeHead(404).end(checks);
      return say(200, { checks });
    }
    const key = cf.model.scripts.get('sift-edge')?.secrets.get('API_KEY');
    behaviour.unknown -= 1;
    if (behaviour.unknown >= 0 || request.headers.authorization !== `Bearer ${key}`) {
      return say(401, { error: { message: 'Incorrect API key', type: 'authentication_error', code: 'bad_key' } });
    }
    const corpus = /corpora\/([^/]+)/.exec(path)?.[1] ?? '';
    if (request.method === 'DELETE') {
      corpora.delete(corpus);
      return response.writeHead(204).end();
    }
    if (request.method === 'GET')
      return say(404, { error: { message: 'no such corpus', type: 'invalid_request_error' } });
    if (path.includes('/examples')) {
      if (behaviour.upload !== 200) {
        return say(behaviour.upload, {
          error: { message: 'the store is away', type: 'server_error', code: 'storage' },
        });
      }
      corpora.add(corpus);
      const lines = body
        .trim()
        .split('\n')
        .map((line, i) => ({ line: i + 1, id: JSON.parse(line).id, status: 'created' }));
      return response.end(
        [...lines, { done: true, created: 3, updated: 0, unchanged: 0, errors: 0 }]
          .map((one) => `${JSON.stringify(one)}\n`)
          .join(''),
      );
    }
    behaviour.late -= 1;
    return say(200, { picks: behaviour.late < 0 ? [{ id: 'check-0' }] : [] });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await cf.close();
});

const run = (options: RunOptions = {}) =>
  runDeploy(cf, disk, { check: true, url, timing: { lookMs: 1, readyMs: 300, shownMs: 300 }, ...options });

describe('the check of a deployment', () => {
  it('uploads, selects and deletes, with the key that was just made', async () => {
    const { code, error, out } = await run();
    expect([code, error]).toEqual([0, undefined]);
    expect(asked).toEqual([
      'GET /ready',
      'GET /v1/corpora/CORPUS',
      'POST /v1/corpora/CORPUS/examples',
      'POST /v1/select',
      'DELETE /v1/corpora/CORPUS',
    ]);
    expect(corpora.size).toBe(0);
    expect(out.join('\n')).toMatch(/check that it is ready: without a gateway/);
  });

  it('waits for a host and an index that come late', async () => {
    behaviour.ready = ['error code: 1042', '<html>', { ...OK, keys: 'no API_KEY' }, OK];
    behaviour.late = 3;
    expect((await run()).code).toBe(0);
    expect(asked.filter((one) => one === 'GET /ready')).toHaveLength(4);
    expect(asked.filter((one) => one === 'POST /v1/select')).toHaveLength(4);
  });

  it('waits until the key that was just made is known everywhere', async () => {
    behaviour.unknown = 3;
    const { code, error } = await run({ rotateSecrets: true });
    expect([code, error]).toEqual([0, undefined]);
    behaviour.unknown = Number.POSITIVE_INFINITY;
    expect(await run({ rotateSecrets: true })).toMatchObject({
      code: 75,
      error: expect.stringMatching(/the key that was just made is refused 0\.3 s later/),
    });
  });

  it('sends vectors where callers do', async () => {
    await run({ flags: { embedder: 'none', dimensions: 4 } });
    expect(JSON.parse(bodies[3] ?? '')).toMatchObject({ vector: [1, 0, 0, 0] });
  });

  it('takes a gateway that is away as a note: it does not know its secret yet', async () => {
    behaviour.ready = [{ ...OK, gateway: 'unreachable' }];
    const { code, out } = await run();
    expect(code).toBe(0);
    expect(out.join('\n')).toMatch(
      /its gateway does not answer yet \(unreachable\): start it with the same GATEWAY_SECRET/,
    );
  });

  it('tells which of several gateways are away, and goes on', async () => {
    behaviour.ready = [{ ...OK, gateway: 'ok', gateways: { eu: 'ok', us: 'gateway_unreachable', ap: 'no models' } }];
    const { code, out } = await run();
    expect(code).toBe(0);
    expect(out.join('\n')).toMatch(/gateways that do not answer yet: us \(gateway_unreachable\), ap \(no models\)/);
    behaviour.ready = [{ ...OK, gateway: 'ok', gateways: { eu: 'ok', us: 'ok' } }];
    expect((await run()).out.join('\n')).toMatch(/check that it is ready$/m);
  });

  it('ends with 75 where it never becomes ready, and the next run checks and shows the secrets', async () => {
    behaviour.ready = [{ ...OK, stores: 'not bound: TEXTS' }];
    const first = await run();
    expect(first.code).toBe(75);
    expect(first.error).toMatch(
      /step 'check that it is ready' failed\. .* not ready within 0\.3 s \(stores: not bound: TEXTS\)/,
    );
    const key = String(cf.model.scripts.get('sift-edge')?.secrets.get('API_KEY'));
    expect(first.out.join('\n')).not.toContain(key);
    behaviour.ready = [OK];
    const again = await run();
    expect(again.code).toBe(0);
    expect(again.out.join('\n')).toMatch(new RegExp(`check of one selection: one of[\\s\\S]*API_KEY=${key}`));
  });

  it('ends with 75 where the index shows nothing in time, and leaves no corpus', async () => {
    behaviour.late = Number.POSITIVE_INFINITY;
    const { code, error } = await run();
    expect([code, error]).toEqual([
      75,
      expect.stringMatching(/ready, but a selection finds none of three examples 0\.3 s after/),
    ]);
    expect(corpora.size).toBe(0);
  });

  it('says what the deployment answered to the upload', async () => {
    behaviour.upload = 500;
    const { code, error } = await run();
    expect([code, error]).toEqual([
      75,
      expect.stringMatching(/step 'check of one selection' failed.*the store is away/),
    ]);
    expect(asked.at(-1)).toBe('DELETE /v1/corpora/CORPUS');
  });

  it('needs a key for the selection of a later run, and says so where there is none or a wrong one', async () => {
    await run();
    const key = String(cf.model.scripts.get('sift-edge')?.secrets.get('API_KEY'));
    expect((await run()).out.join('\n')).toMatch(/check of one selection: left out: it needs a key \(SIFT_KEY\)/);
    expect((await run({ key })).out.join('\n')).toMatch(/one of three examples was selected/);
    expect(await run({ key: 'wrong' })).toMatchObject({ code: 4, error: expect.stringMatching(/Incorrect API key/) });
  });
});
