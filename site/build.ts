// What the Worker serves as files, into build/site: the playground, the description of the API, a page that shows it with a
// viewer from its package, and the manual where `npm run docs` has made it, else a page that says so. Made here and not by the
// Worker, which would carry the means to make it.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openApi } from '../wire/openapi/document.ts';
import { MachineError } from '../wire/usage.ts';
import { type Files, filesIn, place } from './place.ts';
import { playgroundFiles } from './playground/build.ts';

const here = dirname(fileURLToPath(import.meta.url));
/** `directory` of [assets] in wrangler.toml. */
export const SITE = join(dirname(here), 'build/site');
/** What site/manual/build.ts makes; absent in a plain clone. */
export const MANUAL = join(dirname(here), 'build/manual');

const VIEWER = ['swagger-ui-bundle.js', 'swagger-ui-bundle.js.LICENSE.txt', 'swagger-ui.css'];

/** The manual as it was made last; else a page that says how, also for the addresses of its other pages. */
const manualFiles = async (): Promise<Files> => {
  const made = await filesIn(MANUAL);
  if (made.size > 0) return made;
  const page = await readFile(join(here, 'no-manual.html'));
  return new Map(['index.html', '404.html'].map((name) => [name, page]));
};

const apiFiles = async (viewer: string): Promise<Files> => {
  const own = await filesIn(join(here, 'api'));
  const theirs = VIEWER.map(async (name) => [name, await readFile(join(viewer, name))] as const);
  return new Map([...own, ...(await Promise.all(theirs))]);
};

const below = (folder: string, files: Files): [string, Uint8Array][] =>
  Array.from(files, ([path, contents]) => [`${folder}/${path}`, contents]);

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

/** Made anew each time: it takes a fifth of a second. */
export const buildSite = async (): Promise<void> => {
  // the package as npm has it brings the files, and neither the playground's sources nor the viewer
  if (!existsSync(join(here, 'playground/main.tsx'))) return;
  const viewer = viewerDirectory();
  if (viewer === undefined) return;
  const { version } = JSON.parse(await readFile(join(dirname(here), 'package.json'), 'utf8')) as { version: string };
  await place(
    SITE,
    new Map([
      ...(await playgroundFiles()),
      ...below('docs', await manualFiles()),
      ...below('docs/api', await apiFiles(viewer)),
      ['openapi.json', new TextEncoder().encode(JSON.stringify(openApi(version)))],
    ]),
  );
};

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildSite();
