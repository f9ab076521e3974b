// More picks than one query brings: the pool grows, for every strategy, and says why where it cannot.
import { beforeAll, describe, expect, it } from 'vitest';
import type { Kernel } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import type { Index } from '../../functions/pool/candidate.ts';
import { selectFromCorpus } from '../../functions/select/select.ts';
import { dot, normalise } from '../../functions/vectors/algebra.ts';
import { selectionOptions } from '../../wire/api/select.ts';
import { MAX_GROWTH_ROUNDS } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { indexOf, randomUnit } from './vectors.ts';

let kernel: Kernel;
beforeAll(async () => {
  kernel = await loadKernel();
});

const DIMENSIONS = 32;
/** Texts of subjects, as an embedder spreads them. */
const corpusOf = (size: number, subjects: number, seed = 3): Float32Array[] => {
  const next = seededRandom(seed);
  const centres = Array.from({ length: subjects }, () => randomUnit(DIMENSIONS, next));
  return Array.from({ length: size }, (_, i) => {
    const own = randomUnit(DIMENSIONS, next);
    return normalise(at(centres, i % subjects).map((value, k) => value + 1.2 * (own[k] ?? 0)));
  });
};
const prompt = randomUnit(DIMENSIONS, seededRandom(99));

const from = (stripes: readonly Index[], given: object) =>
  selectFromCorpus(
    'c',
    { stripes, select: (problem) => kernel.select(problem), fetchText: async () => '' },
    [prompt],
    selectionOptions.parse(given),
  );

describe.each(['sift', 'nn', 'mmr'] as const)('%s', (strategy) => {
  it('picks two hundred of thousands, each once, without a warning', async () => {
    const selection = await from([indexOf(corpusOf(3000, 40))], { strategy, n: 200 });
    expect([selection.picks.length, selection.stop]).toEqual([200, 'count']);
    expect(new Set(selection.picks.map(({ id }) => id)).size).toBe(200);
    expect(selection.warnings).toEqual([]);
  });

  it('asks no more than it did where few are wanted', async () => {
    const { pool } = await from([indexOf(corpusOf(3000, 40))], { strategy, n: 50 });
    expect(pool.rounds).toBe(strategy === 'sift' ? 3 : 1);
  });

  it('picks all of a small corpus, and says that others were not found', async () => {
    const { picks, warnings, pool } = await from([indexOf(corpusOf(120, 4))], { strategy, n: 200 });
    expect(picks.length).toBe(120);
    expect(warnings).toEqual([
      `only 120 distinct candidates were found in corpus 'c' for n = 200: ${pool.queries} queries brought no more`,
    ]);
    expect(pool.rounds).toBeLessThanOrEqual(3 + MAX_GROWTH_ROUNDS);
  });

  it('knows that a corpus holds no others where every stripe answered with all it has', async () => {
    const rows = corpusOf(60, 4);
    const stripes = [indexOf(rows.slice(0, 30)), indexOf(rows.slice(30), 30)];
    const { picks, warnings, pool } = await from(stripes, { strategy, n: 100 });
    expect([picks.length, warnings]).toEqual([
      60,
      ["only 60 distinct candidates were found in corpus 'c' for n = 100: there are no others"],
    ]);
    expect(pool.rounds).toBeLessThanOrEqual(3);
  });

  it('does not grow where all that are similar enough are known', async () => {
    const { picks, pool, warnings } = await from([indexOf(corpusOf(3000, 40))], {
      strategy,
      n: 200,
      min_similarity: 0.45,
    });
    expect(picks.length).toBeLessThan(50);
    expect([pool.rounds, warnings]).toEqual([strategy === 'sift' ? 3 : 1, []]);
  });
});

describe('a pool that grows', () => {
  it('holds most of the nearest neighbours, and the best of them', async () => {
    const rows = corpusOf(3000, 40);
    const order = [...rows.keys()].sort((a, b) => dot(at(rows, b), prompt) - dot(at(rows, a), prompt));
    const { picks } = await from([indexOf(rows)], { strategy: 'nn', n: 150 });
    const found = new Set(picks.map(({ id }) => id));
    const share = (n: number) => order.slice(0, n).filter((i) => found.has(`${i}`)).length / n;
    expect(share(50)).toBe(1);
    expect(share(150)).toBeGreaterThan(0.6);
  });

  it('does not where picks may be repeated: a few candidates are enough then', async () => {
    const { pool } = await from([indexOf(corpusOf(3000, 40))], { n: 200, repeat: true, rounds: 1 });
    expect([pool.rounds, pool.size]).toEqual([1, 50]);
  });

  it('asks a bounded number of queries of an index that always brings the same', async () => {
    const rows = corpusOf(50, 2);
    const same: Index = { query: async (_, k) => (await indexOf(rows).query(prompt, 50)).slice(0, k) };
    const { pool, picks } = await from([same], { strategy: 'nn', n: 200 });
    expect(picks.length).toBe(50);
    expect(pool.queries).toBeLessThanOrEqual(1 + 2 * 6);
  });
});
