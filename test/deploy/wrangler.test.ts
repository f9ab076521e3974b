// Where wrangler is, which a package does not bring.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { deployWorker, wranglerBin } from '../../cli/deploy/wrangler.ts';
import { CommandError, EXIT } from '../../cli/exit.ts';

it('is found in a clone, and asked for in plain words where it is not installed', () => {
  expect(existsSync(wranglerBin())).toBe(true);
  const absent = () =>
    wranglerBin(() => {
      throw Object.assign(new Error("Cannot find module 'wrangler/package.json'"), { code: 'MODULE_NOT_FOUND' });
    });
  expect(absent).toThrow(CommandError);
  expect(absent).toThrow("needs wrangler, Cloudflare's own tool, which is not installed: npm ci, without --omit=dev");
});

it('is not waited for without end', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sift-upload-'));
  try {
    const config = join(directory, 'wrangler.json');
    writeFileSync(config, JSON.stringify({ name: 'late', main: 'late.js', compatibility_date: '2026-10-01' }));
    writeFileSync(join(directory, 'late.js'), 'export default {};');
    // no Node has started within a millisecond
    const upload = deployWorker(
      config,
      undefined,
      directory,
      { PATH: process.env.PATH },
      new AbortController().signal,
      1,
    );
    await expect(upload).rejects.toMatchObject({
      code: EXIT.tryAgain,
      message: 'wrangler has not ended the upload within 0.001 s',
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
