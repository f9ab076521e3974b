// The gateways of a deployment: one or several by --gateway, over a private network, behind Cloudflare Access, with a secret that
// the operator brings. What is wrong is said before anything is made.
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { givenSecrets } from '../../cli/deploy/secrets.ts';
import { settingsOf } from '../../cli/deploy/settings.ts';
import { parseGateways } from '../../wire/gateways.ts';
import { type Cloudflare, startCloudflare } from './cloudflare.ts';
import { DIMENSIONS, type Disk, type RunOptions, runDeploy, TOML } from './harness.ts';

let cf: Cloudflare;
let disk: Disk;
beforeEach(async () => {
  cf = await startCloudflare();
  disk = { secrets: {} };
});
afterEach(() => cf.close());
const run = (options: RunOptions = {}) => runDeploy(cf, disk, options);
const secrets = () => Object.fromEntries(cf.model.scripts.get('sift-edge')?.secrets ?? []);

const EU = 'eu=https://eu.example.com/@weur';
const US = 'us=https://us.example.com@enam,2.5';

describe('--gateway', () => {
  it('names one by its address, or several with name, region and weight', async () => {
    await run({ flags: { gateway: [EU, US] } });
    const { GATEWAYS, GATEWAY_URL } = disk.config?.vars ?? {};
    expect(GATEWAY_URL).toBe('');
    expect(parseGateways(GATEWAYS)).toEqual({
      ok: true,
      value: [
        { name: 'eu', url: 'https://eu.example.com', region: 'weur', weight: 1 },
        { name: 'us', url: 'https://us.example.com', region: 'enam', weight: 2.5 },
      ],
    });
  });

  it('is kept by the next run, and one takes the place of several and several that of one', async () => {
    await run({ flags: { gateway: [EU, US] } });
    const several = disk.config?.vars;
    await run();
    expect(disk.config?.vars).toEqual(several);
    await run({ flags: { gateway: ['https://one.example.com'] } });
    expect(disk.config?.vars).toMatchObject({ GATEWAY_URL: 'https://one.example.com' });
    expect(disk.config?.vars).not.toHaveProperty('GATEWAYS');
    await run({ flags: { gateway: [EU] } });
    expect(disk.config?.vars).toMatchObject({ GATEWAY_URL: '', GATEWAYS: expect.stringContaining('eu.example.com') });
    await run({ flags: { gateway: [''] } });
    expect(disk.config?.vars).toMatchObject({ GATEWAY_URL: '' });
    expect(disk.config?.vars).not.toHaveProperty('GATEWAYS');
  });

  it.each(['text', 'table'])('GATEWAYS of wrangler.toml (%s) is the first run’s', (form) => {
    const list = [{ name: 'eu', url: 'https://eu.example.com', region: 'weur' }];
    const vars = { ...TOML.vars, GATEWAYS: form === 'text' ? JSON.stringify(list) : list };
    const { gateways } = settingsOf({}, { ...TOML, vars }, undefined, DIMENSIONS);
    expect(gateways.several.map(({ name }) => name)).toEqual(['eu']);
    const before = { vars: { GATEWAY_URL: 'https://before.example.com' } };
    const kept = settingsOf({}, { ...TOML, vars }, before, DIMENSIONS);
    expect(kept.gateways).toEqual({ url: 'https://before.example.com', several: [] });
    // what stands in the file and is not taken is said
    expect(kept.passedOver).toEqual([expect.stringMatching(/GATEWAYS of wrangler\.toml .*--gateway/)]);
  });

  it('is shown in the plan', async () => {
    const shown = async (gateway: readonly string[]) =>
      (await run({ flags: { gateway }, dryRun: true })).out.find((line) => line.includes('configuration'));
    expect(await shown([EU, US])).toMatch(/gateways eu, us/);
    expect(await shown(['https://one.example.com'])).toMatch(/gateway https:\/\/one\.example\.com/);
    expect(await shown([''])).toMatch(/no gateway/);
  });

  it.each([
    [['https://a.example.com', 'https://b.example.com'], /2 times.*NAME=URL@REGION/],
    [[EU, 'https://b.example.com'], /'https:\/\/b\.example\.com'.*NAME=URL@REGION/],
    [['eu=https://eu.example.com'], /'eu=https:\/\/eu\.example\.com'.*NAME=URL@REGION/],
    [['eu=https://eu.example.com@mars'], /entry 1 'eu': region/],
    [[EU, EU], /entry 2 'eu': name is taken/],
    [['EU=https://eu.example.com@weur'], /entry 1: name/],
    [['eu=https://u:p@eu.example.com@weur'], /entry 1 'eu': url/],
    [['eu=https://eu.example.com@weur,0'], /entry 1 'eu': weight/],
    [['https://u:p@g.example.com'], /without user, password, query or fragment/],
    [['https://g.example.com/?a=1'], /without user, password, query or fragment/],
    [['https://'], /must be/],
    [['gateway.example.com'], /must be/],
  ])('%j is refused before anything is made', async (gateway, said) => {
    const { code, error } = await run({ flags: { gateway } });
    expect([code, error]).toEqual([2, expect.stringMatching(said)]);
    expect(error).toMatch(/--gateway/);
    expect(error).not.toContain('u:p@');
    expect(cf.model.asked.filter((one) => !one.startsWith('GET'))).toEqual([]);
  });

  it('leads through a private network with --gateway-vpc, to one gateway alone', async () => {
    await run({ flags: { gatewayVpc: 'service-1' } });
    await run();
    expect(disk.config?.vpc_services).toEqual([{ binding: 'GATEWAY_VPC', service_id: 'service-1' }]);
    expect(disk.config?.vars).toMatchObject({ GATEWAY_URL: 'http://gateway' });
    const { code, error } = await run({ flags: { gateway: [EU, US] } });
    expect([code, error]).toEqual([2, expect.stringMatching(/--gateway-vpc .* one host/)]);
    await run({ flags: { gateway: [EU, US], gatewayVpc: '' } });
    expect(disk.config).not.toHaveProperty('vpc_services');
  });
});

