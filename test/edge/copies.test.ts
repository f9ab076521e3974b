// A corpus in which one example stands hundreds of times, exactly or nearly: selections must find the others all the same.
// Clustered seeded vectors, so that the prompt has near neighbours besides the copied one.
import { beforeAll, describe, expect, it } from 'vitest';
import type { Kernel } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { toQ15 } from '../../functions/kernel/q15.ts';
import type { Candidate, Index } from '../../functions/pool/candidate.ts';
import { gatherPool, type PoolOptions } from '../../functions/pool/pool.ts';
import { type CorpusDeps, selectFromCorpus } from '../../functions/select/select.ts';
import { dot, normalise } from '../../functions/vectors/algebra.ts';
import { type SelectionOptions, selectionOptions } from '../../wire/api/select.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { indexOf, randomUnit } from './vectors.ts';

const DIMENSIONS = 32;
const OTHERS = 600;

let kernel: Kernel;
beforeAll(async () => {
  kernel = await loadKernel();
});

/** The vector with a random part of the given length added, at unit length. */
const jittered = (vector: Float32Array, length: number, next: () => number): Float32Array => {
  const noise = randomUnit(vector.length, next);
  return normalise(vector.map((value, i) => value + length * at(noise, i)));
};

interface Corpus {
  readonly others: readonly Float32Array[];
  readonly prompt: Float32Array;
  readonly nearest: Float32Array;
}

/** Twelve clusters of fifty; the prompt lies near one of the examples, or on it. */
const clustered = (seed: number, distance: number): Corpus => {
  const next = seededRandom(seed);
  const centres = Array.from({ length: 12 }, () => randomUnit(DIMENSIONS, next));
  const others = Array.from({ length: OTHERS }, (_, i) => jittered(at(centres, i % 12), 0.9, next));
  const prompt = jittered(at(others, 7), distance, next);
  const similarity = others.map((row) => dot(row, prompt));
  return { others, prompt, nearest: at(others, similarity.indexOf(Math.max(...similarity))) };
};

/** An exact index, quick enough for thousands of queries. */
const quickIndex = (rows: readonly Float32Array[], first = 0): Index => {
  const store = kernel.store(DIMENSIONS);
  for (const row of rows) store.append(row);
  const candidates = rows.map(
    (row, i): Candidate => ({ id: `${first + i}`, key: `${first + i}`, row: toQ15(row), text: '', bytes: 0 }),
  );
  return {
    query: async (vector, k) => store.nearest(vector, k).indices.map((i) => at(candidates, i)),
  };
};

const withCopies = (corpus: Corpus, copies: number, jitter: number): Float32Array[] => {
  const next = seededRandom(99);
  return [
    ...Array.from({ length: copies }, () => (jitter === 0 ? corpus.nearest : jittered(corpus.nearest, jitter, next))),
    ...corpus.others,
  ];
};

const deps = (stripes: readonly Index[]): CorpusDeps => ({
  stripes,
  select: (problem) => kernel.select(problem),
  fetchText: async () => '',
});

const select = (rows: readonly Float32Array[], prompts: readonly Float32Array[], options: Partial<SelectionOptions>) =>
  selectFromCorpus('c', deps([quickIndex(rows)]), prompts, { ...selectionOptions.parse({}), ...options });

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const COPIES = [1, 10, 50, 200, 1_000];

