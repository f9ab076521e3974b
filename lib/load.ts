// The kernel wherever WebAssembly may be compiled from bytes: Node, Deno, Bun, browsers. The bytes lie in the script itself, so
// that no bundler needs to know of them, and nothing is fetched. Without SIMD its scalar twin does the same, slower.

import simd from '../build/sift.wasm';
import scalar from '../build/sift-scalar.wasm';
import { createKernel, type Kernel } from '../functions/kernel/index.ts';

/** esbuild's `binary` loader gives the bytes (lib/build.ts), where others give a module. */
const bytesOf = (embedded: unknown): Uint8Array<ArrayBuffer> => {
  if (embedded instanceof Uint8Array) return embedded as Uint8Array<ArrayBuffer>;
  throw new Error('this file is for the bundles that lib/build.ts makes');
};

let loading: Promise<Kernel> | undefined;

export const load = (): Promise<Kernel> => {
  const best = bytesOf(simd);
  loading ??= WebAssembly.compile(WebAssembly.validate(best) ? best : bytesOf(scalar)).then(createKernel);
  return loading;
};
