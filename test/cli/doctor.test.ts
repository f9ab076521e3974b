// What doctor finds, on this machine, and of servers that answer as a test says.
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { clockFinding } from '../../cli/doctor/edge.ts';
import { type Finding, lineOf } from '../../cli/doctor/finding.ts';
import { secretFindings } from '../../cli/doctor/gateway.ts';
import { diskFinding, memoryFinding } from '../../cli/doctor/machine.ts';
import { portFinding } from '../../cli/doctor/ports.ts';
import { EXIT } from '../../cli/exit.ts';
import { registryOf } from '../../gateway/backends/registry.ts';
import { serveGateway } from '../../gateway/serve.ts';
import { lockState } from '../../local/lock.ts';
import { SIGNATURE_WINDOW_S } from '../../wire/limits.ts';
import { ACCOUNT, type Cloudflare, startCloudflare, TOKEN } from '../deploy/cloudflare.ts';
import { fakeBackend } from '../gateway/fake-backend.ts';
import { type Circumstances, runTyped } from './typed.ts';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'sift-doctor-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));
const opened: { close(): unknown }[] = [];
afterEach(() => {
  for (const server of opened.splice(0)) server.close();
});
const serving = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener);
  opened.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const cloudflare = async (): Promise<Cloudflare> => {
  const started = await startCloudflare();
  opened.push(started);
  return started;
};

const SECRET = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
const home = () => ({ HOME: scratch, XDG_CONFIG_HOME: scratch, SIFT_STATE: join(scratch, 'none') });
const examine = async (args: readonly string[], env: Circumstances['env'] = {}) => {
  const { code, lines } = await runTyped(['doctor', '--json', ...args], { env: { ...home(), ...env } });
  const findings = lines as unknown as Finding[];
  const level = Object.fromEntries(findings.map((finding) => [finding.check, finding.level]));
  return { code, level, of: (check: string) => findings.find((finding) => finding.check === check) };
};

