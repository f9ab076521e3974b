// What the Worker serves as files, into build/site: our pages, and beside them the API viewer from its package.
import { copyFile, cp, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
/** Relative to the repository: `directory` of [assets] in wrangler.toml. */
export const SITE = join(dirname(here), 'build/site');

const VIEWER = ['swagger-ui-bundle.js', 'swagger-ui.css'];

/** Written anew each time: copying these files takes milliseconds. */
export const buildSite = async (): Promise<void> => {
  const viewer = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  await mkdir(SITE, { recursive: true });
  await cp(join(here, 'docs'), join(SITE, 'docs'), { recursive: true });
  for (const name of VIEWER) await copyFile(join(viewer, name), join(SITE, 'docs', name));
};

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildSite();
