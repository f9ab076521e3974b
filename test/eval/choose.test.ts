// The strategies that only the study has: HullFT on a triangle in the plane, and uncertainty sampling. And that the study
// chooses as the product does where all vectors share a direction.
import { beforeAll, describe, expect, it } from 'vitest';
import { frankWolfe, hullPicks, integerise } from '../../eval/choose/hullft.ts';
import { select } from '../../eval/choose/select.ts';
import { spec, WHOLE } from '../../eval/choose/spec.ts';
import { uncertainPicks } from '../../eval/choose/uncertainty.ts';
import { buildCorpus, type Corpus, indicesOf } from '../../eval/material/corpus.ts';
import type { Kernel } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { selectFromCorpus } from '../../functions/select/select.ts';
import { normalise } from '../../functions/vectors/algebra.ts';
import { selectionOptions } from '../../wire/api/select.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { randomUnit } from '../edge/vectors.ts';

/** (0,0), (1,0), (0,1). */
const TRIANGLE = Float32Array.from([0, 0, 1, 0, 0, 1]);

describe('HullFT', () => {
  it('writes a point inside the hull as its barycentric coordinates', () => {
    const { weights, distance } = frankWolfe(TRIANGLE, Float32Array.from([0.5, 0.25]), 2, 400);
    expect(distance).toBeLessThan(1e-6);
    expect([...weights].map((w) => Number(w.toFixed(3)))).toEqual([0.25, 0.5, 0.25]);
  });

  it('projects a point outside onto the nearest edge, and leaves the far vertex without weight', () => {
    const { weights, distance } = frankWolfe(TRIANGLE, Float32Array.from([1, 0.5]), 2, 400);
    // the foot on x + y = 1 is (0.75, 0.25), at squared distance 1/8
    expect(distance).toBeCloseTo(0.125, 6);
    expect([...weights].map((w) => Number(w.toFixed(3)))).toEqual([0, 0.75, 0.25]);
  });

  it('has weights that are a convex combination', () => {
    const { weights } = frankWolfe(TRIANGLE, Float32Array.from([-3, 9]), 2, 50);
    expect(weights.reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 9);
    expect(Math.min(...weights)).toBeGreaterThanOrEqual(0);
  });

  it('rounds weights to whole numbers whose sum is N, with each unit where the mean comes closest to the prompt', () => {
    const query = Float32Array.from([0.6, 0.3]);
    const weights = Float64Array.from([0.1, 0.6, 0.3]);
    expect(integerise(TRIANGLE, query, 2, weights, 10)).toEqual([1, 6, 3]);
    expect(integerise(TRIANGLE, query, 2, weights, 4).reduce((sum, count) => sum + count, 0)).toBe(4);
    // of (0,0) (1/4·1, …): two, one and one give (0.5, 0.25); none, three and one (0.75, 0.25): the first is closer
    expect(integerise(TRIANGLE, query, 2, weights, 4)).toEqual([1, 2, 1]);
  });

  it('takes repeats in a row, the most frequent first', () => {
    expect(hullPicks(TRIANGLE, Float32Array.from([0.6, 0.3]), 2, 10)).toEqual([1, 1, 1, 1, 1, 1, 2, 2, 2, 0]);
  });
});

describe('uncertainty sampling', () => {
  it('picks the nearest first, then the example of largest posterior variance', () => {
    // the second row repeats the first; the third is orthogonal to both
    const rows = Float32Array.from([1, 0, 1, 0, 0, 1]);
    expect(uncertainPicks(rows, 2, 2, 0.1)).toEqual([0, 2]);
  });
});

describe('a corpus whose vectors share a direction', () => {
  const DIMENSIONS = 48;
  const next = seededRandom(12);
  const direction = randomUnit(DIMENSIONS, next);
  const around = (centre: Float32Array, length: number, shared: number) => {
    const noise = randomUnit(DIMENSIONS, next);
    const own = normalise(centre.map((value, i) => value + length * (noise[i] ?? Number.NaN)));
    return normalise(own.map((value, i) => value + shared * (direction[i] ?? Number.NaN)));
  };
  const topics = Array.from({ length: 12 }, () => randomUnit(DIMENSIONS, next));
  const sources = Array.from({ length: 240 }, (_, i) => {
    return { path: `t${i % 12}/${i}`, text: `text ${i}`, domain: 'd', group: `t${i % 12}` };
  });
  let kernel: Kernel;
  beforeAll(async () => {
    kernel = await loadKernel();
  });
  const build = (shared: number): Promise<Corpus> => {
    const embedAll = async (texts: readonly string[]) => texts.map((_, i) => around(at(topics, i % 12), 0.9, shared));
    return buildCorpus(sources, 'disjoint', { dimensions: DIMENSIONS, embedAll }, kernel);
  };

  it('is chosen from less the mean, as the product does, and any other as it is', async () => {
    expect((await build(0)).mean).toBeUndefined();
    const corpus = await build(2.2);
    const mean = corpus.mean ?? new Float32Array();
    expect(mean).toHaveLength(DIMENSIONS);
    const mask = new Uint8Array(corpus.examples.length).fill(1);
    const vector = around(at(topics, 3), 0.9, 2.2);
    const view = { id: 'p', vector, corpus, mask };
    for (const strategy of ['sift', 'nn-distinct', 'mmr'] as const) {
      const own = await select(
        kernel,
        view,
        spec(strategy, { n: 10, pool: { rounds: 3, topK: 50, sign: 'plus', prefix: 4 } }),
      );
      const product = await selectFromCorpus(
        'c',
        {
          stripes: indicesOf(corpus, { mask, copies: 1, stripes: 1 }),
          select: (problem) => kernel.select(problem),
          mean,
          fetchText: async () => '',
        },
        [vector],
        selectionOptions.parse({ strategy: strategy === 'nn-distinct' ? 'nn' : strategy }),
      );
      expect(own.picks).toEqual(product.picks.map(({ id }) => Number(id)));
      expect(own.variances.at(-1)).toBeCloseTo(product.finalVariance, 6);
    }
    // σ² of the other ways is of the same kernel, so that it can be compared
    const sift = await select(kernel, view, spec('sift', { n: 10, pool: WHOLE }));
    for (const strategy of ['nn', 'uncertainty', 'random'] as const) {
      const { variances } = await select(kernel, view, spec(strategy, { n: 10, pool: WHOLE }));
      expect(at(variances, 9)).toBeGreaterThan(at(sift.variances, 9) - 0.01);
    }
  });
});
