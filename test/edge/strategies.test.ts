import { beforeAll, describe, expect, it } from 'vitest';
import type { Kernel } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { toQ15 } from '../../functions/kernel/q15.ts';
import { posterior } from '../../functions/select/posterior.ts';
import { selectionOptions } from '../../functions/select/schema.ts';
import { selectFromCandidates, selectFromCorpus } from '../../functions/select/select.ts';
import { choose } from '../../functions/select/strategies.ts';
import { indexOf, random, randomUnit, unit } from './vectors.ts';

let kernel: Kernel;
beforeAll(async () => {
  kernel = await loadKernel();
});

const flatten = (rows: readonly Float32Array[]): Float32Array => Float32Array.from(rows.flatMap((row) => [...row]));
const options = (given: object = {}) => selectionOptions.parse(given);

describe('the figures of a given order', () => {
  it('are the kernel’s own, for the order that the kernel chose', () => {
    const next = random(11);
    for (const m of [1, 3]) {
      const rows = Array.from({ length: 60 }, () => randomUnit(20, next));
      const queries = Array.from({ length: m }, () => randomUnit(20, next));
      const problem = { rows: flatten(rows), queries: flatten(queries), dimensions: 20, picks: 12, lambda: 0.05 };
      const selected = kernel.select({ ...problem, repeat: true });
      if (!selected.ok) throw new Error('the kernel refused');
      const order = selected.value.picks.map((i) => rows[i] ?? new Float32Array(20));
      const given = posterior(order, queries, 0.05);
      expect(given.initialVariance).toBeCloseTo(selected.value.initialVariance, 6);
      for (const [i, variance] of selected.value.variances.entries()) {
        expect(given.variances[i]).toBeCloseTo(variance, 6);
        expect(given.gains[i]).toBeCloseTo(selected.value.gains[i] ?? Number.NaN, 6);
        expect(given.covariances[i]).toBeCloseTo(selected.value.covariances[i] ?? Number.NaN, 6);
      }
    }
  });
});

describe('strategies', () => {
  const rows = [unit([1, 0.1, 0]), unit([1, 0.12, 0]), unit([0.5, 0, 1]), unit([0, 1, 0])];
  const choice = { rows: flatten(rows), queries: [unit([1, 0.1, 0.4])], dimensions: 3, noise: 0.01 };
  const select = (problem: Parameters<Kernel['select']>[0]) => kernel.select(problem);
  const picks = (given: object) => {
    const chosen = choose(choice, options(given), select);
    return chosen.ok ? [...chosen.value.picks] : chosen.fault;
  };

  it('nn takes the nearest, each once, and says when there are no more', () => {
    expect(picks({ strategy: 'nn', n: 2 })).toEqual([0, 1]);
    const all = choose(choice, options({ strategy: 'nn', n: 10 }), select);
    expect(all.ok && [all.value.picks.length, all.value.stop]).toEqual([4, 'exhausted']);
  });

  it('mmr takes what is unlike the picks before', () => {
    expect(picks({ strategy: 'mmr', n: 2 })).not.toContain(1);
    expect(picks({ strategy: 'mmr', n: 4, mmr_lambda: 1 })).toEqual(picks({ strategy: 'nn', n: 4 }));
  });

  it('sift ends lower than the nearest neighbours', () => {
    const final = (strategy: string) => {
      const chosen = choose(choice, options({ strategy, n: 2 }), select);
      return chosen.ok ? (chosen.value.variances.at(-1) ?? 1) : 1;
    };
    expect(final('sift')).toBeLessThan(final('nn'));
  });

  it('agree between float rows and Q15 rows', () => {
    const q15 = { ...choice, rows: toQ15(choice.rows) };
    for (const strategy of ['sift', 'nn', 'mmr']) {
      const a = choose(choice, options({ strategy, n: 3 }), select);
      const b = choose(q15, options({ strategy, n: 3 }), select);
      expect(a.ok && a.value.picks).toEqual(b.ok && b.value.picks);
      expect(a.ok && a.value.variances.at(-1)).toBeCloseTo((b.ok && b.value.variances.at(-1)) || Number.NaN, 3);
    }
  });
});

