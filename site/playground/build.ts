// The playground as files: one script, one style sheet, one page, an icon. esbuild runs in a process that ends with the build.
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import type { Files } from '../place.ts';

const here = dirname(fileURLToPath(import.meta.url));

export const playgroundFiles = async (): Promise<Files> => {
  const { outputFiles } = buildSync({
    entryPoints: { app: join(here, 'main.tsx'), style: join(here, 'style.css') },
    outdir: here,
    write: false,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    logLevel: 'warning',
  });
  return new Map([
    ...outputFiles.map(({ path, contents }) => [`playground/${basename(path)}`, contents] as const),
    ['playground/icon.svg', await readFile(join(here, 'icon.svg'))],
    ['index.html', await readFile(join(here, 'index.html'))],
  ]);
};
