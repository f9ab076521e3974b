// The command itself with the real wrangler: from an empty account of the scripted Cloudflare to a selection, again, and back.
// Where the Worker would answer, a local edge does, with the secrets of the deployment.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningEdge, startEdge } from '../../local/edge.ts';
import { embedderFiles } from '../../local/embedder.ts';
import { type Cloudflare, startCloudflare, TOKEN } from './cloudflare.ts';
import { type DeployedWorker, startWorker } from './worker.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const KEY = 'sk-of-this-test';

let directory: string;
let cf: Cloudflare;
let edge: RunningEdge;
let worker: DeployedWorker;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sift-whole-'));
  cf = await startCloudflare();
  edge = await startEdge({
    ...{ root, port: 0, state: join(directory, 'edge'), apiKey: KEY, gatewayUrl: '', gatewaySecret: 's' },
    defaultCorpus: '',
    embedder: await embedderFiles(join(root, 'models/embedder')),
  });
  worker = await startWorker(cf.model, 'sift-edge', { url: edge.url, key: KEY });
});
afterAll(async () => {
  await worker?.close();
  await edge?.close();
  await cf?.close();
  await rm(directory, { recursive: true, force: true });
});

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const command = (args: readonly string[], env: Record<string, string> = {}): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(root, 'cli/sift-edge.ts'), ...args],
      {
        env: {
          PATH: process.env.PATH ?? '',
          HOME: directory,
          SIFT_STATE: join(directory, 'state'),
          CLOUDFLARE_API_BASE_URL: cf.url,
          CLOUDFLARE_API_TOKEN: TOKEN,
          ...env,
        },
      },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });

describe('sift-edge deploy, with wrangler', () => {
  it('brings an empty account to a deployed selection with one command', async () => {
    const tracked = await readFile(join(root, 'wrangler.toml'), 'utf8');
    const { code, out, err } = await command(['deploy', '--url', worker.url]);
    expect([code, err]).toEqual([0, '']);
    expect(cf.model.unknown).toEqual([]);
    expect(out).toMatch(/done +check of one selection: one of three examples was selected/);
    const script = cf.model.scripts.get('sift-edge');
    expect([...(script?.secrets.keys() ?? [])].sort()).toEqual(['API_KEY', 'GATEWAY_SECRET']);
    expect([...(script?.modules.keys() ?? [])].filter((name) => /\.(onnx|wasm)$/.test(name))).toHaveLength(3);
    const types = Object.fromEntries((script?.bindings ?? []).map(({ name, type }) => [name, type]));
    expect(types).toMatchObject({
      VECTORIZE: 'vectorize',
      TEXTS: 'r2_bucket',
      KEYS: 'kv_namespace',
      SELECTIONS: 'kv_namespace',
      CATALOGUE: 'durable_object_namespace',
      RATE_LIMIT: 'ratelimit',
      ASSETS: 'assets',
    });
    expect(script?.workersDev).toBe(true);
    expect(await readFile(join(root, 'wrangler.toml'), 'utf8')).toBe(tracked);
    const corpora = await fetch(`${edge.url}/v1/corpora`, { headers: { authorization: `Bearer ${KEY}` } });
    expect(await corpora.text()).not.toContain('sift-check');
  });

  it('changes nothing the second time', async () => {
    const before = JSON.stringify(cf.model.contents());
    const { code, out } = await command(['deploy', '--no-check']);
    expect(code).toBe(0);
    expect(JSON.stringify(cf.model.contents())).toBe(before);
    expect(out).not.toMatch(/API_KEY=/);
  });

  it('uploads neither model nor runtime with --embedder workers-ai, and takes a host of its own', async () => {
    const { code, err } = await command([
      ...['deploy', '--no-check', '--name', 'small', '--embedder', 'workers-ai', '--domain', 'sift.example.com'],
    ]);
    expect([code, err]).toEqual([0, '']);
    expect(cf.model.scripts.get('small')).toMatchObject({ workersDev: false, domains: ['sift.example.com'] });
    const modules = cf.model.scripts.get('small')?.modules ?? new Map<string, number>();
    expect([...modules.keys()].filter((name) => /\.(onnx|wasm)$/.test(name))).toHaveLength(1);
  });

  it('tells wrangler’s failure with its step, code and exit, shows no secret, and repairs', async () => {
    cf.model.fail('PUT', /scripts\/third$/, { status: 403, code: 10000, message: 'Authentication error' });
    const { code, out, err } = await command([
      'deploy',
      '--no-check',
      '--name',
      'third',
      '--embedder',
      'none',
      '--dimensions',
      '8',
    ]);
    expect(code).toBe(4);
    expect(err).toMatch(/step 'Worker third .*' failed\. wrangler: .*\[code: 10000\].*“Workers Scripts: Edit”/);
    expect(out + err).not.toMatch(/[0-9a-f]{64}/);
    const kept = join(directory, 'state/deploy/third.secrets.json');
    expect((await stat(kept)).mode & 0o777).toBe(0o600);
    const { API_KEY } = JSON.parse(await readFile(kept, 'utf8')) as { API_KEY: string };
    const again = await command(['deploy', '--no-check', '--name', 'third']);
    expect([again.code, again.err]).toEqual([0, '']);
    expect(again.out).toContain(API_KEY);
    expect(cf.model.scripts.get('third')?.secrets.get('API_KEY')).toBe(API_KEY);
    expect(await readdir(join(directory, 'state/deploy'))).not.toContain('third.secrets.json');
  });

  it('says with its own exit code that wrangler found Cloudflare busy', async () => {
    cf.model.fail('PUT', /scripts\/fourth$/, { status: 503, code: 7009, message: 'not now' }, 9);
    const { code, err } = await command(['deploy', '--no-check', '--name', 'fourth', '--embedder', 'workers-ai']);
    expect(err).toMatch(/step 'Worker fourth .*' failed/);
    expect(code).toBe(75);
  });

  it('is undone by destroy', async () => {
    for (const name of ['sift-edge', 'small', 'third', 'fourth']) {
      const { code, err } = await command(['destroy', '--name', name, '--yes', name]);
      expect([code, err]).toEqual([0, '']);
    }
    expect(cf.model.empty).toBe(true);
    expect(cf.model.unknown).toEqual([]);
    expect((await readdir(join(directory, 'state/deploy'))).filter((name) => name.endsWith('.json'))).toEqual([]);
  });

  it('needs a login', async () => {
    const { code, err } = await command(['deploy'], { CLOUDFLARE_API_TOKEN: '' });
    expect([code, err]).toEqual([4, expect.stringMatching(/not logged in to Cloudflare: set CLOUDFLARE_API_TOKEN/)]);
  });
});
