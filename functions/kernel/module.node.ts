// Node's way to the compiled kernel: read from build/, where `npm run build` puts it.
import { readFile } from 'node:fs/promises';
import { createKernel, type Kernel } from './index.ts';

/** The kernel, compiled from a file of build/ (`sift.wasm` by default, `sift-scalar.wasm` its twin without SIMD). */
export const loadKernel = async (file = 'sift.wasm'): Promise<Kernel> => {
  const bytes = await readFile(new URL(`../../build/${file}`, import.meta.url));
  return createKernel(await WebAssembly.compile(bytes));
};