describe('a selection from a corpus full of copies', () => {
  describe.each(['sift', 'nn', 'mmr'] as const)('by %s', (strategy) => {
    it.each(COPIES)('picks as many different examples as were asked for, beside %d copies', async (copies) => {
      for (const distance of [0, 0.6]) {
        const corpus = clustered(1, distance);
        for (const jitter of [0, 0.01, 0.03]) {
          const { picks, stop, warnings } = await select(withCopies(corpus, copies, jitter), [corpus.prompt], {
            strategy,
          });
          expect({ distance, jitter, picks: new Set(picks.map(({ id }) => id)).size }).toEqual({
            distance,
            jitter,
            picks: 10,
          });
          expect([stop, warnings]).toEqual(['count', []]);
        }
      }
    });

    it('picks examples nearly as similar to the prompt as without the copies', async () => {
      for (const distance of [0, 0.6]) {
        const similarities = { clear: [] as number[], crowded: [] as number[] };
        for (let seed = 1; seed <= 8; seed++) {
          const corpus = clustered(seed, distance);
          const clear = await select(corpus.others, [corpus.prompt], { strategy });
          const crowded = await select(withCopies(corpus, 1_000, 0.02), [corpus.prompt], { strategy });
          expect(crowded.picks.length).toBe(10);
          similarities.clear.push(mean(clear.picks.map(({ similarity }) => similarity)));
          similarities.crowded.push(mean(crowded.picks.map(({ similarity }) => similarity)));
        }
        // mmr looks for what is unlike its picks, and finds more of that in the larger pool
        const share = strategy === 'mmr' ? 0.6 : 0.9;
        expect(mean(similarities.crowded)).toBeGreaterThan(share * mean(similarities.clear));
      }
    });
  });

  it.each([1, 2, 6, 16])('finds them with a kernel of degree %d and every λ', async (degree) => {
    const corpus = clustered(2, 0.5);
    for (const copies of COPIES) {
      const rows = withCopies(corpus, copies, 0.02);
      for (const lambda of [1e-4, 1e-2, 0.3, 1, 30, 1e3]) {
        for (const repeat of [false, true]) {
          const selection = await select(rows, [corpus.prompt], { degree, lambda, repeat });
          expect({ copies, lambda, repeat, enough: selection.pool.size >= 10 }).toEqual({
            copies,
            lambda,
            repeat,
            enough: true,
          });
          if (!repeat) expect(selection.picks.length).toBe(10);
        }
      }
    }
  });

  it('finds them for several prompts, each with copies of its own', async () => {
    const [a, b, c] = [clustered(3, 0.5), clustered(4, 0), clustered(5, 0.5)] as const;
    const rows = [...withCopies(a, 200, 0.02), ...withCopies(b, 200, 0), ...withCopies(c, 200, 0.02)];
    for (const strategy of ['sift', 'nn', 'mmr'] as const) {
      const selection = await select(rows, [a.prompt, b.prompt, c.prompt], { strategy, n: 30 });
      expect([strategy, new Set(selection.picks.map(({ id }) => id)).size]).toEqual([strategy, 30]);
    }
  });

  it('finds them beside copies of each of the twenty nearest', async () => {
    const corpus = clustered(6, 0.4);
    const order = [...corpus.others].sort((x, y) => dot(y, corpus.prompt) - dot(x, corpus.prompt));
    const next = seededRandom(7);
    const rows = [
      ...order.slice(0, 20).flatMap((row) => Array.from({ length: 60 }, () => jittered(row, 0.02, next))),
      ...order,
    ];
    for (const strategy of ['sift', 'nn', 'mmr'] as const) {
      const { picks } = await select(rows, [corpus.prompt], { strategy, n: 50 });
      expect([strategy, picks.length]).toEqual([strategy, 50]);
    }
  });

  it('finds them in every stripe', async () => {
    const corpus = clustered(8, 0.3);
    const rows = withCopies(corpus, 600, 0.01);
    const stripes = [0, 1, 2].map((stripe) =>
      quickIndex(
        rows.filter((_, i) => i % 3 === stripe),
        stripe * 10_000,
      ),
    );
    const selection = await selectFromCorpus('c', deps(stripes), [corpus.prompt], selectionOptions.parse({ n: 40 }));
    expect(new Set(selection.picks.map(({ id }) => id)).size).toBe(40);
  });

  it('takes 200 picks when there are as many', async () => {
    const corpus = clustered(9, 0.3);
    const { picks } = await select(withCopies(corpus, 1_000, 0), [corpus.prompt], { n: 200, strategy: 'nn' });
    expect(picks.length).toBe(200);
  });

  it('says so when the corpus holds fewer than were asked for', async () => {
    const corpus = clustered(10, 0.3);
    const few = { ...corpus, others: [corpus.nearest, ...corpus.others.slice(0, 2)] };
    for (const strategy of ['sift', 'nn', 'mmr'] as const) {
      for (const copies of [20, 1_000]) {
        const selection = await select(withCopies(few, copies, 0.01), [corpus.prompt], { strategy });
        expect([selection.picks.length, selection.stop]).toEqual([3, 'exhausted']);
        expect(selection.warnings).toEqual([
          expect.stringMatching(
            /^only 3 distinct candidates were found in corpus 'c' for n = 10; \d+ copies of them were/,
          ),
        ]);
      }
    }
  });

  it('asks no further where the first answer held all of a small corpus', async () => {
    const corpus = clustered(11, 0.3);
    const few = { ...corpus, others: corpus.others.slice(0, 5) };
    const { pool } = await select(withCopies(few, 20, 0), [corpus.prompt], { strategy: 'nn' });
    expect([pool.queries, pool.size]).toEqual([1, 6]);
  });

  describe('asks a bounded number of queries', () => {
    /** Whatever is asked, copies come, and with them `fresh` new examples, nearer to the prompt every time. */
    const endless = (prompt: Float32Array, fresh: number) => {
      const next = seededRandom(12);
      const copied = randomUnit(DIMENSIONS, next);
      let key = 0;
      const index = {
        asked: 0,
        query: async (_: Float32Array, k: number): Promise<Candidate[]> => {
          index.asked += 1;
          return Array.from({ length: k }, (_, i) => {
            key += 1;
            const row = i < k - fresh ? copied : jittered(prompt, 1 + 100 / key, next);
            return { id: `${key}`, key: `${key}`, row: toQ15(row), text: '', bytes: 0 };
          });
        },
      };
      return index;
    };
    const prompt = randomUnit(DIMENSIONS, seededRandom(13));
    const asked = async (fresh: number, options: object): Promise<number> => {
      const index = endless(prompt, fresh);
      await selectFromCorpus('c', deps([index]), [prompt], selectionOptions.parse(options));
      return index.asked;
    };

    it('where nothing but copies comes', async () => {
      expect(await asked(0, { n: 200 })).toBeLessThanOrEqual(8 + 2 * 6);
    });

    it('where a few others come with every query', async () => {
      expect(await asked(1, { n: 200 })).toBeLessThanOrEqual(8 + 8 * 6);
      expect(await asked(1, { n: 200, strategy: 'nn' })).toBeLessThanOrEqual(1 + 8 * 6);
    });

    it('where every round brings nearer ones', async () => {
      expect(await asked(8, { n: 10, strategy: 'nn' })).toBeLessThanOrEqual(1 + 4 * 6);
    });
  });
});

