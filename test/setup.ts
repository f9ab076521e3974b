// Before any test file: the WASM modules, built once, so that files running side by side never compile together.
import { buildKernel } from '../assembly/build.ts';

export const setup = async (): Promise<void> => {
  await buildKernel();
};
