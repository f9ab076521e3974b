// `node lib/build.ts`: what `sift-edge/client`, `/kernel` and `/pool` resolve to, into dist/: bundles without a dependency, the
// same in Node, Deno, Bun and browsers, and a second build for workerd, which takes WebAssembly as a module.
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { buildKernel } from '../assembly/build.ts';
import { buildDeclarations } from './declarations.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const DIST = join(ROOT, 'dist');

const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'inline',
  chunkNames: 'chunk-[hash]',
  logLevel: 'warning',
} satisfies BuildOptions;

/** The two builds, as esbuild takes them; training/notices.mjs asks which packages they take in. */
export const LIBRARY_BUILDS: readonly BuildOptions[] = [
  {
    ...COMMON,
    entryPoints: { client: 'client/index.ts', kernel: 'lib/kernel.ts', pool: 'lib/pool.ts' },
    outdir: 'dist',
    loader: { '.wasm': 'binary' },
  },
  {
    ...COMMON,
    entryPoints: { kernel: 'lib/kernel.workerd.ts', pool: 'lib/pool.workerd.ts' },
    outdir: 'dist/workerd',
    loader: { '.wasm': 'copy' },
    assetNames: '[name]',
  },
];

/** The scripts alone: what tests need in a fraction of a second. */
export const buildLibrary = async (): Promise<void> => {
  await Promise.all(LIBRARY_BUILDS.map((options) => build(options)));
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildKernel();
  // what another version left
  await rm(DIST, { recursive: true, force: true });
  await buildLibrary();
  await buildDeclarations(ROOT, join(DIST, 'types'));
}
