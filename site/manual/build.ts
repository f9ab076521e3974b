// `npm run docs`: docs/ as pages into build/manual, and from there beside the other pages that the Worker serves. VitePress
// is in this folder's own package, installed when it is missing, so that `npm ci` of the project stays without it. A page
// that would break the edge's policy, with a script in it, fails the build.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSite, MANUAL } from '../build.ts';
import { scriptsAsFiles } from './scripts.ts';

const here = dirname(fileURLToPath(import.meta.url));
const VITEPRESS = join(here, 'node_modules/vitepress');

/** Whether the generator is there, of the version that package.json names. */
export const installed = async (): Promise<boolean> => {
  if (!existsSync(join(VITEPRESS, 'package.json'))) return false;
  const json = async (path: string) => JSON.parse(await readFile(path, 'utf8'));
  const { devDependencies } = await json(join(here, 'package.json'));
  return devDependencies.vitepress === (await json(join(VITEPRESS, 'package.json'))).version;
};

/** Says what the command said only where it failed. */
const run = (command: string, args: readonly string[]): void => {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: here, encoding: 'utf8' });
  if (status === 0) return;
  throw new Error(
    `${command} ${args.join(' ')} failed: ${error?.message ?? `exit code ${status}`}\n${stdout ?? ''}${stderr ?? ''}`,
  );
};

/** Pages as files. */
export const pagesOf = async (directory: string): Promise<string[]> =>
  (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.html')).sort();

/** When the newest of these files was written, in milliseconds. */
const newest = async (directory: string): Promise<number> => {
  const names = await readdir(directory, { recursive: true });
  const written = names
    .filter((name) => !name.includes('node_modules') && !name.includes('.vitepress/cache'))
    .map(async (name) => (await stat(join(directory, name))).mtimeMs);
  return Math.max(...(await Promise.all(written)));
};

/** Whether build/manual was made after the last change of what it is made of. */
const isCurrent = async (): Promise<boolean> => {
  const made = await stat(join(MANUAL, 'index.html')).catch(() => undefined);
  if (made === undefined) return false;
  return made.mtimeMs > Math.max(await newest(join(here, '../../docs')), await newest(here));
};

/** The same where it is not current; false where the generator is not there. */
export const refreshManual = async (): Promise<boolean> => {
  if (!(await installed())) return false;
  if (!(await isCurrent())) await buildManual();
  return true;
};

/** Into build/manual; the names of its pages. `buildSite` brings them to where they are served. */
export const buildManual = async (): Promise<readonly string[]> => {
  // pages that were made before and are no more
  await rm(MANUAL, { recursive: true, force: true });
  run(process.execPath, [join(VITEPRESS, 'bin/vitepress.js'), 'build']);
  const pages = await pagesOf(MANUAL);
  for (const page of pages) {
    const { files } = scriptsAsFiles(await readFile(join(MANUAL, page), 'utf8'), '');
    if (files.size > 0) throw new Error(`${page} holds a script, which the edge's policy does not run`);
  }
  return pages;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!(await installed())) {
    process.stdout.write('installing VitePress into site/manual\n');
    run('npm', ['ci']);
  }
  const pages = await buildManual();
  await buildSite();
  process.stdout.write(
    `${pages.length} pages in ${relative(process.cwd(), MANUAL)}; the edge serves them at /docs/ once it is started again\n`,
  );
}
