// What the Worker serves as files, into build/site: the playground, the description of the API, a page that shows it with a
// viewer from its package, and the manual where `npm run docs` has made it, else a page that says so. Written here and not by the Worker, which would
// carry the means to write it.
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openApi } from '../wire/openapi/document.ts';
import { MachineError } from '../wire/usage.ts';
import { buildPlayground } from './playground/build.ts';

const here = dirname(fileURLToPath(import.meta.url));
/** `directory` of [assets] in wrangler.toml. */
export const SITE = join(dirname(here), 'build/site');
/** What site/manual/build.ts makes; absent in a plain clone. */
export const MANUAL = join(dirname(here), 'build/manual');

const VIEWER = ['swagger-ui-bundle.js', 'swagger-ui-bundle.js.LICENSE.txt', 'swagger-ui.css'];
const API = join(SITE, 'docs/api');

const filesOf = async (directory: string): Promise<string[]> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
};

/** The manual as it was made last, and nothing that an earlier one left. */
export const copyManual = async (): Promise<void> => {
  const docs = join(SITE, 'docs');
  const made = new Set((await filesOf(MANUAL)).map((file) => join(docs, file.slice(MANUAL.length + 1))));
  if (made.size > 0) await cp(MANUAL, docs, { recursive: true });
  const left = (await filesOf(docs)).filter((file) => !made.has(file) && dirname(file) !== API);
  await Promise.all(left.map((file) => rm(file, { force: true })));
};

/** In the place of its first page, and of the page for an address that it does not have. */
const sayThereIsNoManual = async (): Promise<void> => {
  await mkdir(join(SITE, 'docs'), { recursive: true });
  for (const name of ['index.html', '404.html']) await copyFile(join(here, 'no-manual.html'), join(SITE, 'docs', name));
};

/** Where the viewer is. Without the packages that a build needs, what was built before they went is served: undefined. */
const viewerDirectory = (): string | undefined => {
  try {
    return dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  } catch (cause) {
    if (existsSync(join(SITE, 'index.html'))) return undefined;
    throw new MachineError(
      'the pages are not built, and the packages that make them are not installed: npm ci && npm run build, and then, ' +
        'where disk is scarce, npm prune --omit=dev',
      { cause },
    );
  }
};

/** Written anew each time: it takes a fifth of a second. */
export const buildSite = async (): Promise<void> => {
  // the package as npm has it brings the files, and neither the playground's sources nor the viewer
  if (!existsSync(join(here, 'playground/main.tsx'))) return;
  const viewer = viewerDirectory();
  if (viewer === undefined) return;
  await mkdir(SITE, { recursive: true });
  await copyManual();
  if (!existsSync(join(MANUAL, 'index.html'))) await sayThereIsNoManual();
  await cp(join(here, 'api'), API, { recursive: true });
  const { version } = JSON.parse(await readFile(join(dirname(here), 'package.json'), 'utf8')) as { version: string };
  await writeFile(join(SITE, 'openapi.json'), JSON.stringify(openApi(version)));
  await buildPlayground(SITE);
  for (const name of VIEWER) await copyFile(join(viewer, name), join(API, name));
};

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildSite();
