// Changing the secret that edge and gateway share, without a refused request: the gateway takes the previous one beside the
// new one, and signs each answer with the secret of its request.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { gatewayModels, gatewayTune } from '../../functions/upstream/client.ts';
import { registryOf } from '../../gateway/backends/registry.ts';
import { secretOf } from '../../gateway/secret.ts';
import { type RunningGateway, serveGateway } from '../../gateway/serve.ts';
import { signRequest } from '../../wire/signature.ts';
import { tuneRequest } from '../../wire/tune/requests.ts';
import { fakeBackend } from './fake-backend.ts';
import { picks } from './harness.ts';

const OLD = 'the old secret of some length';
const NEW = 'the new secret of some length';
const never = new AbortController().signal;

let running: RunningGateway[] = [];
afterEach(async () => {
  for (const gateway of running) await gateway.close(0);
  running = [];
});

const gatewayWith = async (secret: string, previousSecret?: string): Promise<RunningGateway> => {
  const previous = previousSecret === undefined ? {} : { previousSecret };
  const gateway = await serveGateway({ registry: registryOf(fakeBackend()), secret, ...previous, port: 0 });
  running.push(gateway);
  return gateway;
};
const modelsWith = async ({ url }: RunningGateway, secret: string): Promise<number> =>
  (await gatewayModels({ GATEWAY_URL: url, GATEWAY_SECRET: secret }, never)).length;
const previousCount = async ({ url }: RunningGateway): Promise<string | undefined> =>
  /^sift_gateway_previous_secret_total (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1];

describe('two secrets at once', () => {
  it('both are served, whole and streamed, each with answers that its own edge believes', async () => {
    const gateway = await gatewayWith(NEW, OLD);
    for (const secret of [OLD, NEW]) {
      expect(await modelsWith(gateway, secret)).toBe(1);
      const body = tuneRequest.parse({ model: 'base', prompt: 'Say', picks, stream: true });
      const told = await Array.fromAsync(
        await gatewayTune({ GATEWAY_URL: gateway.url, GATEWAY_SECRET: secret }, body, never),
      );
      expect(told.at(-1)?.event).toBe('done');
    }
  });

  it('the metric counts what is still signed with the previous one', async () => {
    const gateway = await gatewayWith(NEW, OLD);
    await modelsWith(gateway, NEW);
    expect(await previousCount(gateway)).toBe('0');
    await modelsWith(gateway, OLD);
    expect(await previousCount(gateway)).toBe('1');
  });

  it('another metric counts what is signed with a wrong one, or by a wrong clock, and no stranger’s request', async () => {
    const gateway = await gatewayWith(NEW);
    const refused = async (): Promise<string | undefined> =>
      /^sift_gateway_refused_signatures_total (\d+)$/m.exec(await (await fetch(`${gateway.url}/metrics`)).text())?.[1];
    for (const headers of [{}, { 'sift-signature': 'let me in' }]) {
      expect((await fetch(`${gateway.url}/v1/models`, { headers })).status).toBe(401);
    }
    expect(await refused()).toBe('0');
    await modelsWith(gateway, NEW);
    await expect(modelsWith(gateway, OLD)).rejects.toThrow();
    expect(await refused()).toBe('1');
    const target = { method: 'GET', path: '/v1/models', body: new Uint8Array(0) };
    const { header } = await signRequest(NEW, target, Date.now() - 600_000);
    await fetch(`${gateway.url}/v1/models`, { headers: { 'sift-signature': header } });
    expect(await refused()).toBe('2');
  });

  it('the previous one is refused once it is taken out, and a third one always', async () => {
    await expect(modelsWith(await gatewayWith(NEW), OLD)).rejects.toThrow();
    await expect(modelsWith(await gatewayWith(NEW, OLD), 'a third secret of some length')).rejects.toThrow();
  });
});

describe('a secret', () => {
  const file = (text: string): string => {
    const path = join(mkdtempSync(join(tmpdir(), 'sift-secret-')), 'secret');
    writeFileSync(path, text);
    return path;
  };

  it('is read from its variable, or from the file that NAME_FILE names, without the line break', async () => {
    expect(await secretOf('KEY', { KEY: 'value' })).toBe('value');
    expect(await secretOf('KEY', { KEY_FILE: file('value\n') })).toBe('value');
    expect(await secretOf('KEY', {})).toBeUndefined();
    expect(await secretOf('KEY', { KEY: '', KEY_FILE: '' })).toBeUndefined();
  });

  it.each<[string, () => Record<string, string>, string]>([
    ['both', () => ({ KEY: 'hidden', KEY_FILE: file('hidden') }), 'KEY and KEY_FILE are both set'],
    ['a file that is not there', () => ({ KEY_FILE: '/no/such/file' }), 'KEY_FILE cannot be read: ENOENT'],
    ['an empty file', () => ({ KEY_FILE: file(' \n') }), 'is empty'],
    [
      'a large file',
      () => ({ KEY_FILE: file('hidden'.repeat(10_000)) }),
      'has 60000 bytes, a secret has at most 16384',
    ],
  ])('from %s is refused without a word of it', async (_, env, message) => {
    const failed = await secretOf('KEY', env()).then(String, (error: Error) => error.message);
    expect(failed).toContain(message);
    expect(failed).not.toContain('hidden');
  });
});
