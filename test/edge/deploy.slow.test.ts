// The production configuration builds: what `wrangler deploy` would upload, without an account or a network.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Bytes of a compressed Worker on the paid plan (2026-11-24). */
const MAX_COMPRESSED = 10 * 1024 * 1024;

const dryRun = async (config: string, out: string): Promise<string> => {
  const args = [
    join(root, 'node_modules/wrangler/bin/wrangler.js'),
    'deploy',
    '--dry-run',
    '-c',
    config,
    '--outdir',
    out,
  ];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: root,
    // no account, and no question asked of anybody
    env: { PATH: process.env.PATH, HOME: directory, CI: '1', WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' },
  });
  return stdout;
};

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sift-deploy-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('wrangler deploy --dry-run', () => {
  it('builds what wrangler.toml says, within the size of a Worker, with every binding', async () => {
    const out = join(directory, 'production');
    const said = await dryRun('wrangler.toml', out);
    for (const binding of [
      'CATALOGUE',
      'CORPORA',
      'KEYS',
      'KEY_RING',
      'METER',
      'IDEMPOTENCY',
      'VECTORIZE',
      'TEXTS',
      'RATE_LIMIT',
      'EMBEDDER',
      'GATEWAY_URL',
    ]) {
      expect(said).toContain(`env.${binding}`);
    }
    expect(said).not.toMatch(/API_KEY|GATEWAY_SECRET/);
    const files = await readdir(out);
    expect(files.filter((name) => /\.(wasm|onnx)$/.test(name))).toHaveLength(3);
    let compressed = 0;
    for (const name of files.filter((one) => !/\.(map|md)$/.test(one))) {
      compressed += gzipSync(await readFile(join(out, name))).byteLength;
    }
    expect(compressed).toBeLessThan(MAX_COMPRESSED);
  });

  it('builds the local configuration, bound to the local Vectorize', async () => {
    expect(await dryRun('wrangler.local.toml', join(directory, 'local'))).toMatch(/env\.VECTORIZE \(vectorize-local\)/);
  });
});
