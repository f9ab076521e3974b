// Before any test file: the WASM modules and the pages, built once, so that files running side by side never compile together.
import { buildKernel } from '../assembly/build.ts';
import { buildSite } from '../site/build.ts';

export const setup = async (): Promise<void> => {
  await Promise.all([buildKernel(), buildSite()]);
};
