// What a browser loads for the playground: little, and nothing from elsewhere.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { SITE } from '../../site/build.ts';

const LARGEST = 120_000;

describe('the playground', () => {
  it(`is at most ${LARGEST} bytes, compressed, in all`, async () => {
    const names = (await readdir(join(SITE, 'playground'))).map((name) => join('playground', name));
    const sizes = await Promise.all(
      ['index.html', ...names].map(async (name) => gzipSync(await readFile(join(SITE, name))).length),
    );
    expect(sizes.length).toBeGreaterThanOrEqual(4);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(LARGEST);
  });

  it('names no other origin, and holds no script or style of its own in the page', async () => {
    const html = await readFile(join(SITE, 'index.html'), 'utf8');
    expect(html).not.toMatch(/https?:|<style|style=|<script(?![^>]*src=)|\son\w+=/);
    expect(await readFile(join(SITE, 'playground/style.css'), 'utf8')).not.toMatch(/url\(|@import/);
    expect(await readFile(join(SITE, 'playground/app.js'), 'utf8')).not.toMatch(
      /dangerouslySetInnerHTML:|insertAdjacentHTML|document\.write|\beval\(|new Function/,
    );
  });
});
