// What the kernel's degree p does, k(x,y) = (φ(x)·φ(y))^p, and which degrees are refused. That the figures are right is tested
// in properties.test.ts.
import { beforeAll, describe, expect, it } from 'vitest';
import { buildKernel } from '../../assembly/build.ts';
import { type Kernel, type Problem, type Selection, toQ15 } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { unitRows } from './reference.ts';

let kernel: Kernel;
let scalar: Kernel;
beforeAll(async () => {
  await buildKernel();
  kernel = await loadKernel('sift.wasm');
  scalar = await loadKernel('sift-scalar.wasm');
});

const select = (problem: Problem, by = kernel): Selection => {
  const result = by.select(problem);
  if (!result.ok) throw new Error(JSON.stringify(result.fault));
  return result.value;
};

/** Unit vectors with these cosines between them: the rows of the matrix' Cholesky factor. */
const withCosines = (cosines: readonly (readonly number[])[]): Float32Array => {
  const d = cosines.length;
  const L = new Float64Array(d * d);
  for (let i = 0; i < d; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = cosines[i]?.[j] ?? 0;
      for (let k = 0; k < j; k++) rest -= (L[i * d + k] ?? 0) * (L[j * d + k] ?? 0);
      L[i * d + j] = i === j ? Math.sqrt(rest) : rest / (L[j * d + j] ?? 1);
    }
  }
  if (!L.every(Number.isFinite)) throw new Error('no vectors have these cosines');
  return Float32Array.from(L);
};

/** The first of the vectors is the prompt, the others are the candidates. */
const around = (cosines: readonly (readonly number[])[]): Pick<Problem, 'rows' | 'queries' | 'dimensions'> => {
  const d = cosines.length;
  const all = withCosines(cosines);
  return { queries: all.slice(0, d), rows: all.slice(d), dimensions: d };
};

describe.each(['float32', 'Q15', 'float32 without SIMD'])('the degree, in %s', (form) => {
  const order = (problem: Problem): readonly number[] =>
    form === 'Q15'
      ? select({ ...problem, rows: toQ15(problem.rows) }).picks
      : select(problem, form === 'float32' ? kernel : scalar).picks;

  it('degree 6 picks a new example before a near copy; degree 1 with a large λ picks the copy', () => {
    const copies = around([
      // prompt, a row, its near copy, another row
      [1, 0.7, 0.69, 0.6],
      [0.7, 1, 0.999, 0.42],
      [0.69, 0.999, 1, 0.42],
      [0.6, 0.42, 0.42, 1],
    ]);
    expect(order({ ...copies, picks: 3, lambda: 0.3, repeat: false, degree: 6 })).toEqual([0, 2, 1]);
    expect(order({ ...copies, picks: 3, lambda: 10, repeat: false, degree: 1 })).toEqual([0, 1, 2]);
  });

  it('degree 1 prefers irrelevant to moderately similar rows; degree 6 does not', () => {
    const similar = around([
      // prompt, a row, a similar row, a row that is orthogonal to both and hardly relevant
      [1, 0.9, 0.85, 0.3],
      [0.9, 1, 0.8, 0],
      [0.85, 0.8, 1, 0],
      [0.3, 0, 0, 1],
    ]);
    expect(order({ ...similar, picks: 2, lambda: 0.01, repeat: false, degree: 1 })).toEqual([0, 2]);
    expect(order({ ...similar, picks: 2, lambda: 0.3, repeat: false, degree: 6 })).toEqual([0, 1]);
  });
});

describe('a selection of degree p', () => {
  const problem: Problem = {
    rows: unitRows(31, 40, 24),
    queries: unitRows(32, 2, 24, 1.5),
    dimensions: 24,
    picks: 10,
    lambda: 0.1,
    repeat: true,
  };

  it('has a residual at degree 1 only, which is the default degree', () => {
    const first = select({ ...problem, degree: 1 });
    expect(first.residual.length).toBe(2 * 24);
    expect(select(problem)).toEqual(first);
    for (const degree of [2, 6, 16]) expect(select({ ...problem, degree }).residual).toEqual(new Float32Array());
    // a selection of another degree does not change the next of degree 1
    expect(select(problem)).toEqual(first);
  });

  it('multiplies every figure by 4ᵖ when all vectors are twice as long', () => {
    for (const degree of [1, 2, 3, 6, 16]) {
      const factor = 4 ** degree;
      const a = select({ ...problem, degree });
      const b = select({
        ...problem,
        rows: problem.rows.map((value) => 2 * value),
        queries: problem.queries.map((value) => 2 * value),
        lambda: factor * problem.lambda,
        degree,
      });
      // doubling is exact in float32 and in float64
      expect(b.picks).toEqual(a.picks);
      expect(b.initialVariance).toBe(factor * a.initialVariance);
      for (const figure of ['gains', 'variances', 'covariances'] as const) {
        expect(b[figure]).toEqual(a[figure].map((value) => factor * value));
      }
    }
  });

  it.each([0, 1.5, 17, Number.NaN])('refuses degree %d and names the limits', (degree) => {
    expect(kernel.select({ ...problem, degree })).toEqual({
      ok: false,
      fault: { kind: 'bad_field', param: 'degree', message: `is ${degree}, it must be a whole number from 1 to 16` },
    });
    expect(kernel.select(problem).ok).toBe(true);
  });

  it.each([
    ['with SIMD', () => kernel],
    ['without', () => scalar],
  ])('is refused where a length to the power of p exceeds float32, %s', (_, by) => {
    // lengths of 1000: (10⁶)⁶ = 10³⁶ is within float32, (10⁶)⁷ is not
    const long = { ...problem, rows: problem.rows.map((value) => 1000 * value), picks: 1, lambda: 1e15 };
    const fits = select({ ...long, degree: 6 }, by());
    expect(fits.picks.length).toBe(1);
    expect([...fits.gains, ...fits.variances, ...fits.covariances].every(Number.isFinite)).toBe(true);
    expect(by().select({ ...long, degree: 7 })).toEqual({
      ok: false,
      fault: { kind: 'bad_field', param: 'rows', message: 'their squared lengths to the power of 7 overflow' },
    });
  });

  it.each([
    ['with SIMD', () => kernel],
    ['without', () => scalar],
  ])('is refused where only the product of a prompt and a row exceeds float32, %s', (_, by) => {
    // 10²⁰ and 10⁶⁰ are finite as squares, 10⁴⁰ is not a float32
    const rows = Float32Array.of(1e10, 0);
    const far = { rows, queries: Float32Array.of(1e30, 0), dimensions: 2, picks: 1, lambda: 1, repeat: true };
    expect(by().select(far)).toMatchObject({ ok: false, fault: { kind: 'bad_field', param: 'rows' } });
    expect(by().select({ ...far, queries: Float32Array.of(1e20, 0) })).toMatchObject({ ok: true });
  });
});