describe('secrets that the operator brings', () => {
  const FROM_ENV = 'a secret of the environment';

  it('are set by every run that has them, and not shown', async () => {
    await run();
    const { out } = await run({ given: { GATEWAY_SECRET: FROM_ENV } });
    expect(secrets().GATEWAY_SECRET).toBe(FROM_ENV);
    expect(out.join('\n')).not.toContain(FROM_ENV);
    expect(disk.secrets).toEqual({});
  });

  it('count more than what waits from a run that broke off', async () => {
    cf.model.fail('PUT', /scripts\/sift-edge$/, { status: 400, code: 1 });
    expect((await run()).code).toBe(1);
    await run({ given: { GATEWAY_SECRET: FROM_ENV } });
    expect(secrets().GATEWAY_SECRET).toBe(FROM_ENV);
  });

  it('Access’ service token goes with them, and stays', async () => {
    const token = { GATEWAY_ACCESS_ID: 'id.access', GATEWAY_ACCESS_SECRET: 'of access' };
    const { out, events } = await run({ given: token });
    await run();
    expect(secrets()).toMatchObject(token);
    expect(out.join('\n') + JSON.stringify(events)).not.toContain('of access');
    expect(disk.secrets).toEqual({});
  });

  it('are in no --json, not even with --show-secrets, and do not wait to be shown', async () => {
    const { events } = await run({ given: { GATEWAY_SECRET: FROM_ENV }, json: true });
    expect(disk.secrets).toEqual({ API_KEY: secrets().API_KEY });
    const shown = await run({ given: { GATEWAY_SECRET: FROM_ENV }, json: true, showSecrets: true });
    expect(JSON.stringify([events, shown.events])).not.toContain(FROM_ENV);
    expect(JSON.stringify(shown.events)).toContain(secrets().API_KEY);
  });

  it('come from the environment, or from the file that NAME_FILE names', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'sift-given-')), 'gateway_secret');
    await writeFile(file, `${FROM_ENV}\n`);
    expect(await givenSecrets({ GATEWAY_SECRET_FILE: file })).toEqual({ GATEWAY_SECRET: FROM_ENV });
    expect(await givenSecrets({ GATEWAY_SECRET: FROM_ENV, API_KEY: 'x' })).toEqual({ GATEWAY_SECRET: FROM_ENV });
    expect(await givenSecrets({})).toEqual({});
  });

  it.each([
    [{ GATEWAY_SECRET: 'short' }, /GATEWAY_SECRET .*16 characters/],
    [{ GATEWAY_ACCESS_ID: 'x' }, /GATEWAY_ACCESS_SECRET is missing/],
    [{ GATEWAY_ACCESS_SECRET: 'x' }, /GATEWAY_ACCESS_ID is missing/],
    [{ GATEWAY_SECRET_FILE: '/no/such' }, /GATEWAY_SECRET_FILE cannot be read/],
  ])('%j is refused', async (env, said) => {
    await expect(givenSecrets(env)).rejects.toThrow(said);
  });
});
