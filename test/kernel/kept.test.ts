// What a kernel keeps between selections: a small memory, and none that a large selection has grown.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKernel, type Kernel } from '../../functions/kernel/index.ts';
import { MAX_KEPT_KERNEL_BYTES } from '../../wire/limits.ts';

const Original = WebAssembly.Instance;
let instances = 0;
let kernel: Kernel;
beforeAll(async () => {
  WebAssembly.Instance = class extends Original {
    constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
      super(module, imports);
      instances += 1;
    }
  };
  kernel = createKernel(await WebAssembly.compile(await readFile(new URL('../../build/sift.wasm', import.meta.url))));
});
afterAll(() => {
  WebAssembly.Instance = Original;
});

const select = (rows: number, dimensions: number): void => {
  const selected = kernel.select({
    rows: new Float32Array(rows * dimensions).fill(1 / Math.sqrt(dimensions)),
    queries: new Float32Array(dimensions).fill(1 / Math.sqrt(dimensions)),
    dimensions,
    picks: 1,
    lambda: 0.1,
    repeat: false,
  });
  if (!selected.ok) throw new Error(selected.fault.kind);
};

describe('the memory of a kernel', () => {
  it('is kept from one small selection to the next, and dropped after a large one', () => {
    for (let i = 0; i < 3; i++) select(100, 64);
    expect(instances).toBe(1);
    const dimensions = 1536;
    select(Math.ceil(MAX_KEPT_KERNEL_BYTES / 4 / dimensions) + 8, dimensions);
    expect(instances).toBe(1);
    select(100, 64);
    expect(instances).toBe(2);
    select(100, 64);
    expect(instances).toBe(2);
  });
});
