// `sift-edge deploy` against a scripted Cloudflare: what it makes, what it keeps, and that the same command repairs whatever
// broke off at any of its requests.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCOUNT, type Cloudflare, type Failing, Model, startCloudflare } from './cloudflare.ts';
import { type Disk, type RunOptions, runDeploy } from './harness.ts';

let cf: Cloudflare;
let disk: Disk;
beforeEach(async () => {
  cf = await startCloudflare();
  disk = { secrets: {} };
});
afterEach(() => cf.close());
const run = (options?: RunOptions) => runDeploy(cf, disk, options);

/** Requests of a first deployment, each of which is to fail once. */
const REQUESTS: readonly (readonly [string, RegExp])[] = [
  ['GET', /^\/accounts$/],
  ['GET', /scripts\/sift-edge\/settings$/],
  ['GET', /workers\/subdomain$/],
  ['PUT', /workers\/subdomain$/],
  ['GET', /indexes\/sift$/],
  ['POST', /v2\/indexes$/],
  ['POST', /metadata_index\/create$/],
  ['GET', /metadata_index\/list$/],
  ['GET', /r2\/buckets\/sift-texts$/],
  ['POST', /r2\/buckets$/],
  ['GET', /kv\/namespaces$/],
  ['POST', /kv\/namespaces$/],
  ['PUT', /scripts\/sift-edge$/],
];

/** The contents with ids and secrets by their order, which two deployments have in common. */
const shape = (): string =>
  JSON.stringify(cf.model.contents())
    .replace(/[0-9a-f]{64}/g, 'SECRET')
    .replace(/[0-9a-f]{32}/g, 'ID');

describe('a deployment to an empty account', () => {
  it('makes everything with one command, and shows its secrets once', async () => {
    const { code, error, out } = await run();
    expect([code, error]).toEqual([0, undefined]);
    const { model } = cf;
    expect(model.unknown).toEqual([]);
    expect(model.indexes.get('sift')).toMatchObject({ config: { dimensions: 256, metric: 'cosine' } });
    expect(model.indexes.get('sift')?.metadata.map(({ propertyName }) => propertyName)).toEqual([
      'source',
      'meta.lang',
    ]);
    expect([...model.buckets.keys()]).toEqual(['sift-texts']);
    expect([...model.namespaces.values()].sort()).toEqual(['sift-edge-keys', 'sift-edge-selections']);
    const secrets = model.scripts.get('sift-edge')?.secrets;
    expect([...(secrets?.keys() ?? [])]).toEqual(['API_KEY', 'GATEWAY_SECRET']);
    for (const value of secrets?.values() ?? []) expect(out.join('\n').split(value)).toHaveLength(2);
    expect(new Set(secrets?.values()).size).toBe(2);
    expect(disk.secrets).toEqual({});
  });

  it('is left as it is by a second run, secrets too', async () => {
    await run();
    const before = JSON.stringify(cf.model.contents());
    cf.model.asked.length = 0;
    const { code, out } = await run();
    expect(code).toBe(0);
    expect(JSON.stringify(cf.model.contents())).toBe(before);
    expect(cf.model.asked.filter((one) => !one.startsWith('GET'))).toEqual(['PUT /workers/scripts/sift-edge']);
    expect(out.join('\n')).not.toMatch(/API_KEY|GATEWAY_SECRET/);
  });

  it('keeps the settings of the run before, and takes new ones', async () => {
    await run({ flags: { embedder: 'workers-ai', gateway: ['https://g.example.org/'] } });
    await run();
    expect(disk.config?.vars).toMatchObject({
      EMBEDDER: 'workers-ai',
      DIMENSIONS: '768',
      GATEWAY_URL: 'https://g.example.org',
    });
    await run({ flags: { gateway: ['https://h.example.org'] } });
    expect(disk.config?.vars).toMatchObject({ EMBEDDER: 'workers-ai', GATEWAY_URL: 'https://h.example.org' });
  });

  it('goes back from a host of its own to workers.dev', async () => {
    await run({ flags: { domain: 'sift.example.com' } });
    await run();
    expect(disk.config).toMatchObject({ workers_dev: false, routes: [{ pattern: 'sift.example.com' }] });
    await run({ flags: { domain: '' } });
    expect(disk.config).toMatchObject({ workers_dev: true });
    expect(disk.config).not.toHaveProperty('routes');
  });

  it('replaces the secrets when asked to, and takes the operator’s own', async () => {
    await run();
    const before = new Map(cf.model.scripts.get('sift-edge')?.secrets);
    const { out } = await run({ rotateSecrets: true, given: { GATEWAY_SECRET: 'of the gateway' } });
    const after = cf.model.scripts.get('sift-edge')?.secrets;
    expect(after?.get('API_KEY')).not.toBe(before.get('API_KEY'));
    expect(after?.get('GATEWAY_SECRET')).toBe('of the gateway');
    expect(out.join('\n')).toContain(String(after?.get('API_KEY')));
  });

  it('puts no secret into --json unless asked, and keeps it until it was shown', async () => {
    const quiet = await run({ json: true });
    const key = String(cf.model.scripts.get('sift-edge')?.secrets.get('API_KEY'));
    expect(JSON.stringify([quiet.events, quiet.notes])).not.toContain(key);
    expect(quiet.notes.join()).toContain('SECRETS');
    expect(disk.secrets.API_KEY).toBe(key);
    const shown = await run({ json: true, showSecrets: true });
    expect(JSON.stringify(shown.events)).toContain(key);
    expect(disk.secrets).toEqual({});
  });

  it('waits until the metadata indexes are listed', async () => {
    cf.model.listedLate = 5;
    expect((await run()).code).toBe(0);
    expect(cf.model.asked.filter((one) => one.endsWith('metadata_index/list'))).toHaveLength(6);
  });

  it('makes nothing when it is dry, and says every step', async () => {
    const { code, out } = await run({ dryRun: true, check: true });
    expect(code).toBe(0);
    expect(cf.model.asked.filter((one) => !one.startsWith('GET'))).toEqual([]);
    expect(out).toHaveLength(11);
    expect(out.every((line) => line.includes('to do'))).toBe(true);
    await run();
    const again = await run({ dryRun: true });
    expect(again.out.filter((line) => line.includes('to do'))).toHaveLength(3);
  });

  it('can be several of an account, which share nothing', async () => {
    await run();
    const other = { secrets: {} };
    expect((await runDeploy(cf, other, { flags: { name: 'other', embedder: 'none', dimensions: 8 } })).code).toBe(0);
    expect([...cf.model.indexes.keys()]).toEqual(['sift', 'other']);
    expect([...cf.model.buckets.keys()]).toEqual(['sift-texts', 'other-texts']);
    expect(cf.model.namespaces.size).toBe(4);
    const limits = [disk, other].map(({ config }: Disk) => config?.ratelimits?.[0]?.namespace_id);
    expect(new Set(limits).size).toBe(2);
  });
});

