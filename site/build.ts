// What the Worker serves as files, into build/site: the playground, the description of the API, and a page that shows it with
// a viewer from its package. Written here and not by the Worker, which would carry the means to write it.
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openApi } from '../wire/openapi/document.ts';
import { buildPlayground } from './playground/build.ts';

const here = dirname(fileURLToPath(import.meta.url));
/** `directory` of [assets] in wrangler.toml. */
export const SITE = join(dirname(here), 'build/site');

const VIEWER = ['swagger-ui-bundle.js', 'swagger-ui-bundle.js.LICENSE.txt', 'swagger-ui.css'];

/** Written anew each time: it takes a fifth of a second. */
export const buildSite = async (): Promise<void> => {
  // the package as npm has it brings the files, and neither the playground's sources nor the viewer
  if (!existsSync(join(here, 'playground/main.tsx'))) return;
  const viewer = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  await mkdir(SITE, { recursive: true });
  await cp(join(here, 'docs'), join(SITE, 'docs'), { recursive: true });
  const { version } = JSON.parse(await readFile(join(dirname(here), 'package.json'), 'utf8')) as { version: string };
  await writeFile(join(SITE, 'openapi.json'), JSON.stringify(openApi(version)));
  await buildPlayground(SITE);
  for (const name of VIEWER) await copyFile(join(viewer, name), join(SITE, 'docs', name));
};

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildSite();
