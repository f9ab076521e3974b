// Every bound of the kernel at its edge: the last value that is taken, and the first that is refused.
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildKernel } from '../../assembly/build.ts';
import { type Kernel, type Problem, toQ15 } from '../../functions/kernel/index.ts';
import { type Exports, instantiate } from '../../functions/kernel/instance.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { MAX_DEGREE, MAX_NEIGHBOURS, MAX_NOISE, MIN_LAMBDA } from '../../wire/limits.ts';
import { unitRows } from './reference.ts';

let kernel: Kernel;
let exports: Exports;
beforeAll(async () => {
  await buildKernel();
  kernel = await loadKernel();
  const bytes = await readFile(new URL('../../build/sift.wasm', import.meta.url));
  exports = instantiate(await WebAssembly.compile(bytes)).exports;
});

const problem: Problem = {
  rows: unitRows(1, 10, 6),
  queries: unitRows(2, 1, 6),
  dimensions: 6,
  picks: 3,
  lambda: 0.1,
  repeat: true,
};

describe('select', () => {
  it.each([
    ['lambda', [MIN_LAMBDA, MAX_NOISE], [MIN_LAMBDA / 1.0001, MAX_NOISE * 1.0001, Number.POSITIVE_INFINITY]],
    ['degree', [1, MAX_DEGREE], [0, MAX_DEGREE + 1]],
    ['alpha', [Number.MIN_VALUE, Number.MAX_VALUE], [0, -1, Number.POSITIVE_INFINITY, Number.NaN]],
  ] as const)('takes %s at its bounds and refuses it beyond them', (name, good, bad) => {
    for (const value of good)
      expect(kernel.select({ ...problem, [name]: value }), String(value)).toMatchObject({ ok: true });
    for (const value of bad) {
      expect(kernel.select({ ...problem, [name]: value })).toMatchObject({
        ok: false,
        fault: { kind: 'bad_field', param: name, message: expect.stringContaining(`is ${value}, it must be`) },
      });
    }
  });

  it('stops by alpha where σ is above 1/(alpha·n), not where it is equal', () => {
    // σ²₁ = 2 − 2²/(2 + 2) = 1 without rounding
    const pair = Float32Array.of(1, 1);
    const one = { rows: pair, queries: pair, dimensions: 2, picks: 1, lambda: 2, repeat: true };
    const stopOf = (alpha: number) => {
      const result = kernel.select({ ...one, alpha });
      return result.ok ? result.value.stop : result.fault;
    };
    expect([stopOf(1 - 1e-12), stopOf(1), stopOf(1 + 1e-12)]).toEqual(['count', 'count', 'alpha']);
  });

  it('gives each selection its own reason to stop', () => {
    const stops = [{ repeat: false, picks: 20 }, {}, { alpha: 100 }, {}].map((change) => {
      const result = kernel.select({ ...problem, ...change });
      return result.ok ? result.value.stop : result.fault;
    });
    expect(stops).toEqual(['exhausted', 'count', 'alpha', 'count']);
  });
});