describe('what breaks off', () => {
  const repaired = async (): Promise<void> => {
    const again = await run();
    expect([again.code, again.error]).toEqual([0, undefined]);
    const secrets = cf.model.scripts.get('sift-edge')?.secrets;
    // whatever was uploaded has been shown by now
    expect(again.out.join('\n')).toContain(String(secrets?.get('API_KEY')));
    const made = shape();
    await cf.close();
    cf = await startCloudflare(new Model());
    disk = { secrets: {} };
    await run();
    expect(made).toBe(shape());
  };

  it.each(REQUESTS)('%s %s busy for good ends with 75 and is repaired', async (method, path) => {
    cf.model.fail(method, path, { status: 503, code: 7009, message: 'not now' }, 4);
    const { code, error } = await run();
    expect(code).toBe(75);
    expect(error).toMatch(/^step '.+' failed\. Cloudflare answered 503: not now \[code: 7009\]\. Run this again/);
    await repaired();
  });

  it.each(REQUESTS)('%s %s refused ends with 4, names the permission, and is repaired', async (method, path) => {
    cf.model.fail(method, path, { status: 403, code: 10000, message: 'Authentication error' });
    const { code, error } = await run();
    expect(code).toBe(4);
    expect(error).toMatch(
      /\[code: 10000\]\. The token is not valid, or lacks the permission “(Account Settings: Read|Workers Scripts: Edit|Vectorize: Edit|Workers R2 Storage: Edit|Workers KV Storage: Edit)”/,
    );
    await repaired();
  });

  const passing: readonly Failing[] = ['closed', 'lost', 'hangs', { status: 500, code: 1 }, { status: 429, code: 971 }];
  it.each(REQUESTS.flatMap(([method, path]) => passing.map((how) => [method, path, how] as const)))(
    '%s %s once %j is asked again, and nothing is made twice',
    async (method, path, how) => {
      cf.model.fail(method, path, how);
      const { code, error } = await run(how === 'hangs' ? { answerMs: 150 } : {});
      expect([code, error]).toEqual([0, undefined]);
      const made = shape();
      await cf.close();
      cf = await startCloudflare(new Model());
      disk = { secrets: {} };
      await run();
      expect(made).toBe(shape());
    },
  );

  const MAKING = REQUESTS.filter(([method]) => method !== 'GET');
  it.each(MAKING)('%s %s whose answer is lost, and that then fails for good', async (method, path) => {
    cf.model.fail(method, path, 'lost');
    cf.model.fail(method, path, { status: 500, code: 1 }, 3);
    const { code } = await run();
    // what has a name is found where it was made; a Worker is uploaded again
    expect(code).toBe(method === 'PUT' && path.source.includes('scripts') ? 75 : 0);
    if (code !== 0) await repaired();
  });

  it('shows the secrets that were uploaded when the answer was lost', async () => {
    cf.model.fail('PUT', /scripts\/sift-edge$/, 'lost', 1);
    cf.model.fail('PUT', /scripts\/sift-edge$/, 'closed', 3);
    const { code, notes } = await run();
    expect(code).toBe(75);
    expect(notes.join()).toMatch(/secrets were made and not shown: they wait in SECRETS/);
    const uploaded = new Map(cf.model.scripts.get('sift-edge')?.secrets);
    expect(uploaded.size).toBe(2);
    const again = await run();
    expect(cf.model.scripts.get('sift-edge')?.secrets).toEqual(uploaded);
    for (const value of uploaded.values()) expect(again.out.join('\n')).toContain(value);
  });
});

