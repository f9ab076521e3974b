import { beforeAll, describe, expect, it } from 'vitest';
import type { Kernel } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { toQ15 } from '../../functions/kernel/q15.ts';
import type { Candidate, Index } from '../../functions/pool/candidate.ts';
import { Collector } from '../../functions/pool/collapse.ts';
import { gatherPool, type PoolOptions } from '../../functions/pool/pool.ts';
import { dot, normalise } from '../../functions/vectors/algebra.ts';
import { seededRandom as random } from '../../wire/random.ts';
import { indexOf, randomUnit, unit } from './vectors.ts';

let kernel: Kernel;
beforeAll(async () => {
  kernel = await loadKernel();
});

const candidate = (key: string, vector: Float32Array): Candidate => ({ id: key, key, row: toQ15(vector), bytes: 0 });

const DEFAULTS: PoolOptions = {
  rounds: 3,
  topK: 50,
  residualSign: 'plus',
  opposite: false,
  picks: 10,
  lambda: 0.01,
  degree: 1,
  repeat: true,
};
const gather = (stripes: Index[], queries: Float32Array[], options: Partial<PoolOptions> = {}) =>
  gatherPool(stripes, queries, (problem) => kernel.select(problem), { ...DEFAULTS, ...options });

describe('copies in a pool', () => {
  const a = unit([1, 0, 0, 0]);
  const near = unit([1, 0.01, 0, 0]);
  const other = unit([1, 0.3, 0, 0]);

  it('stand behind the first that came, and are counted', () => {
    const collector = new Collector(toQ15(a));
    expect(collector.add([candidate('1', a), candidate('2', near), candidate('3', other), candidate('4', a)])).toEqual({
      fresh: 2,
      copies: 2,
    });
    expect(collector.collected.map(({ candidate: { id }, copies }) => [id, copies])).toEqual([
      ['1', 2],
      ['3', 0],
    ]);
  });

  it('are not what two queries both found', () => {
    const collector = new Collector(toQ15(a));
    collector.add([candidate('1', a)]);
    expect(collector.add([candidate('1', a)])).toEqual({ fresh: 0, copies: 0 });
    expect(collector.collapsed).toBe(0);
  });

  it('are found among hundreds exactly as by comparing all pairs', () => {
    const next = random(5);
    const bases = Array.from({ length: 40 }, () => randomUnit(24, next));
    const vectors = Array.from({ length: 300 }, (_, i) => {
      const noise = randomUnit(24, next);
      return normalise((bases[i % 40] ?? noise).map((value, j) => value + 0.06 * next() * (noise[j] ?? 0)));
    });
    const collector = new Collector(toQ15(randomUnit(24, next)));
    collector.add(vectors.map((vector, i) => candidate(String(i), vector)));
    const kept: Int16Array[] = [];
    for (const vector of vectors) {
      const row = toQ15(vector);
      if (!kept.some((other) => dot(row, other) / 32767 ** 2 >= 0.999)) kept.push(row);
    }
    expect(collector.collected.length).toBe(kept.length);
    expect(collector.collapsed).toBe(300 - kept.length);
  });
});

