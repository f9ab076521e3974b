// workerd's way to the compiled kernel: an import that arrives as a WebAssembly.Module. One instance an isolate,
// made at first use; every call on it is synchronous, so requests cannot meet inside it.
import module from '../../build/sift.wasm';
import { createKernel, type Kernel } from './index.ts';

let kernel: Kernel | undefined;

export const isolateKernel = (): Kernel => {
  kernel ??= createKernel(module);
  return kernel;
};
