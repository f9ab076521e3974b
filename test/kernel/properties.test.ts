// Properties of every selection, over random shapes, and agreement with the float64 reference. A failure prints its seed.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildKernel } from '../../assembly/build.ts';
import { type Kernel, type Problem, type Selection, toQ15 } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { at } from '../../wire/list.ts';
import { seededRandom as random } from '../../wire/random.ts';
import { type ReferenceProblem, reference, unitRows } from './reference.ts';

let simd: Kernel;
let scalar: Kernel;
beforeAll(async () => {
  await buildKernel();
  simd = await loadKernel('sift.wasm');
  scalar = await loadKernel('sift-scalar.wasm');
});

const select = (problem: Problem, kernel = simd): Selection => {
  const result = kernel.select(problem);
  if (!result.ok) throw new Error(JSON.stringify(result.fault));
  return result.value;
};

const shape = fc.record({
  seed: fc.integer({ min: 1, max: 1e9 }),
  K: fc.integer({ min: 1, max: 60 }),
  d: fc.integer({ min: 1, max: 70 }),
  m: fc.constantFrom(1, 1, 3),
  picks: fc.integer({ min: 1, max: 80 }),
  lambda: fc.constantFrom(1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10),
  repeat: fc.boolean(),
  degree: fc.constantFrom(1, 1, 2, 3, 6, 16),
  uneven: fc.boolean(),
});
interface Shape {
  seed: number;
  K: number;
  d: number;
  m: number;
  picks: number;
  lambda: number;
  repeat: boolean;
  degree?: number;
  /** Rows of lengths from a half to one, in place of unit length. */
  uneven?: boolean;
}

/** Each row times a factor from a half to one. */
const shortened = (rows: Float32Array, d: number, seed: number): Float32Array => {
  const u = random(seed);
  const factors = Array.from({ length: rows.length / d }, () => 0.5 + 0.5 * u());
  return rows.map((value, i) => value * at(factors, Math.floor(i / d)));
};

const problemOf = ({
  seed,
  K,
  d,
  m,
  picks,
  lambda,
  repeat,
  degree = 1,
  uneven = false,
}: Shape): Problem & { degree: number } => ({
  rows: uneven ? shortened(unitRows(seed, K, d), d, seed + 3) : unitRows(seed, K, d),
  queries: unitRows(seed + 1, m, d, 1.5),
  dimensions: d,
  picks,
  lambda,
  repeat,
  degree,
});

/** A power p carries p times its base's relative rounding, 2^-24 in float32; 16 for the sums over dimensions and picks. */
const rounding = (degree: number): number => 16 * degree * 2 ** -24;

/**
 * A candidate's c carries float32's rounding of the columns L times y, and y² is a gain: so its score c²/(v + λ) is moved
 * by 2·rounding/√λ of the largest gain at most. Relative to the gains, which at degree 16 may be 1e-9.
 */
const nearTie = ({ lambda, degree = 1 }: ReferenceProblem): number => (2 * rounding(degree)) / Math.sqrt(lambda);

/** The picks' own figures are float64, and cond(K + λI) ≤ N/λ ≤ 1e8: half of its digits are lost at most. */
const FIGURES = 1e-7;

const off = (value: number | undefined, expected: number | undefined): number =>
  Math.abs((value ?? Number.NaN) - (expected ?? Number.NaN));

/** The figures agree as long as the picks do; at the first different pick the reference must have had a near tie. */
const agrees = (selection: Selection, problem: ReferenceProblem): void => {
  const expected = reference(problem);
  const top = Math.max(0, ...expected.gains);
  for (const [n, sigma2] of expected.variances.entries()) {
    if (selection.picks[n] !== expected.picks[n]) {
      expect(expected.gaps[n]).toBeLessThan(nearTie(problem) * top);
      return;
    }
    expect(off(selection.variances[n], sigma2)).toBeLessThan(FIGURES * sigma2 + 1e-12 * selection.initialVariance);
    expect(off(selection.gains[n], expected.gains[n])).toBeLessThan(FIGURES * top);
    expect(off(selection.covariances[n], expected.covariances[n])).toBeLessThan(FIGURES * Math.sqrt(top));
  }
  expect(selection.picks.length).toBe(expected.picks.length);
};

