// The bundles as an application gets them: they bring everything with them, stay small, and select without SIMD too.
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
/** Compressed bytes that an import may cost; they come readable, and who bundles them for a page minifies. */
const MOST = { kernel: 25_000, pool: 30_000, client: 7_000 };

const IMPORT = /(?:^|[\n;}])\s*(?:import|export)\b[^'"]*?(?:from\s*)?["']([^"']+)["']/g;

/** The files that an entry loads, and what it asks for beside them. */
const loadedBy = async (entry: string, seen = new Set<string>()): Promise<{ files: Set<string>; others: string[] }> => {
  seen.add(entry);
  const text = await readFile(join(DIST, entry), 'utf8');
  const targets = Array.from(text.matchAll(IMPORT), ([, target = '']) => target);
  const others = targets.filter((target) => !target.startsWith('./'));
  for (const target of targets.filter((one) => one.startsWith('./') && one.endsWith('.js'))) {
    const next = join(entry, '..', target);
    if (!seen.has(next)) others.push(...(await loadedBy(next, seen)).others);
  }
  return { files: seen, others };
};

describe.each(Object.entries(MOST))('%s', (name, most) => {
  it('asks for nothing beside itself', async () => {
    expect((await loadedBy(`${name}.js`)).others).toEqual([]);
    if (name !== 'client') expect((await loadedBy(`workerd/${name}.js`)).others).toEqual([]);
  });

  it(`costs at most ${most} bytes, compressed`, async () => {
    const { files } = await loadedBy(`${name}.js`);
    const texts = await Promise.all(Array.from(files, (file) => readFile(join(DIST, file))));
    expect(gzipSync(Buffer.concat(texts)).length).toBeLessThan(most);
  });
});

it('has a module of WebAssembly for workerd beside its script', async () => {
  expect(await readdir(join(DIST, 'workerd'))).toContain('sift.wasm');
});

it('selects the same without SIMD', async () => {
  const script = (simd: boolean) => `
    if (!${simd}) WebAssembly.validate = () => false;
    const { select } = await import(${JSON.stringify(join(DIST, 'kernel.js'))});
    const row = (i) => Array.from({ length: 48 }, (_, j) => Math.sin(7 * i + j * (1 + (i % 5))));
    const candidates = Array.from({ length: 60 }, (_, i) => row(i + 1));
    const picks = await select({ prompt: row(0), candidates, n: 12, degree: 2 });
    console.log(JSON.stringify(picks));
  `;
  const picksOf = async (simd: boolean): Promise<{ index: number; variance: number }[]> => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script(simd)]);
    return JSON.parse(stdout);
  };
  const [fast, scalar] = await Promise.all([picksOf(true), picksOf(false)]);
  expect(fast).toHaveLength(12);
  expect(scalar.map(({ index }) => index)).toEqual(fast.map(({ index }) => index));
  for (const [i, { variance }] of scalar.entries()) expect(variance / (fast[i]?.variance ?? 0)).toBeCloseTo(1, 4);
});