describe('a selection', () => {
  const next = random(21);
  const rows = Array.from({ length: 500 }, () => randomUnit(16, next));
  const q = randomUnit(16, next);
  const deps = (fetchText = async () => 'from R2') => ({
    stripes: [indexOf(rows)],
    select: (problem: Parameters<Kernel['select']>[0]) => kernel.select(problem),
    fetchText,
  });

  it('reports a variance that never rises and ends where it says', async () => {
    const selection = await selectFromCorpus('c', deps(), [q], options({ n: 20 }));
    const sigma2 = selection.picks.map((pick) => pick.sigma2);
    expect(selection.sigma2.initial).toBeCloseTo(1, 3);
    expect([...sigma2].sort((a, b) => b - a)).toEqual(sigma2);
    expect(sigma2.at(-1)).toBe(selection.sigma2.final);
    expect(selection.picks.every((pick) => pick.text === `text ${pick.id}`)).toBe(true);
  });

  it('does not care how long the prompt’s vector is when it comes to a corpus', async () => {
    const long = q.map((value) => 7 * value);
    const a = await selectFromCorpus('c', deps(), [q], options());
    const b = await selectFromCorpus('c', deps(), [long], options());
    expect(b.picks.map(({ id }) => id)).toEqual(a.picks.map(({ id }) => id));
    expect(b.sigma2.final).toBeCloseTo(a.sigma2.final, 5);
  });

  it('scales λ with the largest squared norm of candidates sent by the caller', () => {
    const select = deps().select;
    const sent = (scale: number) =>
      rows.map((row, i) => ({ id: String(i), vector: row.map((value) => scale * value) }));
    const a = selectFromCandidates(sent(1), [q], options(), select);
    const b = selectFromCandidates(sent(10), [q.map((value) => 10 * value)], options(), select);
    expect(a.lambda).toBe(0.01);
    expect(b.lambda).toBeCloseTo(1, 3);
    expect(b.picks.map(({ index }) => index)).toEqual(a.picks.map(({ index }) => index));
    expect(b.sigma2.final).toBeCloseTo(100 * a.sigma2.final, 3);
  });

  it.each([1e-12, 1e-3, 1e3, 1e12])('chooses the same, in their units, of candidates %s times as long', (scale) => {
    const select = deps().select;
    const sent = (times: number) => rows.map((row, i) => ({ id: `${i}`, vector: row.map((value) => times * value) }));
    const given = options();
    const a = selectFromCandidates(sent(1), [q], { ...given, alpha: 0.5 }, select);
    const b = selectFromCandidates(
      sent(scale),
      [q.map((value) => scale * value)],
      { ...given, alpha: 0.5 / scale },
      select,
    );
    expect(b.picks.map(({ index }) => index)).toEqual(a.picks.map(({ index }) => index));
    expect(b.stop).toBe(a.stop);
    for (const figure of ['score', 'similarity', 'covariance', 'sigma2'] as const) {
      for (const [i, pick] of b.picks.entries()) {
        expect(pick[figure] / scale ** 2).toBeCloseTo(a.picks[i]?.[figure] ?? Number.NaN, 5);
      }
    }
    expect(b.lambda / scale ** 2).toBeCloseTo(0.01, 5);
  });

  it('warns when λ is too small for float32, and when there is nothing to pick from', async () => {
    expect((await selectFromCorpus('c', deps(), [q], options({ lambda: 1e-5 }))).warnings.join()).toContain('0.00001');
    const empty = await selectFromCorpus('c', { ...deps(), stripes: [indexOf([])] }, [q], options());
    expect([empty.picks, empty.stop, empty.warnings.length]).toEqual([[], 'exhausted', 1]);
    expect(empty.sigma2).toEqual({ initial: 1, final: 1 });
  });

  it('stops by alpha, and forbids repeats when asked', async () => {
    const stopped = await selectFromCorpus('c', deps(), [q], options({ n: 50, alpha: 1e9 }));
    expect([stopped.stop, stopped.picks.length]).toEqual(['alpha', 0]);
    const once = await selectFromCorpus('c', deps(), [q], options({ n: 50, repeat: false, lambda: 1 }));
    expect(new Set(once.picks.map(({ id }) => id)).size).toBe(once.picks.length);
  });

  it('fetches a long text once, however often it is picked', async () => {
    let fetched = 0;
    const inner = indexOf([unit([1, 0])]);
    const bare = {
      query: async (v: Float32Array, k: number) => (await inner.query(v, k)).map(({ text, ...rest }) => rest),
    };
    const fetchText = async () => {
      fetched += 1;
      return 'from R2';
    };
    const stripes = [bare];
    const selection = await selectFromCorpus(
      'c',
      { ...deps(fetchText), stripes },
      [unit([1, 0.2])],
      options({ n: 3, lambda: 1 }),
    );
    expect(selection.picks.map(({ text }) => text)).toEqual(['from R2', 'from R2', 'from R2']);
    expect(fetched).toBe(1);
  });
});