describe('a pool without copies', () => {
  const OPTIONS: PoolOptions = {
    rounds: 3,
    topK: 20,
    residualSign: 'plus',
    opposite: false,
    residualPicks: 4,
    picks: 30,
    lambda: 0.3,
    degree: 6,
    repeat: false,
  };

  it.each([1, 6])(
    'of degree %d asks with the prompt and the residuals of 4 and 8 picks, and nothing else',
    async (degree) => {
      for (let seed = 1; seed <= 10; seed++) {
        const next = seededRandom(seed);
        const rows = Array.from({ length: 300 }, () => randomUnit(16, next));
        const prompt = randomUnit(16, next);
        const asked: Float32Array[] = [];
        const inner = indexOf(rows);
        const index: Index = {
          query: (vector, k) => {
            asked.push(vector.slice());
            return inner.query(vector, k);
          },
        };
        // 90 picks, which three queries of 20 never bring: without copies nothing is added all the same
        const pool = await gatherPool([index], [prompt], (problem) => kernel.select(problem), {
          ...OPTIONS,
          degree,
          picks: 90,
        });

        const expected = [prompt];
        const found = new Map<string, Int16Array>();
        for (let round = 1; ; round++) {
          for (const { key, row } of await inner.query(at(expected, round - 1), 20)) found.set(key, row);
          if (round === 3) break;
          const flat = new Int16Array(found.size * 16);
          for (const [i, row] of [...found.values()].entries()) flat.set(row, i * 16);
          const lambda = degree === 1 ? 0.3 : 1;
          const problem = { rows: flat, queries: prompt, dimensions: 16, picks: 4 * round, lambda, repeat: false };
          const selected = kernel.select(problem);
          if (!selected.ok) throw new Error(selected.fault.kind);
          expected.push(normalise(selected.value.residual));
        }
        expect(asked).toEqual(expected);
        expect([pool.queries, pool.rounds, pool.collapsed]).toEqual([3, 3, 0]);
        expect(pool.collected.map(({ candidate: { key } }) => key)).toEqual([...found.keys()]);
      }
    },
  );
});