describe('a pool', () => {
  it('asks with the prompt, then with what the picks leave unexplained', async () => {
    const asked: Float32Array[] = [];
    const rows = [unit([1, 0, 0]), unit([0, 1, 0]), unit([0, 0, 1])];
    const inner = indexOf(rows);
    const index: Index = {
      query: (vector, k) => {
        asked.push(vector);
        return inner.query(vector, k);
      },
    };
    const q = unit([3, 2, 1]);
    const pool = await gather([index], [q], { topK: 1, picks: 1, lambda: 1e-6 });
    expect(asked.length).toBe(3);
    // after [1,0,0] the residual is the prompt without its first axis, and so on
    expect([...(asked[1] ?? [])].map((x) => Math.round(x * 1000) / 1000)).toEqual([0, 0.894, 0.447]);
    expect(pool.collected.map(({ candidate: { id } }) => id)).toEqual(['0', '1', '2'].slice(0, pool.collected.length));
    expect(pool.collected.length).toBeGreaterThanOrEqual(2);
  });

  it('asks with the residual of λ = 1 where the selection’s λ is larger or of another degree, else of its own', async () => {
    const q = unit([3, 2, 1]);
    const rows = [unit([1, 0, 0]), unit([0, 1, 0]), unit([0, 0, 1])];
    const second = async (lambda: number, degree: number): Promise<Float32Array> => {
      const asked: Float32Array[] = [];
      const inner = indexOf(rows);
      const index: Index = {
        query: (vector, k) => {
          asked.push(vector);
          return inner.query(vector, k);
        },
      };
      await gather([index], [q], { topK: 1, picks: 1, rounds: 2, lambda, degree });
      return asked[1] ?? new Float32Array();
    };
    // one pick [1,0,0] leaves λ/(1 + λ) of the first axis: at λ = 1 half of 3, at λ = 1/2 a third of it
    for (const [lambda, degree, left] of [
      [0.5, 1, 1],
      [1, 1, 1.5],
      [1000, 1, 1.5],
      [0.5, 6, 1.5],
    ] as const) {
      const expected = unit([left, 2, 1]);
      for (const [i, value] of (await second(lambda, degree)).entries())
        expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 4);
    }
  });

  it('asks both ways, with the opposite, in every stripe, and counts its queries', async () => {
    const next = random(9);
    const rows = Array.from({ length: 400 }, () => randomUnit(16, next));
    const halves = [indexOf(rows.slice(0, 200)), indexOf(rows.slice(200), 200)];
    const q = randomUnit(16, next);
    const plain = await gather(halves, [q], { rounds: 1 });
    expect([plain.queries, plain.collected.length, plain.rounds]).toEqual([2, 100, 1]);
    const opposite = await gather(halves, [q], { rounds: 1, opposite: true });
    expect([opposite.queries, opposite.collected.length]).toEqual([4, 200]);
    const both = await gather(halves, [q], { rounds: 2, residualSign: 'both' });
    expect([both.queries, both.rounds]).toEqual([6, 2]);
  });

  it('never has more than six queries in flight', async () => {
    let inFlight = 0;
    let most = 0;
    const slow: Index = {
      async query() {
        inFlight += 1;
        most = Math.max(most, inFlight);
        await new Promise((resolve) => setTimeout(resolve, 1));
        inFlight -= 1;
        return [];
      },
    };
    const queries = Array.from({ length: 5 }, (_, i) => randomUnit(8, random(i + 1)));
    await gather([slow, slow, slow, slow, slow, slow], queries, { rounds: 1 });
    expect(most).toBe(6);
  });

  it('ends early when the index has nothing else', async () => {
    const rows = [unit([1, 0]), unit([0, 1])];
    const pool = await gather([indexOf(rows)], [unit([1, 1])], { rounds: 8 });
    expect(pool.collected.length).toBe(2);
    expect(pool.rounds).toBe(2);
  });

  it('is empty where there is nothing, after one query', async () => {
    const pool = await gather([indexOf([])], [unit([1, 1])]);
    expect([pool.collected.length, pool.queries]).toEqual([0, 1]);
  });

  it('grants another round for one that copies filled', async () => {
    const next = random(3);
    const q = randomUnit(32, next);
    const nearest = normalise(q.map((value, i) => value + 0.1 * (randomUnit(32, next)[i] ?? 0)));
    const rows = [
      ...Array.from({ length: 200 }, () => nearest),
      ...Array.from({ length: 300 }, () => randomUnit(32, next)),
    ];
    const pool = await gather([indexOf(rows)], [q], { rounds: 2 });
    expect(pool.rounds).toBe(3);
    expect(pool.collapsed).toBeGreaterThanOrEqual(49);
    expect(pool.collected.length).toBeGreaterThan(50);
  });

  it('takes fewer from each query rather than more than a Worker can hold', async () => {
    const next = random(13);
    let key = 0;
    const endless: Index = {
      query: async (_, k) => Array.from({ length: k }, () => candidate(String(key++), randomUnit(8, next))),
    };
    const stripes = Array.from({ length: 6 }, () => endless);
    const queries = Array.from({ length: 16 }, () => randomUnit(8, next));
    const pool = await gather(stripes, queries, { rounds: 8, residualSign: 'both', opposite: true });
    expect(pool.collected.length + pool.collapsed).toBeGreaterThan(3000);
    expect(pool.collected.length).toBeLessThanOrEqual(4000);
  });

  it('passes on what the index fails with', async () => {
    const broken: Index = { query: async () => Promise.reject(new Error('index is down')) };
    await expect(gather([broken], [unit([1, 0])])).rejects.toThrow('index is down');
  });
});
