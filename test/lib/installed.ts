// A directory with the library as npm installs it, and the examples beside it: what an application has.
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Application {
  readonly directory: string;
  remove(): Promise<void>;
}

/** dist/ is built before any test (test/setup.ts). */
export const application = async (): Promise<Application> => {
  const directory = await mkdtemp(join(tmpdir(), 'sift-application-'));
  const library = join(directory, 'node_modules/sift-edge');
  await mkdir(library, { recursive: true });
  await cp(join(ROOT, 'package.json'), join(library, 'package.json'));
  await cp(join(ROOT, 'dist'), join(library, 'dist'), { recursive: true });
  await cp(join(ROOT, 'examples'), directory, { recursive: true });
  const manifest = { private: true, type: 'module', dependencies: { 'sift-edge': '*' } };
  await writeFile(join(directory, 'package.json'), JSON.stringify(manifest));
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
};
