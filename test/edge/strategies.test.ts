import { beforeAll, describe, expect, it } from 'vitest';
import type { Kernel } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { toQ15 } from '../../functions/kernel/q15.ts';
import { selectFromCandidates } from '../../functions/select/candidates.ts';
import { posterior } from '../../functions/select/posterior.ts';
import { type CorpusDeps, selectFromCorpus } from '../../functions/select/select.ts';
import { choose } from '../../functions/select/strategies.ts';
import { dot, normalise } from '../../functions/vectors/algebra.ts';
import { selectionOptions } from '../../wire/api/select.ts';
import { unwrap } from '../../wire/faults.ts';
import { at } from '../../wire/list.ts';
import { seededRandom as random } from '../../wire/random.ts';
import { indexOf, randomUnit, unit } from './vectors.ts';

let kernel: Kernel;
beforeAll(async () => {
  kernel = await loadKernel();
});

const flatten = (rows: readonly Float32Array[]): Float32Array => Float32Array.from(rows.flatMap((row) => [...row]));
const options = (given: object = {}) => selectionOptions.parse(given);

describe('the figures of a given order', () => {
  it.each([1, 6])('are the kernel’s own, for the order that the kernel chose, at degree %d', (degree) => {
    const next = random(11);
    // about one centre, so that cosines are large and their sixth powers too
    const centre = randomUnit(20, next);
    const near = () => {
      const noise = randomUnit(20, next);
      return normalise(centre.map((value, i) => value + 0.6 * (noise[i] ?? 0)));
    };
    for (const m of [1, 3]) {
      const rows = Array.from({ length: 60 }, near);
      const queries = Array.from({ length: m }, near);
      const problem = { rows: flatten(rows), queries: flatten(queries), dimensions: 20, picks: 12, lambda: 0.05 };
      const selected = kernel.select({ ...problem, repeat: true, degree });
      if (!selected.ok) throw new Error('the kernel refused');
      expect(selected.value.picks.length).toBe(12);
      const order = selected.value.picks.map((i) => rows[i] ?? new Float32Array(20));
      const given = posterior(order, queries, 0.05, degree);
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
    const all = unwrap(choose(choice, options({ strategy: 'nn', n: 10 }), select));
    expect([all.picks.length, all.stop]).toEqual([4, 'exhausted']);
  });

  it('mmr takes what is unlike the picks before', () => {
    expect(picks({ strategy: 'mmr', n: 2 })).not.toContain(1);
    expect(picks({ strategy: 'mmr', n: 4, mmr_lambda: 1 })).toEqual(picks({ strategy: 'nn', n: 4 }));
  });

  it('sift ends lower than the nearest neighbours', () => {
    const final = (strategy: string) => {
      return at(unwrap(choose(choice, options({ strategy, n: 2 }), select)).variances, 1);
    };
    expect(final('sift')).toBeLessThan(final('nn'));
  });

  it('agree between float rows and Q15 rows', () => {
    const q15 = { ...choice, rows: toQ15(choice.rows) };
    for (const strategy of ['sift', 'nn', 'mmr']) {
      const a = unwrap(choose(choice, options({ strategy, n: 3 }), select));
      const b = unwrap(choose(q15, options({ strategy, n: 3 }), select));
      expect(a.picks.length).toBe(3);
      expect(a.picks).toEqual(b.picks);
      expect(at(a.variances, 2)).toBeCloseTo(at(b.variances, 2), 3);
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
    const variances = selection.picks.map((pick) => pick.variance);
    expect(selection.initialVariance).toBeCloseTo(1, 3);
    expect([...variances].sort((a, b) => b - a)).toEqual(variances);
    expect(variances.at(-1)).toBe(selection.finalVariance);
    expect(selection.picks.every((pick) => pick.text === `text ${pick.id}`)).toBe(true);
  });

  it('does not depend on the length of the prompt’s vector when selecting from a corpus', async () => {
    const long = q.map((value) => 7 * value);
    const a = await selectFromCorpus('c', deps(), [q], options());
    const b = await selectFromCorpus('c', deps(), [long], options());
    expect(b.picks.map(({ id }) => id)).toEqual(a.picks.map(({ id }) => id));
    expect(b.finalVariance).toBeCloseTo(a.finalVariance, 5);
  });

  it.each(['sift', 'nn', 'mmr'] as const)('%s leaves out candidates below min_similarity', async (strategy) => {
    const all = await selectFromCorpus('c', deps(), [q], options({ strategy, n: 150 }));
    const least = all.picks.map(({ similarity }) => similarity).sort((a, b) => b - a)[12] ?? 1;
    const some = await selectFromCorpus('c', deps(), [q], options({ strategy, n: 150, min_similarity: least }));
    expect(some.picks.length).toBe(13);
    expect(Math.min(...some.picks.map(({ similarity }) => similarity))).toBeGreaterThanOrEqual(least);
    expect(some.stop).toBe('exhausted');
    // the figures are those of the picks alone
    const kept = new Set(some.picks.map(({ id }) => id));
    const alone = rows.flatMap((vector, i) => (kept.has(`${i}`) ? [{ id: `${i}`, vector }] : []));
    const again = selectFromCandidates(alone, [q], options({ strategy, n: 150 }), deps().select);
    expect(again.picks.map(({ id }) => id)).toEqual(some.picks.map(({ id }) => id));
    expect(again.finalVariance).toBeCloseTo(some.finalVariance, 3);
  });

  it('warns when no candidate reaches min_similarity, in the units of the vectors sent', async () => {
    const none = await selectFromCorpus('c', deps(), [q], options({ min_similarity: 0.99 }));
    expect([none.picks, none.stop, none.finalVariance]).toEqual([[], 'exhausted', none.initialVariance]);
    expect(none.warnings).toEqual(['no candidate reaches min_similarity 0.99']);
    const long = q.map((value) => 10 * value);
    const count = (min_similarity: number) =>
      selectFromCandidates(sent(10), [long], options({ n: 150, min_similarity }), deps().select).picks.length;
    const expected = rows.filter((row) => dot(row, q) >= 0.5).length;
    expect(expected).toBeGreaterThan(0);
    expect(count(50)).toBe(expected);
  });

  const sent = (times: number) => rows.map((row, i) => ({ id: `${i}`, vector: row.map((value) => times * value) }));

  it.each([
    [1, 100],
    [6, 1e12],
  ])('scales λ with the largest k(x,x) of candidates sent by the caller, at degree %d', (degree, factor) => {
    const select = deps().select;
    const given = options({ degree, lambda: 0.01 });
    const a = selectFromCandidates(sent(1), [q], given, select);
    const b = selectFromCandidates(sent(10), [q.map((value) => 10 * value)], given, select);
    expect(a.lambda).toBe(0.01);
    expect(b.lambda / factor).toBeCloseTo(0.01, 5);
    expect([a.degree, b.degree]).toEqual([degree, degree]);
    expect(b.picks.map(({ index }) => index)).toEqual(a.picks.map(({ index }) => index));
    expect(b.finalVariance / factor).toBeCloseTo(a.finalVariance, 5);
  });

  it.each([1, 6].flatMap((degree) => [1e-12, 1e-3, 1e3, 1e12].map((scale) => [degree, scale] as const)))(
    'at degree %d chooses the same, in their units, of candidates %s times as long',
    (degree, scale) => {
      const select = deps().select;
      const given = options({ degree, lambda: 0.3 });
      const factor = scale ** (2 * degree);
      const alpha = degree === 1 ? 0.5 : 0.3;
      const a = selectFromCandidates(sent(1), [q], { ...given, alpha }, select);
      const b = selectFromCandidates(
        sent(scale),
        [q.map((value) => scale * value)],
        { ...given, alpha: alpha / Math.sqrt(factor) },
        select,
      );
      // neither at once nor never, so that a rule in the wrong units would stop elsewhere
      expect([a.stop, a.picks.length]).toEqual(['alpha', 3]);
      expect([b.stop, b.picks.map(({ index }) => index)]).toEqual([a.stop, a.picks.map(({ index }) => index)]);
      for (const [i, pick] of b.picks.entries()) {
        const { gain, similarity, covariance, variance } = at(a.picks, i);
        expect(pick.similarity / scale ** 2 / similarity).toBeCloseTo(1, 5);
        expect(pick.gain / factor / gain).toBeCloseTo(1, 5);
        expect(pick.covariance / factor / covariance).toBeCloseTo(1, 5);
        expect(pick.variance / factor / variance).toBeCloseTo(1, 5);
      }
      expect(b.initialVariance / factor).toBeCloseTo(1, 5);
      expect(b.lambda / factor).toBeCloseTo(0.3, 5);
    },
  );

  it.each([1e-12, 1e12])('refuses candidates %s times as long at a degree that leaves float64', (scale) => {
    const given = options({ degree: 16 });
    const ask = () => selectFromCandidates(sent(scale), [q.map((value) => scale * value)], given, deps().select);
    expect(ask).toThrow(/^candidates: have, with the prompt, squared lengths up to \S+: to the power of 16/);
  });

  it('asks further rounds with the residual of degree 1 and of a λ of 1 at most, and selects as it was told', async () => {
    const asked: { degree: number; lambda: number }[] = [];
    const watched: CorpusDeps = {
      ...deps(),
      select: (problem) => {
        asked.push({ degree: problem.degree ?? 1, lambda: problem.lambda });
        return kernel.select(problem);
      },
    };
    await selectFromCorpus('c', watched, [q], options({ degree: 6, lambda: 5 }));
    expect(asked).toEqual([
      { degree: 1, lambda: 1 },
      { degree: 1, lambda: 1 },
      // what all candidates could remove, and what the picks do
      { degree: 6, lambda: 5 },
      { degree: 6, lambda: 5 },
    ]);
  });

  it('warns when λ is too small for float32, and when there is nothing to pick from', async () => {
    expect((await selectFromCorpus('c', deps(), [q], options({ lambda: 1e-5 }))).warnings.join()).toContain('0.00001');
    const empty = await selectFromCorpus('c', { ...deps(), stripes: [indexOf([])] }, [q], options());
    expect([empty.picks, empty.stop, empty.warnings.length]).toEqual([[], 'exhausted', 1]);
    expect([empty.initialVariance, empty.finalVariance]).toEqual([1, 1]);
  });

  it('stops by alpha, and forbids repeats when asked', async () => {
    const stopped = await selectFromCorpus('c', deps(), [q], options({ n: 50, alpha: 1e9 }));
    expect([stopped.stop, stopped.picks.length]).toEqual(['alpha', 0]);
    const distinct = async (repeat: boolean) => {
      const given = options({ n: 50, degree: 1, lambda: 1, repeat });
      return new Set((await selectFromCorpus('c', deps(), [q], given)).picks.map(({ id }) => id)).size;
    };
    expect(await distinct(false)).toBe(50);
    expect(await distinct(true)).toBeLessThan(50);
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
      options({ n: 3, lambda: 1, repeat: true }),
    );
    expect(selection.picks.map(({ text }) => text)).toEqual(['from R2', 'from R2', 'from R2']);
    expect(fetched).toBe(1);
  });
});