/** What the kernel sees of a problem in Q15: rows as they are, each query quantised, and at its own length again. */
const quantised = (problem: Problem): { seen: Problem; exact: ReferenceProblem } => {
  const { dimensions: d } = problem;
  const rows = toQ15(problem.rows);
  const queries: number[] = [];
  for (let at = 0; at < problem.queries.length; at += d) {
    const query = problem.queries.subarray(at, at + d);
    const norm = Math.sqrt(query.reduce((sum, value) => sum + value * value, 0));
    const rounded = toQ15(query.map((one) => one / norm));
    const length = Math.sqrt(rounded.reduce((sum, value) => sum + value * value, 0));
    for (const value of rounded) queries.push((norm * value) / length);
  }
  return {
    seen: { ...problem, rows },
    exact: { ...problem, rows: Array.from(rows, (value) => value / 32767), queries },
  };
};

describe('select, against float64', () => {
  it('picks what the reference picks, in float32', () => {
    fc.assert(
      fc.property(shape, (s) => agrees(select(problemOf(s)), problemOf(s))),
      { numRuns: 200 },
    );
  });

  it('picks what the reference picks without SIMD', () => {
    fc.assert(
      fc.property(shape, (s) => agrees(select(problemOf(s), scalar), problemOf(s))),
      { numRuns: 100 },
    );
  });

  it('in Q15 is exact SIFT on the quantised vectors', () => {
    fc.assert(
      fc.property(shape, (s) => {
        const { seen, exact } = quantised(problemOf(s));
        agrees(select(seen), exact);
        agrees(select(seen, scalar), exact);
      }),
      { numRuns: 100 },
    );
  });

  it('in Q15 makes the same first pick, with the same bits, with and without SIMD', () => {
    fc.assert(
      fc.property(shape, (s) => {
        const problem = { ...problemOf(s), rows: toQ15(problemOf(s).rows) };
        const [a, b] = [select(problem), select(problem, scalar)];
        expect(at(b.picks, 0)).toBe(at(a.picks, 0));
        expect(at(b.variances, 0)).toBe(at(a.variances, 0));
      }),
      { numRuns: 60 },
    );
  });

  it.each([1, 6])('in Q15 keeps at least 0.999 of the exact reduction, at degree %d', (degree) => {
    for (let seed = 1; seed <= 10; seed++) {
      const problem = problemOf({ seed, K: 200, d: 96, m: 1, picks: 30, lambda: 0.01, repeat: true, degree });
      const exact = select(problem);
      const quantised = select({ ...problem, rows: toQ15(problem.rows) });
      const reduction = (s: Selection): number => s.initialVariance - (s.variances.at(-1) ?? 0);
      expect(reduction(quantised)).toBeGreaterThan(0.999 * reduction(exact));
    }
  });

  it('never lets σ² rise, and each gain is its drop', () => {
    fc.assert(
      fc.property(shape, (s) => {
        const { initialVariance, variances, gains } = select(problemOf(s));
        let before = initialVariance;
        for (const [n, sigma2] of variances.entries()) {
          expect(sigma2).toBeLessThanOrEqual(before);
          expect(sigma2).toBeGreaterThanOrEqual(0);
          expect(before - sigma2).toBeCloseTo(gains[n] ?? Number.NaN, 10);
          before = sigma2;
        }
      }),
      { numRuns: 100 },
    );
  });

  it('does not depend on the order of the candidates', () => {
    fc.assert(
      fc.property(shape, (s) => {
        const problem = problemOf(s);
        const { dimensions: d } = problem;
        const u = random(s.seed);
        const order = Array.from({ length: s.K }, (_, i) => i).sort(() => u() - 0.5);
        const rows = new Float32Array(problem.rows.length);
        for (const [to, from] of order.entries()) rows.set(problem.rows.subarray(from * d, (from + 1) * d), to * d);
        const a = select(problem);
        const b = select({ ...problem, rows });
        for (const [n, pick] of a.picks.entries()) {
          if (order[b.picks[n] ?? -1] !== pick) {
            expect(reference(problem).gaps[n]).toBeLessThan(1e-6 * Math.max(...a.gains));
            return;
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('r·φ(x) is the posterior covariance for every x, in the pool or not', () => {
    fc.assert(
      fc.property(shape, (s) => {
        const problem = problemOf({ ...s, repeat: true, degree: 1 });
        const { dimensions: d } = problem;
        const outside = unitRows(s.seed + 2, 5, d);
        const { picks, residual } = select(problem);
        // the expected covariance is conditioned on the kernel's own picks
        const V = picks.map((pick) => problem.rows.subarray(pick * d, (pick + 1) * d));
        for (const rows of [problem.rows, outside]) {
          for (let x = 0; x < rows.length / d; x++) {
            const row = rows.subarray(x * d, (x + 1) * d);
            for (let t = 0; t < s.m; t++) {
              const q = problem.queries.subarray(t * d, (t + 1) * d);
              const r = residual.subarray(t * d, (t + 1) * d);
              const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => {
                let sum = 0;
                for (let i = 0; i < d; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
                return sum;
              };
              expect(dot(r, row)).toBeCloseTo(posteriorCovariance(V, q, row, s.lambda, dot), 4);
            }
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});

/** k_S(q,x) by conditioning on the picks one after another. */
const posteriorCovariance = (
  V: ArrayLike<number>[],
  q: ArrayLike<number>,
  x: ArrayLike<number>,
  lambda: number,
  dot: (a: ArrayLike<number>, b: ArrayLike<number>) => number,
): number => {
  const all = [...V, q, x];
  let k = all.map((a) => all.map((b) => dot(a, b)));
  for (let s = 0; s < V.length; s++) {
    const ks = k.map((row) => row[s] ?? 0);
    const denominator = (ks[s] ?? 0) + lambda;
    k = k.map((row, i) => row.map((value, j) => value - ((ks[i] ?? 0) * (ks[j] ?? 0)) / denominator));
  }
  return k[V.length]?.[V.length + 1] ?? Number.NaN;
};

describe('select, at the edges', () => {
  it('weighs a candidate by its own variance and λ from the first pick on', () => {
    // scores c²/(v + λ): the first row's is 0.1² / (0.1² + 0.1), the second's 0.9² / (1 + 0.1)
    const rows = Float32Array.of(0.1, 0, 0.9, Math.sqrt(1 - 0.9 ** 2));
    const problem = { queries: Float32Array.of(1, 0), dimensions: 2, picks: 1, lambda: 0.1, repeat: false };
    for (const kernel of [simd, scalar]) {
      expect(select({ ...problem, rows }, kernel).picks).toEqual([1]);
      expect(select({ ...problem, rows: toQ15(rows) }, kernel).picks).toEqual([1]);
    }
  });

  it('of 1,000 exact duplicates picks the lowest index first, or alone where repeats are allowed', () => {
    const d = 48;
    const row = unitRows(5, 1, d);
    const rows = new Float32Array(1_000 * d);
    for (let i = 0; i < 1_000; i++) rows.set(row, i * d);
    const { picks } = select({ rows, queries: row, dimensions: d, picks: 20, lambda: 0.01, repeat: true });
    expect(picks).toEqual(Array(20).fill(0));
    const once = select({ rows, queries: row, dimensions: d, picks: 20, lambda: 0.01, repeat: false });
    expect(once.picks).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it('never picks a zero vector, and ends when no candidate lowers σ²', () => {
    const d = 8;
    const rows = new Float32Array(5 * d);
    rows[2 * d] = 1;
    const q = new Float32Array(d);
    q[0] = 1;
    const { picks, stop } = select({ rows, queries: q, dimensions: d, picks: 4, lambda: 0.1, repeat: false });
    expect([picks, stop]).toEqual([[2], 'exhausted']);
    const nothing = select({
      rows: new Float32Array(3 * d),
      queries: q,
      dimensions: d,
      picks: 4,
      lambda: 0.1,
      repeat: true,
    });
    expect(nothing).toMatchObject({ picks: [], gains: [], initialVariance: 1, stop: 'exhausted' });
    expect(nothing.residual).toEqual(q);
  });

  it('never lets rounding take σ² below zero or a gain above σ², with rows that explain the prompt entirely', () => {
    // rows parallel to the prompt: the first pick explains it, and leaves σ² far below float64's rounding of it
    const u = random(3);
    for (let trial = 0; trial < 300; trial++) {
      const queries = Float32Array.from({ length: 3 }, () => u() - 0.5);
      const rows = Float32Array.from(
        [20, 22, 24].flatMap((power) => Array.from(queries, (value) => value * 2 ** power)),
      );
      const problem = { queries, dimensions: 3, picks: 4, lambda: 1e-6, repeat: true };
      for (const kernel of [simd, scalar]) {
        const { initialVariance, variances, gains } = select({ ...problem, rows }, kernel);
        let before = initialVariance;
        for (const [n, sigma2] of variances.entries()) {
          expect(sigma2).toBeGreaterThanOrEqual(0);
          expect(at(gains, n)).toBeLessThanOrEqual(before);
          before = sigma2;
        }
        expect(before).toBeLessThan(1e-12);
      }
    }
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])(
    'goes on picking where rounding takes a variance below zero (candidate %d)',
    (place) => {
      // a long row and a small λ: after the first pick its variance is λ, far below float32's rounding of its length
      for (let seed = 1; seed <= 20; seed++) {
        const row = unitRows(seed, 1, 5).map((value) => 1e4 * value);
        const rows = new Float32Array(8 * 5);
        rows.set(row, place * 5);
        const problem = {
          rows,
          queries: unitRows(seed + 50, 1, 5),
          dimensions: 5,
          picks: 6,
          lambda: 1e-6,
          repeat: true,
        };
        for (const kernel of [simd, scalar]) {
          const { picks, stop } = select(problem, kernel);
          expect({ picks, stop }).toEqual({ picks: Array(6).fill(place), stop: 'count' });
        }
      }
    },
  );

  it.each([1e-6, 1e-4, 1e-2, 1, 10])('keeps σ² to float64 at λ = %d', (lambda) => {
    const problem = problemOf({ seed: 11, K: 40, d: 33, m: 1, picks: 30, lambda, repeat: true });
    agrees(select(problem), problem);
  });

  it('with one candidate repeats it', () => {
    const problem = problemOf({ seed: 3, K: 1, d: 5, m: 1, picks: 4, lambda: 0.5, repeat: true });
    expect(select(problem).picks).toEqual([0, 0, 0, 0]);
    expect(select({ ...problem, repeat: false })).toMatchObject({ picks: [0], stop: 'exhausted' });
  });

  it('with repeats forbidden picks every candidate at most once, N > K', () => {
    const problem = problemOf({ seed: 4, K: 7, d: 40, m: 1, picks: 20, lambda: 0.01, repeat: false });
    const { picks, stop } = select(problem);
    expect([...picks].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(stop).toBe('exhausted');
  });

  it('sums the objective over several queries', () => {
    const problem = problemOf({ seed: 5, K: 50, d: 30, m: 3, picks: 12, lambda: 0.05, repeat: true });
    agrees(select(problem), problem);
    expect(select(problem).residual.length).toBe(3 * 30);
  });

  it('stops before the first n with σ_n > 1/(alpha·n), and keeps the picks before it', () => {
    let stopped = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const problem = { ...problemOf({ seed, K: 60, d: 40, m: 1, picks: 50, lambda: 0.1, repeat: true }), alpha: 0.35 };
      const selection = select(problem);
      expect(selection.picks).toEqual(reference(problem).picks);
      const n = selection.picks.length;
      if (selection.stop !== 'alpha') continue;
      stopped += 1;
      const further = select({ ...problem, alpha: 1e-9 }).variances;
      expect(Math.sqrt(further[n] ?? 0)).toBeGreaterThan(1 / (0.35 * (n + 1)));
    }
    expect(stopped).toBeGreaterThan(5);
  });

  it('takes 10,000 candidates of 1,536 dimensions and 200 picks', () => {
    const d = 1536;
    const K = 10_000;
    const u = random(9);
    const rows = new Int16Array(K * d).map(() => Math.round((u() - 0.5) * 1200));
    const queries = unitRows(2, 1, d);
    const { picks, variances, initialVariance } = select({
      rows,
      queries,
      dimensions: d,
      picks: 200,
      lambda: 0.1,
      repeat: true,
    });
    expect(picks.length).toBe(200);
    expect(variances.at(-1)).toBeLessThan(initialVariance);
  });
});

describe('select, given an invalid problem', () => {
  const good: Problem = problemOf({ seed: 1, K: 10, d: 6, m: 1, picks: 3, lambda: 0.1, repeat: true });
  const spoilt = (values: Float32Array, index: number, value: number): Float32Array => {
    const copy = values.slice();
    copy[index] = value;
    return copy;
  };

  it.each([
    [
      'rows with NaN',
      { rows: spoilt(good.rows as Float32Array, 13, Number.NaN) },
      { kind: 'bad_vector', param: 'rows', index: 13, value: 'NaN' },
    ],
    [
      'queries with ∞',
      { queries: spoilt(good.queries, 2, Number.POSITIVE_INFINITY) },
      { kind: 'bad_vector', param: 'queries', index: 2, value: 'Infinity' },
    ],
    [
      'rows and queries with NaN, naming the rows,',
      { rows: spoilt(good.rows as Float32Array, 5, Number.NaN), queries: spoilt(good.queries, 0, Number.NaN) },
      { kind: 'bad_vector', param: 'rows', index: 5 },
    ],
    ['no candidates', { rows: new Float32Array() }, { kind: 'bad_field', param: 'rows' }],
    ['no query', { queries: new Float32Array() }, { kind: 'bad_field', param: 'queries' }],
    ['a ragged row', { rows: new Float32Array(13) }, { kind: 'bad_field', param: 'rows' }],
    ['a ragged query', { queries: new Float32Array(7) }, { kind: 'bad_field', param: 'queries' }],
    ['no picks', { picks: 0 }, { kind: 'bad_field', param: 'n' }],
    ['half a pick', { picks: 1.5 }, { kind: 'bad_field', param: 'n' }],
    ['λ = 0', { lambda: 0 }, { kind: 'bad_field', param: 'lambda' }],
    ['λ = NaN', { lambda: Number.NaN }, { kind: 'bad_field', param: 'lambda' }],
    ['alpha = −1', { alpha: -1 }, { kind: 'bad_field', param: 'alpha' }],
    ['more picks than memory', { picks: 5000 }, { kind: 'bad_field', param: 'rows' }],
  ] as const)('refuses %s and goes on working', (_, change, fault) => {
    expect(simd.select({ ...good, ...change })).toMatchObject({ ok: false, fault });
    expect(simd.select(good).ok).toBe(true);
  });

  it('reports NaN queries over Q15 rows too', () => {
    const queries = spoilt(good.queries, 1, Number.NaN);
    expect(simd.select({ ...good, rows: toQ15(good.rows), queries })).toMatchObject({
      ok: false,
      fault: { kind: 'bad_vector', param: 'queries', index: 1 },
    });
  });

  it('gives the same answer after a large problem as before it', () => {
    const before = select(good);
    select(problemOf({ seed: 2, K: 500, d: 64, m: 3, picks: 40, lambda: 0.1, repeat: true }));
    expect(select(good)).toEqual(before);
  });
});
