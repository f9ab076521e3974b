// The edge on its way to a gateway without a public port: with a service token, and over a binding to a private network.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessHeaders } from '../../functions/upstream/access.ts';
import { gatewayModels } from '../../functions/upstream/client.ts';
import { gatewayParts } from '../../functions/upstream/of.ts';
import { bundle } from '../../local/bundle.ts';
import { startWorkerd } from '../../local/workerd.ts';
import { GATEWAY_SECRET } from './harness.ts';
import { MODELS } from './openai-gateway.ts';
import { type ScriptedGateway, type Seen, scriptedGateway } from './scripted-gateway.ts';

let gateway: ScriptedGateway;
const seen: Seen[] = [];
beforeAll(async () => {
  gateway = await scriptedGateway(async (exchange) => {
    seen.push(exchange.seen);
    await exchange.answer(200, MODELS);
  });
});
afterAll(() => gateway.close());

const never = new AbortController().signal;
const given = () => ({ GATEWAY_URL: gateway.url, GATEWAY_SECRET });
const TOKEN = { GATEWAY_ACCESS_ID: 'abc.access', GATEWAY_ACCESS_SECRET: 'token-secret' };

describe('a service token of Cloudflare Access', () => {
  it('goes to the gateway with every request', async () => {
    await gatewayModels({ ...given(), ...TOKEN }, never);
    expect(seen.at(-1)?.headers).toMatchObject({
      'cf-access-client-id': 'abc.access',
      'cf-access-client-secret': 'token-secret',
    });
  });

  it('is not sent where there is none', async () => {
    await gatewayModels(given(), never);
    expect(Object.keys(seen.at(-1)?.headers ?? {}).filter((name) => name.startsWith('cf-'))).toEqual([]);
  });

  it.each([
    ['GATEWAY_ACCESS_SECRET', { GATEWAY_ACCESS_ID: 'abc' }],
    ['GATEWAY_ACCESS_ID', { GATEWAY_ACCESS_SECRET: 'token-secret' }],
  ])('without %s is refused by that name, and nothing is sent', async (missing, half) => {
    const before = seen.length;
    await expect(gatewayModels({ ...given(), ...half }, never)).rejects.toMatchObject({
      wire: { status: 501, body: { error: { code: 'not_configured', message: expect.stringContaining(missing) } } },
    });
    expect(seen.length).toBe(before);
    expect(() => accessHeaders(half)).not.toThrow('token-secret');
  });
});

describe('a binding to a private network', () => {
  it('carries the request in place of the internet, with the same signature and headers', async () => {
    const carried: string[] = [];
    const GATEWAY_VPC = {
      fetch: (url: URL, init: RequestInit) => {
        carried.push(url.href);
        // a host that only the private network knows
        return fetch(new URL(url.pathname, gateway.url), init);
      },
    };
    const models = await gatewayModels(
      { GATEWAY_URL: 'http://gateway.internal', GATEWAY_SECRET, GATEWAY_VPC, ...TOKEN },
      never,
    );
    expect(models.length).toBeGreaterThan(0);
    expect(carried).toEqual(['http://gateway.internal/v1/models']);
    expect(seen.at(-1)?.headers).toMatchObject({ 'cf-access-client-id': 'abc.access' });
  });
});

it('a binding carries it in workerd too, where the address is known to nobody else', async () => {
  const entry = fileURLToPath(new URL('access-worker.ts', import.meta.url));
  // as Workers VPC does: host and port are the service's, of the address only the path counts
  const service = `export default {
    fetch: (request) => fetch(new Request(new URL(new URL(request.url).pathname, '${gateway.url}'), request)),
  }`;
  const worker = await startWorkerd([
    {
      name: 'edge',
      modules: await bundle(entry),
      bindings: { GATEWAY_VPC: { type: 'worker', worker: 'vpc' } },
      vars: { GATEWAY_URL: 'http://gateway.invalid', GATEWAY_SECRET, ...TOKEN },
    },
    { name: 'vpc', modules: { 'index.js': { type: 'esm', contents: service } } },
  ]);
  try {
    const response = await fetch(worker.url);
    expect([response.status, await response.json()]).toMatchObject([200, [{ id: 'base' }]]);
    expect(seen.at(-1)?.headers).toMatchObject({ 'cf-access-client-id': 'abc.access' });
  } finally {
    await worker.stop();
  }
});

it('takes of the Worker’s Env what belongs to the gateway, and nothing else', () => {
  const env = { ...given(), ...TOKEN, API_KEY: 'key', GATEWAY_VPC: { fetch } };
  expect(Object.keys(gatewayParts(env)).sort()).toEqual([
    'GATEWAY_ACCESS_ID',
    'GATEWAY_ACCESS_SECRET',
    'GATEWAY_SECRET',
    'GATEWAY_URL',
    'GATEWAY_VPC',
  ]);
  expect(gatewayParts({})).toEqual({});
});
