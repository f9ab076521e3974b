// One selection on one instance: checks the problem, copies its numbers into the kernel's memory, reads the selection out of
// it. Nothing is kept between calls.
import { type Fault, fail, ok, type Result } from '../../wire/faults.ts';
import { MAX_DEGREE, MAX_NOISE, MIN_LAMBDA } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import type { Instance } from './instance.ts';
import type { Problem, Rows, Selection, StopReason } from './problem.ts';
import { quantised } from './q15.ts';

const F32 = 0;
const Q15 = 1;
const STOPS: readonly StopReason[] = ['count', 'alpha', 'exhausted'];

const field = (param: string, message: string): Fault => ({ kind: 'bad_field', param, message });

const positive = (value: number): boolean => Number.isInteger(value) && value > 0;

/** What is wrong with a problem's shape. The numbers of rows and queries are not read here. */
const refusal = ({ rows, queries, dimensions, picks, lambda, alpha, degree = 1 }: Problem): Fault | undefined => {
  if (!positive(dimensions)) return field('dimensions', `is ${dimensions}, it must be a positive whole number`);
  if (!positive(picks)) return field('n', `is ${picks}, it must be a positive whole number`);
  if (rows.length === 0) return field('rows', 'there is no candidate to select from');
  if (queries.length === 0) return field('queries', 'there is no query');
  if (rows.length % dimensions !== 0) {
    return field('rows', `has ${rows.length} values, which is no multiple of ${dimensions} dimensions`);
  }
  if (queries.length % dimensions !== 0) {
    return field('queries', `has ${queries.length} values, which is no multiple of ${dimensions} dimensions`);
  }
  if (!(lambda >= MIN_LAMBDA && lambda <= MAX_NOISE)) {
    return field('lambda', `is ${lambda}, it must be from ${MIN_LAMBDA} to ${MAX_NOISE}`);
  }
  if (!positive(degree) || degree > MAX_DEGREE) {
    return field('degree', `is ${degree}, it must be a whole number from 1 to ${MAX_DEGREE}`);
  }
  if (alpha !== undefined && !(alpha > 0 && Number.isFinite(alpha))) {
    return field('alpha', `is ${alpha}, it must be a positive number`);
  }
  return undefined;
};

const notFinite = (param: string, values: Rows): Fault | undefined => {
  const index = values.findIndex((value) => !Number.isFinite(value));
  return index < 0 ? undefined : { kind: 'bad_vector', param, index, value: String(values[index]) };
};

/** Copies rows of d values to rows of dp values, padded with zeros. The target may hold an earlier problem. */
const pad = <T extends Rows>(target: T, source: T, d: number, dp: number): void => {
  if (d === dp) {
    target.set(source);
    target.fill(0, source.length);
    return;
  }
  target.fill(0);
  for (let from = 0, to = 0; from < source.length; from += d, to += dp) target.set(source.subarray(from, from + d), to);
};

/** Queries for int16 rows, side by side, and the scale of each. */
const quantise = (queries: Float32Array, d: number): { values: Int16Array; scales: Float64Array } => {
  const values = new Int16Array(queries.length);
  const scales = new Float64Array(queries.length / d);
  for (let t = 0; t < scales.length; t++) {
    const { row, scale } = quantised(queries.subarray(t * d, (t + 1) * d));
    values.set(row, t * d);
    scales[t] = scale;
  }
  return { values, scales };
};

export const selectWith = (instance: Instance, problem: Problem): Result<Selection> => {
  const refused = refusal(problem);
  if (refused !== undefined) return fail(refused);
  const { rows, queries, dimensions: d, picks: N, lambda, repeat, alpha, degree = 1 } = problem;
  const K = rows.length / d;
  const m = queries.length / d;
  const { exports } = instance;
  const bytes = exports.layout(rows instanceof Float32Array ? F32 : Q15, K, d, m, N);
  if (bytes === 0)
    return fail(field('rows', `${K} candidates of ${d} dimensions and ${N} picks are too large together`));
  const buffer = instance.reserve(bytes);

  const Kp = Math.ceil(K / 8) * 8;
  const dp = Math.ceil(d / 16) * 16;
  const scales = new Float64Array(buffer, exports.scales(), m).fill(1);
  if (rows instanceof Float32Array) {
    pad(new Float32Array(buffer, exports.rows(), Kp * dp), rows, d, dp);
    pad(new Float32Array(buffer, exports.queries(), m * dp), queries, d, dp);
  } else {
    const fault = notFinite('queries', queries); // int16 has no NaN or ∞, so the kernel would not see them
    if (fault !== undefined) return fail(fault);
    const seen = quantise(queries, d);
    scales.set(seen.scales);
    pad(new Int16Array(buffer, exports.rows(), Kp * dp), rows, d, dp);
    pad(new Int16Array(buffer, exports.queries(), m * dp), seen.values, d, dp);
  }

  const count = exports.select(lambda, alpha ?? 0, repeat ? 1 : 0, degree);
  if (count < 0) {
    const fault = notFinite('rows', rows) ?? notFinite('queries', queries);
    const power = degree === 1 ? '' : ` to the power of ${degree}`;
    return fail(fault ?? field('rows', `their squared lengths${power} overflow`));
  }
  const variances = new Float64Array(buffer, exports.sigma2(), N + 1);
  const padded = new Float64Array(buffer, exports.residual(), m * dp);
  const residual = new Float32Array(degree === 1 ? m * d : 0);
  for (let t = 0; t * d < residual.length; t++) residual.set(padded.subarray(t * dp, t * dp + d), t * d);
  return ok({
    picks: Array.from(new Int32Array(buffer, exports.picks(), count)),
    gains: Array.from(new Float64Array(buffer, exports.gains(), count)),
    variances: Array.from(variances.subarray(1, count + 1)),
    covariances: Array.from(new Float64Array(buffer, exports.covariances(), count)),
    initialVariance: at(variances, 0),
    stop: at(STOPS, exports.stopReason()),
    residual,
  });
};

/** λ as the kernel wants it: relative to the largest k(x,x) = ‖φ‖²ᵖ where embeddings are not unit vectors. */
export const noise = (
  lambda: number,
  rows: Float32Array,
  dimensions: number,
  degree: number,
): { noise: number; maxSquaredNorm: number } => {
  let maxSquaredNorm = 0;
  for (let at = 0; at < rows.length; at += dimensions) {
    let sum = 0;
    for (let i = at; i < at + dimensions; i++) sum += (rows[i] ?? 0) ** 2;
    if (sum > maxSquaredNorm) maxSquaredNorm = sum;
  }
  // unit vectors in float32 are unit only to 1e-7: they take λ as it is
  const unit = Math.abs(maxSquaredNorm - 1) < 1e-3 || maxSquaredNorm === 0;
  return { noise: unit ? lambda : lambda * maxSquaredNorm ** degree, maxSquaredNorm };
};
