// A newer Miniflare may have another constant, or need this no more: then local/growth.ts goes, or follows.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { STEP } from '../../local/growth.ts';

it('the step by which Miniflare’s buffer grows is where it is looked for, once', () => {
  const bundle = readFileSync(createRequire(import.meta.url).resolve('miniflare'), 'utf8');
  expect(bundle.split(STEP)).toHaveLength(2);
});
