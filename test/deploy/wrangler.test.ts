// Where wrangler is, which a package does not bring.
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { wranglerBin } from '../../cli/deploy/wrangler.ts';
import { CommandError } from '../../cli/exit.ts';

it('is found in a clone, and asked for in plain words where it is not installed', () => {
  expect(existsSync(wranglerBin())).toBe(true);
  const absent = () =>
    wranglerBin(() => {
      throw Object.assign(new Error("Cannot find module 'wrangler/package.json'"), { code: 'MODULE_NOT_FOUND' });
    });
  expect(absent).toThrow(CommandError);
  expect(absent).toThrow("needs wrangler, Cloudflare's own tool, which is not installed: npm ci, without --omit=dev");
});
