// The playground as files: one script, one style sheet, one page. esbuild runs in a process that ends with the build.
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));

export const buildPlayground = async (site: string): Promise<void> => {
  const out = join(site, 'playground');
  await mkdir(out, { recursive: true });
  buildSync({
    entryPoints: { app: join(here, 'main.tsx'), style: join(here, 'style.css') },
    outdir: out,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    logLevel: 'warning',
  });
  await copyFile(join(here, 'icon.svg'), join(out, 'icon.svg'));
  await copyFile(join(here, 'index.html'), join(site, 'index.html'));
};
