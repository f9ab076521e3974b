// Figures that can be compared: σ² over strategies, whatever the vectors were rounded to, and the share that is explained,
// against a plain solve over the whole pool.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Kernel } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { asQuantised, toQ15 } from '../../functions/kernel/q15.ts';
import { selectFromCandidates } from '../../functions/select/candidates.ts';
import { posterior } from '../../functions/select/posterior.ts';
import { selectFromCorpus } from '../../functions/select/select.ts';
import { choose } from '../../functions/select/strategies.ts';
import { normalise } from '../../functions/vectors/algebra.ts';
import { selectionOptions } from '../../wire/api/select.ts';
import { unwrap } from '../../wire/faults.ts';
import { MAX_EXPLAINED_PICKS } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { indexOf, randomUnit } from './vectors.ts';

let kernel: Kernel;
beforeAll(async () => {
  kernel = await loadKernel();
});
const select = (problem: Parameters<Kernel['select']>[0]) => kernel.select(problem);

const STRATEGIES = ['sift', 'nn', 'mmr'] as const;
const shape = fc.record({
  seed: fc.integer({ min: 1, max: 1e9 }),
  rows: fc.integer({ min: 1, max: 40 }),
  dimensions: fc.integer({ min: 2, max: 80 }),
  prompts: fc.constantFrom(1, 1, 3),
  degree: fc.constantFrom(1, 2, 6, 16),
  lambda: fc.constantFrom(0.01, 0.3, 3),
  q15: fc.boolean(),
});
type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never;

/** Unit vectors about one centre, so that cosines are large and their powers too. */
const choiceOf = ({ seed, rows, dimensions, prompts, lambda, q15 }: Shape) => {
  const next = seededRandom(seed);
  const centre = randomUnit(dimensions, next);
  const near = () => {
    const noise = randomUnit(dimensions, next);
    return normalise(centre.map((value, i) => value + 0.7 * (noise[i] ?? 0)));
  };
  const vectors = Array.from({ length: rows }, near);
  const queries = Array.from({ length: prompts }, near);
  const flat = Float32Array.from(vectors.flatMap((row) => [...row]));
  return { vectors, queries, choice: { rows: q15 ? toQ15(flat) : flat, queries, dimensions, noise: lambda } };
};

