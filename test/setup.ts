// Before any test file: the WASM modules, the pages and the library's bundles, built once, so that files running side by side
// never compile together, nor read what another one is writing. The manual only where its generator is installed, and not for
// the quick tests, which do without.
import { buildKernel } from '../assembly/build.ts';
import { buildLibrary } from '../lib/build.ts';
import { buildSite } from '../site/build.ts';
import { refreshManual } from '../site/manual/build.ts';

export const setup = async (): Promise<void> => {
  await buildKernel();
  if (process.env.SIFT_SUITE !== 'quick') await refreshManual();
  await Promise.all([buildSite(), buildLibrary()]);
};
