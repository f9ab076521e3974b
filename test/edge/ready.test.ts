// What GET /ready looks at, piece by piece, with the real kernel and a gateway that a test can take apart.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Kernel } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { type Checks, check, isReady } from '../../functions/ready/check.ts';
import { GATEWAY_SECRET } from './harness.ts';
import { MODELS } from './openai-gateway.ts';
import { type ScriptedGateway, scriptedGateway } from './scripted-gateway.ts';

let kernel: Kernel;
let gateway: ScriptedGateway;
let models: object = MODELS;
beforeAll(async () => {
  kernel = await loadKernel();
  gateway = await scriptedGateway(async (exchange) => exchange.answer(200, models));
});
afterAll(() => gateway.close());

const WELL: Checks = { kernel: 'ok', stores: 'ok', keys: 'ok', gateway: 'ok' };
const bound = { VECTORIZE: {}, TEXTS: {}, CATALOGUE: {}, CORPORA: {}, API_KEY: 'key' };
const given = () => ({ ...bound, GATEWAY_URL: gateway.url, GATEWAY_SECRET });
const never = new AbortController().signal;
const look = (what: object, select = kernel.select) => check(what, select, never);

it('is ready with everything there', async () => {
  const checks = await look(given());
  expect(checks).toEqual(WELL);
  expect(isReady(checks)).toBe(true);
});

it.each(['VECTORIZE', 'TEXTS', 'CATALOGUE', 'CORPORA'])('names %s where it is not bound', async (name) => {
  const checks = await look({ ...given(), [name]: undefined });
  expect(checks).toEqual({ ...WELL, stores: `not bound: ${name}` });
  expect(isReady(checks)).toBe(false);
});

it('misses the key', async () => {
  const checks = await look({ ...given(), API_KEY: '' });
  expect([checks, isReady(checks)]).toEqual([{ ...WELL, keys: 'no API_KEY' }, false]);
});

it('is ready without a gateway for what needs none', async () => {
  const checks = await look(bound);
  expect([checks, isReady(checks)]).toEqual([{ ...WELL, gateway: 'none' }, true]);
  expect(isReady({ ...checks, kernel: 'wrong' })).toBe(false);
});

it.each<[string, object, string]>([
  ['with no secret', { GATEWAY_SECRET: '' }, 'not_configured'],
  ['at another address', { GATEWAY_URL: 'http://127.0.0.1:9' }, 'gateway_unreachable'],
  ['with another secret', { GATEWAY_SECRET: 'not the one that both share' }, 'gateway_unreachable'],
])('is not ready %s', async (_, change, word) => {
  const checks = await look({ ...given(), ...change });
  expect([checks, isReady(checks)]).toEqual([{ ...WELL, gateway: word }, false]);
});

it('is not ready with a gateway that has no models', async () => {
  models = { models: [] };
  const checks = await look(given());
  models = MODELS;
  expect([checks, isReady(checks)]).toEqual([{ ...WELL, gateway: 'no models' }, false]);
});

it('sees a kernel that computes something else, or nothing', async () => {
  const wrong: Kernel['select'] = (problem) => kernel.select({ ...problem, lambda: 2 });
  expect(await look(given(), wrong)).toEqual({ ...WELL, kernel: 'wrong' });
  const failed: Kernel['select'] = () => ({ ok: false, fault: { kind: 'internal', message: 'no' } });
  expect(await look(given(), failed)).toEqual({ ...WELL, kernel: 'failed' });
});
