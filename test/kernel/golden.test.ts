// The kernel against selections of the reference library, made in its exact mode in float64 (golden/cases.json).
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { buildKernel } from '../../assembly/build.ts';
import type { Kernel, Selection } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { makeInputs, sha } from './golden/inputs.mjs';

const file = z.object({
  cases: z.array(
    z.object({
      id: z.string(),
      geom: z.string(),
      d: z.number(),
      K: z.number(),
      seed: z.number(),
      lam: z.number(),
      N: z.number(),
      sha256: z.string(),
      picks: z.array(z.number()),
      sigma2: z.array(z.number()),
      gap: z.array(z.number()),
    }),
  ),
});
const { cases } = file.parse(JSON.parse(readFileSync(new URL('golden/cases.json', import.meta.url), 'utf8')));

/** Two candidates whose scores are this close may be picked in either order; the selections after them are equally good. */
const NEAR_TIE = 1e-6;

describe.each(['sift.wasm', 'sift-scalar.wasm'])('%s on the golden set', (module) => {
  let kernel: Kernel;
  beforeAll(async () => {
    await buildKernel();
    kernel = await loadKernel(module);
  });

  it.each(cases.map((golden) => [golden.id, golden] as const))('%s', (_, golden) => {
    const inputs = makeInputs(golden.geom, golden.d, golden.K, golden.seed);
    expect(sha(inputs)).toBe(golden.sha256);
    const result = kernel.select({
      rows: inputs.X,
      queries: inputs.Q,
      dimensions: golden.d,
      picks: golden.N,
      lambda: golden.lam,
      repeat: true,
    });
    if (!result.ok) throw new Error(JSON.stringify(result.fault));
    const selection: Selection = result.value;
    expect(selection.picks.length).toBe(golden.N);
    const differs = selection.picks.findIndex((pick, n) => pick !== golden.picks[n]);
    const same = differs < 0 ? golden.N : differs;
    if (differs >= 0) expect(golden.gap[differs]).toBeLessThan(NEAR_TIE);
    for (const [n, sigma2] of golden.sigma2.entries()) {
      const error = Math.abs((selection.variances[n] ?? Number.NaN) - sigma2);
      // after a swap of equals the two sequences are two greedy runs: each drop may differ by a near tie
      expect(error).toBeLessThan(n < same ? 1e-5 * sigma2 : 1e-5 * sigma2 + NEAR_TIE);
    }
  });
});
