// Before any test file: the WASM modules, the pages and the library's bundles, built once, so that files running side by side never compile together.
import { buildKernel } from '../assembly/build.ts';
import { buildLibrary } from '../lib/build.ts';
import { buildSite } from '../site/build.ts';

export const setup = async (): Promise<void> => {
  await buildKernel();
  await Promise.all([buildSite(), buildLibrary()]);
};