/** An edge whose answers are these by path. */
const edgeThat = (answers: Record<string, [number, unknown]>, headers: Record<string, string> = {}) =>
  serving((request, response) => {
    const [status, body] = answers[(request.url ?? '').split('?')[0] ?? ''] ?? [404, {}];
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
const READY = { status: 'ready', checks: { kernel: 'ok', stores: 'ok', keys: 'ok', gateway: 'ok' } };
const refusal = (message: string, code: string) => ({ error: { message, code, type: 't', param: null } });

describe('sift-edge doctor on this machine', () => {
  it('finds this installation well, and nothing that it cannot know', async () => {
    const { code, level } = await examine([]);
    expect(level).toMatchObject({
      node: 'ok',
      onnxruntime: 'ok',
      workerd: 'ok',
      kernel: 'ok',
      model: 'ok',
      embedder: 'ok',
      state: 'ok',
    });
    expect(level).toMatchObject({ 'secrets-file': 'skip', 'gateway-secret': 'skip', cloudflare: 'skip' });
    expect(code).toBe(EXIT.ok);
  });

  it('fails where the model, the embedder or the state cannot be used, and says what to do', async () => {
    const file = join(scratch, 'a-file');
    await writeFile(file, '');
    const broken = join(scratch, 'model');
    await mkdir(broken);
    await writeFile(join(broken, 'config.json'), '{"model_type":"llama"}');
    const found = await examine(['--model', broken, '--embedder', '/no/such'], { SIFT_STATE: file });
    expect(found.code).toBe(EXIT.failed);
    expect(found.of('model')).toMatchObject({
      level: 'fail',
      why: 'it has no .safetensors',
      todo: expect.stringContaining('--model DIR'),
    });
    expect(found.of('embedder')).toMatchObject({ level: 'fail', why: expect.stringContaining('/no/such') });
    expect(found.of('state')).toMatchObject({ level: 'fail', why: 'it is no directory' });
  });

  it('names who has the state, and warns of secrets that others can read', async () => {
    const state = join(scratch, 'state');
    await mkdir(state);
    const path = join(state, 'secrets.json');
    await writeFile(path, JSON.stringify({ apiKey: 'k'.repeat(16), gatewaySecret: SECRET }));
    await chmod(path, 0o644);
    const lock = await lockState(state);
    const held = await examine([], { SIFT_STATE: state });
    lock.release();
    expect(held.of('state')?.what).toContain(`process ${process.pid} has it`);
    expect(held.of('secrets-file')).toMatchObject({ level: 'warn', todo: `chmod 600 ${path}` });
    await chmod(path, 0o600);
    const free = await examine([], { SIFT_STATE: state });
    expect([free.of('state')?.what, free.level['secrets-file']]).toEqual([
      expect.stringContaining('nobody has it'),
      'ok',
    ]);
    await chmod(path, 0o644);
    await writeFile(path, '{');
    expect((await examine([], { SIFT_STATE: state })).level['secrets-file']).toBe('fail');
  });

  it('says who listens at a port', async () => {
    const { signal } = new AbortController();
    const foreign = Number(new URL(await serving((_, response) => response.end('hello'))).port);
    const own = Number(new URL(await serving((_, response) => response.end('{"status":"ok"}'))).port);
    const taken = await portFinding(foreign, 'port', signal);
    expect(taken).toMatchObject({ level: 'warn', todo: expect.stringContaining('--port PORT') });
    if (process.platform === 'linux') expect(taken.why).toContain(`process ${process.pid}`);
    expect((await portFinding(own, 'port', signal)).level).toBe('ok');
  });

  it.each<[string, Finding, string]>([
    ['little memory', memoryFinding(5e8, 2), 'warn  0.5 GB of memory free, 2 cores — serve wants 1.5 GB'],
    ['enough memory', memoryFinding(4e9, 2), 'ok    4.0 GB of memory free, 2 cores'],
    ['little disk', diskFinding(1e8, '/x'), 'warn  0.1 GB of disk free for /x — less than 1.0 GB — make room'],
    ['a clock that agrees', clockFinding('c', 'the edge', 1), 'ok    the clock of the edge agrees'],
    ['a clock that drifts', clockFinding('c', 'the edge', -20), 'warn  the clock of the edge is 20 s behind — '],
    [
      'a clock that is off',
      clockFinding('c', 'the edge', SIGNATURE_WINDOW_S + 1),
      'fail  the clock of the edge is 61 s ahead — ',
    ],
    [
      'a server without a clock',
      clockFinding('c', 'the edge', undefined),
      'skip  the clock of the edge — its answer has no Date',
    ],
  ])('says %s in a line', (_, finding, line) => {
    expect(lineOf(finding)).toContain(line);
  });

  it.each([
    [undefined, 'skip'],
    ['short', 'fail'],
    ['a-default-secret-of-an-example', 'warn'],
    ['aaaaaaaaaaaaaaaaaaaaaaaa', 'warn'],
    [SECRET, 'ok'],
  ])('judges the secret %s: %s, and never prints it', (secret, level) => {
    const [finding] = secretFindings('GATEWAY_SECRET', secret);
    expect(finding?.level).toBe(level);
    if (secret !== undefined) expect(JSON.stringify(finding)).not.toContain(secret);
  });
});

describe('sift-edge doctor on servers', () => {
  const remote = (server: string, ...more: string[]) => [
    '--remote',
    '--server',
    server,
    '--key',
    'sk_abcdefgh01234567_x',
    ...more,
  ];

  it('finds an edge well, with what its key may do', async () => {
    const key = { scopes: ['select', 'admin'], corpora: ['docs'], expires_at: null };
    const edge = await edgeThat({
      '/ready': [200, READY],
      '/v1/keys': [200, {}],
      '/v1/keys/abcdefgh01234567': [200, key],
    });
    const { code, level, of } = await examine(remote(edge));
    expect([code, level['edge-ready'], level['edge-clock']]).toEqual([EXIT.ok, 'ok', 'ok']);
    expect(of('key')?.what).toBe('the key of --key works: select, admin; docs; no end');
    expect(level).not.toHaveProperty('node');
  });

  it('tells the scopes of a key that administers nothing, and a key that is refused', async () => {
    const scopes = refusal('this needs the scope admin; the key has select, generate', 'insufficient_scope');
    const edge = await edgeThat({ '/ready': [200, READY], '/v1/keys': [403, scopes] });
    expect((await examine(remote(edge))).of('key')?.what).toBe('the key of --key works: it has select, generate');
    const closed = await edgeThat({ '/ready': [200, READY], '/v1/keys': [401, refusal('no such key', 'bad_key')] });
    const { code, of } = await examine(remote(closed));
    expect([code, of('key')]).toEqual([EXIT.failed, expect.objectContaining({ level: 'fail', why: 'no such key' })]);
  });

  it('says what an edge misses, that a clock is off, and that a page is no edge', async () => {
    const checks = { ...READY.checks, gateway: 'gateway_unreachable' };
    const date = new Date(Date.now() - 300_000).toUTCString();
    const edge = await edgeThat({ '/ready': [503, { status: 'not ready', checks }] }, { date });
    const { code, of } = await examine(remote(edge));
    expect(code).toBe(EXIT.failed);
    expect(of('edge-ready')).toMatchObject({
      why: 'gateway: gateway_unreachable',
      todo: expect.stringContaining('GATEWAY_SECRET'),
    });
    expect(of('edge-clock')).toMatchObject({ level: 'fail', what: expect.stringMatching(/(299|300|301) s behind/) });
    const page = await edgeThat({ '/ready': [200, '<html>'], '/v1/keys': [200, '<html>'] });
    const other = await examine(remote(page));
    expect(other.of('edge-ready')).toMatchObject({ level: 'fail', why: 'that is no answer of an edge' });
    expect(other.of('key')).toMatchObject({ level: 'warn', what: expect.stringContaining('cannot be judged') });
  });

  it('fails where the edge that was named is away, and only warns where none was', async () => {
    const away = 'http://127.0.0.1:9';
    for (const [args, env] of [
      [['--remote', '--server', away], {}],
      [['--remote'], { SIFT_SERVER: away }],
    ] as const) {
      const named = await examine(args, env);
      expect([named.code, named.of('edge-ready')?.todo]).toEqual([
        EXIT.failed,
        'start it: sift-edge serve; or look at --server',
      ]);
    }
  });

  it('looks at a gateway, and whether it has the same secret', async () => {
    const gateway = await serveGateway({ registry: registryOf(fakeBackend()), secret: SECRET, port: 0 });
    try {
      const edge = await edgeThat({ '/ready': [200, READY] });
      const args = remote(edge, '--gateway', gateway.url);
      const same = await examine(args, { GATEWAY_SECRET: SECRET });
      expect(same.level).toMatchObject({ 'gateway-ready': 'ok', 'gateway-clock': 'ok', 'same-secret': 'ok' });
      const other = await examine(args, { GATEWAY_SECRET: SECRET.replace('0', '1') });
      expect(other.of('same-secret')).toMatchObject({ level: 'fail', why: expect.stringContaining('signature') });
    } finally {
      await gateway.close(0);
    }
    const away = await examine(remote(gateway.url, '--gateway', gateway.url));
    expect(away.of('gateway-ready')).toMatchObject({ level: 'fail', why: expect.stringContaining(gateway.url) });
    expect((await examine(['--gateway', 'there'])).code).toBe(EXIT.usage);
  });

  it('names which of several gateways are away', async () => {
    const withGateways = async (gateways: Record<string, string>) => {
      const checks = { ...READY.checks, gateways };
      const server = await edgeThat({ '/ready': [200, { status: 'ready', checks }] });
      return (await examine(['--remote', '--server', server])).of('edge-ready');
    };
    expect(await withGateways({ eu: 'ok', us: 'ok' })).toMatchObject({ level: 'ok' });
    expect(await withGateways({ eu: 'ok', us: 'gateway_unreachable' })).toMatchObject({
      level: 'warn',
      why: 'gateway us: gateway_unreachable',
    });
  });

  it('reads the gateway’s secret from a file too, as the gateway does', async () => {
    const file = join(scratch, 'gateway_secret');
    await writeFile(file, `${SECRET}\n`);
    expect((await examine(['--remote'], { GATEWAY_SECRET_FILE: file })).level['gateway-secret']).toBe('ok');
    const gone = await examine(['--remote'], { GATEWAY_SECRET_FILE: join(scratch, 'gone') });
    expect(gone.of('gateway-secret')).toMatchObject({ level: 'fail', why: expect.stringContaining('cannot be read') });
  });

  it('asks Cloudflare only with --cloudflare, and as deploy asks', async () => {
    const cf = await cloudflare();
    const env = (token: string) => ({ CLOUDFLARE_API_TOKEN: token, CLOUDFLARE_API_BASE_URL: cf.url });
    expect((await examine(['--remote'], env(TOKEN))).level.cloudflare).toBe('skip');
    expect(cf.model.asked).toEqual([]);
    const good = await examine(['--remote', '--cloudflare'], env(TOKEN));
    expect(good.of('cloudflare')).toMatchObject({ level: 'ok', what: expect.stringContaining('account Test') });
    expect(cf.model.asked).toEqual(['GET /accounts']);
    const bad = await examine(['--remote', '--cloudflare'], env('bad'));
    expect(bad.of('cloudflare')).toMatchObject({ level: 'fail', why: expect.stringContaining('[code: 10000]') });
    expect(bad.code).toBe(EXIT.failed);
    expect((await examine(['--remote', '--cloudflare'])).level.cloudflare).toBe('fail');
    cf.model.accounts.push({ id: 'f'.repeat(32), name: 'Other' });
    const several = await examine(['--remote', '--cloudflare'], env(TOKEN));
    expect(several.of('cloudflare')).toMatchObject({ level: 'warn', why: expect.stringContaining('2 accounts') });
    const chosen = { ...env(TOKEN), CLOUDFLARE_ACCOUNT_ID: ACCOUNT };
    expect((await examine(['--remote', '--cloudflare'], chosen)).level.cloudflare).toBe('ok');
  });

  it('takes the login that wrangler keeps, by its own word', async () => {
    const cf = await cloudflare();
    const config = join(scratch, '.wrangler/config');
    await mkdir(config, { recursive: true });
    const lines = [`oauth_token = "${TOKEN}"`, 'expiration_time = "2099-01-01T00:00:00Z"', 'scopes = ["account:read"]'];
    await writeFile(join(config, 'default.toml'), `${lines.join('\n')}\n`);
    const found = await examine(['--remote', '--cloudflare'], { CLOUDFLARE_API_BASE_URL: cf.url });
    expect(found.of('cloudflare')).toMatchObject({ level: 'ok' });
  });
});
