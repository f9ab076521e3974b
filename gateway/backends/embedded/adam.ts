// Adam with decoupled weight decay (Loshchilov & Hutter, 2019) over one parameter's array, in place.
//   m ← β₁m + (1−β₁)g    v ← β₂v + (1−β₂)g²    p ← p − lr·(m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε) − lr·wd·p
// The arithmetic is a few lines of WASM SIMD (assembly/adam.ts); arrays pass through its memory in blocks that stay in
// the cache, since typed arrays of a model do not fit into a WASM memory once a model is large. Twice as fast as a loop
// in JavaScript, which has no float32 arithmetic.
import { readFileSync } from 'node:fs';
import type { Adam } from '../contract.ts';

export interface Moments {
  readonly m: Float32Array;
  readonly v: Float32Array;
}

interface Exports {
  abi(): number;
  heap(): number;
  step(
    capacity: number,
    count: number,
    beta1: number,
    beta2: number,
    rate: number,
    correction: number,
    epsilon: number,
    keep: number,
  ): void;
}

/** Floats of a block: four blocks are 128 KiB, a share of any core's second-level cache. */
const BLOCK = 8_192;
const ABI_VERSION = 1;

const instantiate = () => {
  const bytes = readFileSync(new URL('../../../build/adam.wasm', import.meta.url));
  const memory = new WebAssembly.Memory({ initial: 4 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  const own = exports as unknown as Exports; // checked by the ABI version below
  if (own.abi() !== ABI_VERSION) throw new Error('build/adam.wasm is of another version: run npm run build');
  const at = (index: number) => new Float32Array(memory.buffer, own.heap() + index * BLOCK * 4, BLOCK);
  return { step: own.step, p: at(0), g: at(1), m: at(2), v: at(3) };
};

let block: ReturnType<typeof instantiate> | undefined;

/** One update; `t` counts from 1. */
export const adamStep = (p: Float32Array, g: Float32Array, { m, v }: Moments, t: number, adam: Adam): void => {
  block ??= instantiate();
  const { beta1, beta2, epsilon, learningRate, weightDecay } = adam;
  const rate = learningRate / (1 - beta1 ** t);
  const correction = 1 / (1 - beta2 ** t);
  const keep = 1 - learningRate * weightDecay;
  for (let from = 0; from < p.length; from += BLOCK) {
    const to = Math.min(from + BLOCK, p.length);
    const count = to - from;
    block.p.set(p.subarray(from, to));
    block.g.set(g.subarray(from, to));
    block.m.set(m.subarray(from, to));
    block.v.set(v.subarray(from, to));
    block.step(BLOCK, count, beta1, beta2, rate, correction, epsilon, keep);
    p.set(block.p.subarray(0, count), from);
    m.set(block.m.subarray(0, count), from);
    v.set(block.v.subarray(0, count), from);
  }
};