describe('σ²', () => {
  it('is that of the prompt’s own length before any pick, and the same for all strategies', () => {
    fc.assert(
      fc.property(shape, (s) => {
        const { choice } = choiceOf(s);
        for (const strategy of STRATEGIES) {
          const options = selectionOptions.parse({ strategy, n: 1, degree: s.degree });
          const { initialVariance } = unwrap(choose(choice, options, select));
          // float32 rounds a unit vector's squared length by some 1e-7, and 2p of them are multiplied
          expect(Math.abs(initialVariance - s.prompts)).toBeLessThan(2e-6 * s.degree * s.prompts);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('ends equal for all strategies where they pick the same set', () => {
    fc.assert(
      fc.property(shape, (s) => {
        const { choice } = choiceOf(s);
        const finals = STRATEGIES.map((strategy) => {
          const options = selectionOptions.parse({ strategy, n: s.rows, degree: s.degree });
          const { picks, variances, initialVariance } = unwrap(choose(choice, options, select));
          expect(new Set(picks).size).toBe(s.rows);
          return { initialVariance, final: at(variances, s.rows - 1) };
        });
        for (const { initialVariance, final } of finals) {
          expect(Math.abs(initialVariance - at(finals, 0).initialVariance)).toBeLessThan(1e-9);
          expect(Math.abs(final - at(finals, 0).final)).toBeLessThan(1e-9);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('is pick by pick the same in the kernel’s order, of rows in Q15', () => {
    fc.assert(
      fc.property(shape, (s) => {
        const { vectors, queries, choice } = choiceOf({ ...s, q15: true });
        const options = selectionOptions.parse({ n: 20, degree: s.degree });
        const chosen = unwrap(choose(choice, options, select));
        const order = chosen.picks.map((i) => Float64Array.from(toQ15(at(vectors, i)), (value) => value / 32767));
        const given = posterior(order, queries.map(asQuantised), s.lambda, s.degree);
        expect(given.initialVariance).toBeCloseTo(chosen.initialVariance, 9);
        for (const [i, variance] of chosen.variances.entries()) expect(given.variances[i]).toBeCloseTo(variance, 9);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the explained share', () => {
  it('is that of the whole pool’s posterior, for every strategy, and grows to 1', () => {
    fc.assert(
      fc.property(shape, fc.constantFrom(...STRATEGIES), fc.integer({ min: 1, max: 40 }), (s, strategy, n) => {
        const { vectors, queries } = choiceOf(s);
        const { degree, lambda } = s;
        const sent = vectors.map((vector, i) => ({ id: `${i}`, vector }));
        const options = selectionOptions.parse({ strategy, n, degree, lambda });
        const selection = selectFromCandidates(sent, queries, options, select);
        const whole = posterior(vectors, queries, lambda, degree);
        const removable = whole.gains.reduce((sum, gain) => sum + gain, 0);
        let removed = 0;
        for (const { explained, gain } of selection.picks) {
          removed += gain;
          expect(explained).toBeCloseTo(removed / removable, 4);
          expect(explained).toBeLessThanOrEqual(1);
        }
        expect(selection.explained).toBe(selection.picks.at(-1)?.explained);
        if (n >= s.rows) expect(selection.explained).toBeCloseTo(1, 6);
      }),
      { numRuns: 60 },
    );
  });

  it('counts what was left out by min_similarity as not explained, and is 0 without picks', async () => {
    const next = seededRandom(5);
    const rows = Array.from({ length: 60 }, () => randomUnit(16, next));
    const from = (given: object) =>
      selectFromCorpus(
        'c',
        { stripes: [indexOf(rows)], select, fetchText: async () => '' },
        [randomUnit(16, seededRandom(6))],
        selectionOptions.parse({ n: 60, ...given }),
      );
    const few = await from({ min_similarity: 0.4 });
    expect(few.picks.length).toBeGreaterThan(0);
    expect(few.explained).toBeLessThan(1);
    expect((await from({ min_similarity: 0.999 })).explained).toBe(0);
    expect((await from({})).explained).toBeCloseTo(1, 9);
  });

  it('stays at 1 where repeated picks say more than every candidate does once', () => {
    const next = seededRandom(7);
    const sent = Array.from({ length: 3 }, (_, i) => ({ id: `${i}`, vector: randomUnit(8, next) }));
    const options = selectionOptions.parse({ n: 30, repeat: true, degree: 1 });
    expect(selectFromCandidates(sent, [randomUnit(8, next)], options, select).explained).toBe(1);
  });

  it('is null where there is nothing to explain', () => {
    const sent = [{ id: 'a', vector: Float32Array.of(0, 1) }];
    const options = selectionOptions.parse({ strategy: 'nn' });
    const selection = selectFromCandidates(sent, [Float32Array.of(1, 0)], options, select);
    expect([selection.explained, selection.picks[0]?.explained]).toEqual([null, null]);
  });

  it('of a large pool is of what its best candidates remove, which the answer says', async () => {
    const next = seededRandom(8);
    const rows = Array.from({ length: 2 * MAX_EXPLAINED_PICKS }, () => randomUnit(16, next));
    const parts = Array.from({ length: 12 }, (_, i) => indexOf(rows.slice(i * 43, (i + 1) * 43), i * 43));
    const selection = await selectFromCorpus(
      'c',
      { stripes: parts, select, fetchText: async () => '' },
      [randomUnit(16, next)],
      selectionOptions.parse({}),
    );
    expect(selection.pool.size).toBeGreaterThan(MAX_EXPLAINED_PICKS);
    expect(selection.pool.measured).toBe(MAX_EXPLAINED_PICKS);
    expect(selection.explained).toBeGreaterThan(0.3);
  });
});