describe('what is refused in plain words', () => {
  it('an index of other dimensions', async () => {
    cf.model.indexes.set('sift', { config: { dimensions: 768, metric: 'cosine' }, metadata: [], vectors: 0 });
    const { code, error } = await run();
    expect(code).toBe(1);
    expect(error).toMatch(/^the Vectorize index 'sift' has 768 dimensions \(cosine\), the embedder makes 256 .*--name/);
    expect(cf.model.asked.filter((one) => !one.startsWith('GET'))).toEqual([]);
  });

  it('a Worker of that name that is another program', async () => {
    const script = { secrets: new Map(), modules: new Map(), uploads: 1, workersDev: true };
    cf.model.scripts.set('sift-edge', { ...script, bindings: [{ name: 'DB', type: 'd1' }] });
    const { code, error } = await run();
    expect([code, error]).toEqual([1, expect.stringMatching(/a Worker 'sift-edge' that is not a Sift Edge/)]);
    expect(cf.model.asked.filter((one) => !one.startsWith('GET'))).toEqual([]);
  });

  it('several accounts, with their list; one that is named is taken', async () => {
    cf.model.accounts.push({ id: 'f'.repeat(32), name: 'Other' });
    const { code, error } = await run();
    expect(code).toBe(2);
    expect(error).toMatch(new RegExp(`2 accounts.*--account ID.*\n  ${ACCOUNT}  Test\n  f{32}  Other`));
    expect((await run({ account: ACCOUNT })).code).toBe(0);
  });

  it('a token that is not valid', async () => {
    const { code, error } = await run({ token: 'another' });
    expect([code, error]).toEqual([
      4,
      expect.stringMatching(/step 'login' failed.*Authentication error \[code: 10000\]/),
    ]);
    expect(error).not.toContain('another');
  });

  it.each([
    [10042, 403, /R2 has to be switched on once in the dashboard/],
    [10027, 413, /larger than the plan .*--embedder workers-ai/],
    [100328, 400, /[Ff]ree plan .*--embedder workers-ai/],
  ])('what the account’s plan does not have (%i)', async (code, status, said) => {
    cf.model.fail(code === 10042 ? 'POST' : 'PUT', code === 10042 ? /buckets$/ : /scripts\/sift-edge$/, {
      status,
      code,
    });
    const ended = await run();
    expect([ended.code, ended.error]).toEqual([1, expect.stringMatching(said)]);
  });

  it.each([
    [{ name: 'Sift Edge' }, /--name is 'Sift Edge', it must be/],
    [{ embedder: 'bert' }, /EMBEDDER is 'bert', it must be one of onnx, workers-ai, none/],
    [{ embedder: 'none' }, /needs --dimensions/],
    [{ embedder: 'workers-ai', aiModel: '@cf/x/y' }, /dimensions of @cf\/x\/y are not known/],
    [{ dimensions: 100 }, /--dimensions is 100, the bundled embedder makes vectors of 256/],
    [{ gateway: ['gateway.example.com'] }, /--gateway is 'gateway.example.com', it must be an address/],
    [{ filterable: { 'a.b': 'string' as const } }, /--filterable is {"a.b":"string"}/],
    [{ domain: 'https://x' }, /--domain is 'https:\/\/x', it must be a host/],
  ])('a setting of %j', async (flags, said) => {
    const { code, error } = await run({ flags });
    expect([code, error]).toEqual([2, expect.stringMatching(said)]);
  });
});