describe('the layout of a selection', () => {
  // kind, K, d, queries, picks
  const bytes = (...[kind, K, d, m, N]: [number, number, number, number, number]) => exports.layout(kind, K, d, m, N);

  it.each([
    ['candidates', [1, 1 << 24, 1, 1, 1], [1, (1 << 24) + 1, 1, 1, 1]],
    ['dimensions', [0, 1, 1 << 16, 1, 1], [0, 1, (1 << 16) + 1, 1, 1]],
    ['queries', [0, 1, 1, 1 << 10, 1], [0, 1, 1, (1 << 10) + 1, 1]],
    ['picks', [0, 1, 1, 1, 1 << 12], [0, 1, 1, 1, (1 << 12) + 1]],
    ['kinds of rows', [1, 1, 1, 1, 1], [2, 1, 1, 1, 1]],
  ] as [string, [number, number, number, number, number], [number, number, number, number, number]][])(
    'has room for the largest number of %s and refuses one more',
    (_, largest, beyond) => {
      expect(bytes(...largest)).toBeGreaterThan(0);
      expect(bytes(...beyond)).toBe(0);
    },
  );

  it.each([1, 2, 3, 4])('refuses sizes of zero and below (argument %d)', (place) => {
    for (const size of [0, -1, -(2 ** 31)]) {
      const sizes: [number, number, number, number, number] = [0, 1, 1, 1, 1];
      sizes[place] = size;
      expect(bytes(...sizes)).toBe(0);
    }
  });

  it('refuses what does not fit into 32 bits of address, also where a product passes 2³² many times', () => {
    expect(bytes(0, 60_000, 16_384, 1, 10)).toBeLessThan(2 ** 32);
    expect(bytes(0, 60_000, 16_384, 1, 10)).toBeGreaterThan(60_000 * 16_384 * 4);
    expect(bytes(0, 70_000, 16_384, 1, 10)).toBe(0);
    expect(bytes(0, 1 << 24, 1 << 16, 1 << 10, 1 << 12)).toBe(0);
  });

  it('places arrays one after another on 16-byte boundaries', () => {
    const [K, d, m, N] = [13, 21, 2, 5];
    const needed = bytes(0, K, d, m, N);
    const places = [exports.rows(), exports.queries(), exports.scales(), exports.picks(), exports.gains()];
    expect(places.every((place) => place % 16 === 0)).toBe(true);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    // rows and queries are padded: 16 candidates, 32 dimensions
    expect(exports.queries() - exports.rows()).toBe(16 * 32 * 4);
    expect(exports.scales() - exports.queries()).toBe(m * 32 * 4);
    expect(exports.residual() + m * 32 * 8).toBeLessThanOrEqual(needed);
  });
});

describe('the row store', () => {
  it('searches for up to MAX_NEIGHBOURS rows', () => {
    const store = kernel.store(1);
    for (let i = 0; i <= MAX_NEIGHBOURS; i++) store.append(Float32Array.of(i));
    const { indices } = store.nearest(Float32Array.of(1), MAX_NEIGHBOURS);
    expect(indices).toEqual(Array.from({ length: MAX_NEIGHBOURS }, (_, i) => MAX_NEIGHBOURS - i));
    expect(() => store.nearest(Float32Array.of(1), MAX_NEIGHBOURS + 1)).toThrow('k is 1025, it must be from 1 to 1024');
  });

  it('refuses a mask that has another length than the store', () => {
    const store = kernel.store(2);
    store.append(Float32Array.of(1, 0));
    for (const length of [0, 2]) {
      expect(() => store.nearest(Float32Array.of(1, 0), 1, new Uint8Array(length).fill(1))).toThrow(
        `mask has ${length} bytes for 1 rows`,
      );
    }
  });

  it.each([-1, 1, 0.5, Number.NaN])('has no row %d beside its only one', (index) => {
    const store = kernel.store(2);
    store.append(Float32Array.of(1, 0));
    for (const use of [
      () => store.row(index),
      () => store.remove(index),
      () => store.replace(index, Float32Array.of(0, 1)),
    ]) {
      expect(use).toThrow(`row ${index} of 1`);
    }
    expect(store.row(0)).toEqual(Float32Array.of(1, 0));
  });

  it('gives rows as copies: neither side sees what the other changes later', () => {
    const store = kernel.store(2);
    const row = Float32Array.of(1, 0);
    store.append(row);
    row[0] = 5;
    const read = store.row(0);
    store.replace(0, Float32Array.of(0, 1));
    expect(read).toEqual(Float32Array.of(1, 0));
    read[0] = 7;
    expect(store.row(0)).toEqual(Float32Array.of(0, 1));
  });
});

describe('Q15', () => {
  it('is rounded to the nearest of 65,535 steps and clamped to ±1', () => {
    expect([...toQ15([1, -1, 0, 0.6 / 32767, -0.6 / 32767, 0.4 / 32767])]).toEqual([32767, -32767, 0, 1, -1, 0]);
    expect([...toQ15([1.0001, -1.0001, 40, -40])]).toEqual([32767, -32767, 32767, -32767]);
  });
});
