// A clone whose packages for building are gone (npm prune --omit=dev), as on a machine that only runs the gateway.
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
let clone: string;
beforeAll(async () => {
  clone = await mkdtemp(join(tmpdir(), 'sift-pruned-'));
  const modules = ['sift.hash', 'sift.wasm', 'sift-scalar.wasm', 'adam.wasm'].map((name) => `build/${name}`);
  for (const path of ['package.json', 'assembly', ...modules]) {
    await cp(join(ROOT, path), join(clone, path), { recursive: true });
  }
});
afterAll(() => rm(clone, { recursive: true, force: true }));
const build = () => spawnSync(process.execPath, ['assembly/build.ts'], { cwd: clone, encoding: 'utf8' });

it('takes what was built before, and says in a sentence what is missing where nothing was', async () => {
  expect(build()).toMatchObject({ status: 0, stdout: 'kernel: build/sift.wasm is up to date\n', stderr: '' });
  await rm(join(clone, 'build'), { recursive: true });
  const { status, stderr } = build();
  expect([status, stderr.trim().split('\n')]).toEqual([
    1,
    [expect.stringContaining('its compiler (assemblyscript) is not installed: npm ci && npm run build')],
  ]);
});
