// Exact greedy SIFT (Hübotter et al., ICLR 2025, arXiv 2410.08020, section 3), over the memory of layout.ts.
//
//   k(x,y) = (φ(x)·φ(y))^p;  p = degree, 1 in the paper;  S = the picks so far;  λ = observation noise
//   score(x)  = Σ_q k_S(q,x)² / (k_S(x,x) + λ)          the drop of the prompts' posterior variance if x is added
//   pick s    = argmax score, ties to the lowest index
//   L_n(x)    = k_S(s,x) / √(k_S(s,s) + λ),             k_S(s,x) = k(s,x) − Σ_{j<n} L_j(s)·L_j(x)
//   c(x)     ← c(x) − L_n(x)·y_n,                       y_n = k_S(q,s) / √(k_S(s,s) + λ)
//   v(x)     ← v(x) − L_n(x)²
//   σ²_n      = σ²_{n−1} − Σ_q y_n²
//
// The sweep over all candidates reads f32 or int16 rows; c and v are f64. The picks' own figures (C, y, σ², the residual)
// are f64 throughout, from N²/2 exact inner products: in Q15 these are the sweep's integer sums, for f32 rows they are
// computed again, which takes a quarter of a selection's time at 200×1024.
import { dotExact, power, sharpen, squaredNorm, sweep, sweepGram } from './dots';
import {
  CAt, cAt, covAt, D, dp, exactAt, F32, gainsAt, gramAt, Kp, kind, LAt, listAt, m, N, openAt, picksAt, Q15_UNIT, queriesAt,
  residualAt, rowBytes, rowsAt, scalesAt, sigma2At, slotAt, vAt, weightsAt, yAt,
} from './layout';

/** Why the selection ended; read by the caller after select(). */
export const STOP_COUNT: i32 = 0;
export const STOP_ALPHA: i32 = 1;
export const STOP_EXHAUSTED: i32 = 2;
export let stop: i32 = STOP_COUNT;

/** What select() returns in place of a count. */
export const NOT_FINITE: i32 = -1;

let best: i32 = -1;
let bestScore: f64 = 0;

// @ts-ignore: decorator
@inline
function at64(base: usize, index: i32): usize {
  return base + (<usize>index << 3);
}

/** c, v, open, slot and σ²_0 before any pick. False if a number is not finite. */
function init(): bool {
  let sum: f64 = 0;
  for (let t = 0; t < m; t++) {
    const query = queriesAt + <usize>t * rowBytes;
    const scale = load<f64>(at64(scalesAt, t));
    // gram's first row is free until the first pick, and serves as scratch here
    sweep(kind, rowsAt, query, gramAt, Kp, rowBytes);
    const c = cAt + <usize>t * (<usize>Kp << 3);
    for (let x = 0; x < Kp; x++) {
      const value = power(scale * <f64>load<f32>(gramAt + (<usize>x << 2)), degree);
      store<f64>(at64(c, x), value);
      sum += value * 0;
    }
    sum += power(scale * scale * dotExact(kind, query, query, rowBytes), degree);
  }
  let finite: f64 = sum * 0;
  for (let x = 0; x < Kp; x++) {
    const norm = power(squaredNorm(kind, rowsAt + <usize>x * rowBytes, rowBytes), degree);
    store<f64>(at64(vAt, x), norm);
    store<f64>(at64(openAt, x), 1);
    store<i32>(slotAt + (<usize>x << 2), -1);
    store<i32>(listAt + (<usize>x << 2), x);
    finite += <f64><f32>norm * 0; // gram rows hold such values in f32
  }
  store<f64>(sigma2At, sum);
  return finite == 0; // NaN and ∞ times 0 are NaN
}

/** The best candidate by the present c and v, into best and bestScore: for the first pick only. */
function scan(): void {
  best = -1;
  bestScore = 0;
  for (let x = 0; x < Kp; x++) {
    let score: f64 = 0;
    for (let t = 0; t < m; t++) {
      const c = load<f64>(at64(cAt, t * Kp + x));
      score += c * c;
    }
    score /= load<f64>(at64(vAt, x)) + lambda;
    if (score > bestScore) {
      bestScore = score;
      best = x;
    }
  }
}

let lambda: f64 = 0;
let degree: i32 = 1;
/** Whether gram rows hold Q15's integer sums: only at degree 1, where the kernel is the inner product itself. */
let integers: bool = false;

/** Σ a_i b_i over f64 vectors. Several accumulators, since in one chain each addition waits for the one before. */
function dot64(a: usize, b: usize, count: i32): f64 {
  let sum: f64 = 0;
  let i = 0;
  if (ASC_FEATURE_SIMD) {
    let s = f64x2.splat(0);
    let t = s;
    for (; i + 4 <= count; i += 4) {
      s = f64x2.add(s, f64x2.mul(v128.load(at64(a, i)), v128.load(at64(b, i))));
      t = f64x2.add(t, f64x2.mul(v128.load(at64(a, i), 16), v128.load(at64(b, i), 16)));
    }
    s = f64x2.add(s, t);
    sum = f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
  }
  for (; i < count; i++) sum += load<f64>(at64(a, i)) * load<f64>(at64(b, i));
  return sum;
}

/** The n-th row of C, y_n and σ²_{n+1} for pick s, all in f64; `distinct` is how many gram rows there are. */
function extend(n: i32, s: i32, distinct: i32): void {
  const own = rowsAt + <usize>s * rowBytes;
  const slot = load<i32>(slotAt + (<usize>s << 2));
  const row = at64(CAt, n * N);
  const exact = at64(exactAt, slot * D);
  let diagonal = load<f64>(at64(exact, slot));
  for (let j = 0; j < n; j++) {
    const other = load<i32>(slotAt + (<usize>load<i32>(picksAt + (<usize>j << 2)) << 2));
    const above = at64(CAt, j * N);
    const k = (load<f64>(at64(exact, other)) - dot64(row, above, j)) / load<f64>(at64(above, j));
    store<f64>(at64(row, j), k);
    diagonal -= k * k;
  }
  // rounding may take the posterior variance just below zero, never below −λ
  const root = sqrt(max(diagonal, 0) + lambda);
  store<f64>(at64(row, n), root);
  let drop: f64 = 0;
  let covariance: f64 = 0;
  for (let t = 0; t < m; t++) {
    const y = at64(yAt, t * N);
    let k = power(load<f64>(at64(scalesAt, t)) * dotExact(kind, queriesAt + <usize>t * rowBytes, own, rowBytes), degree);
    k -= dot64(row, y, n);
    covariance += k;
    k /= root;
    store<f64>(at64(y, n), k);
    drop += k * k;
  }
  // σ² is a sum of squares less its projections: it cannot fall below zero but by rounding
  const before = load<f64>(at64(sigma2At, n));
  store<f64>(at64(sigma2At, n + 1), max(before - drop, 0));
  store<f64>(at64(gainsAt, n), min(drop, before));
  store<f64>(at64(covAt, n), covariance);
}

/** Removes s from the ordered list of the `left` rows that have no gram row. */
function exclude(s: i32, left: i32): void {
  // the list is ordered, so s is at place s or, for each row removed before it, one earlier
  let i = min(s, left - 1);
  while (load<i32>(listAt + (<usize>i << 2)) != s) i--;
  const place = listAt + (<usize>i << 2);
  memory.copy(place, place + 4, <usize>(left - 1 - i) << 2);
}

/** Adds s to the distinct picks if it is new: its gram row, and its exact inner products with the others. Returns how many. */
function addCandidate(s: i32, distinct: i32, picked: i32): i32 {
  if (load<i32>(slotAt + (<usize>s << 2)) >= 0) return distinct;
  const own = rowsAt + <usize>s * rowBytes;
  store<i32>(slotAt + (<usize>s << 2), distinct);
  const gram = gramAt + <usize>distinct * (<usize>Kp << 2);
  // the gram rows of earlier picks hold their products with s; the list's last block of 8 is padded with s itself
  const left = Kp - distinct;
  const whole = (left + 7) & ~7;
  for (let i = left; i < whole; i++) store<i32>(listAt + (<usize>i << 2), s);
  sweepGram(kind, rowsAt, own, gram, listAt, whole, rowBytes);
  if (degree > 1) sharpen(kind, gram, Kp, degree);
  exclude(s, left);
  for (let j = 0; j <= picked; j++) {
    const other = j < picked ? load<i32>(picksAt + (<usize>j << 2)) : s;
    const slot = load<i32>(slotAt + (<usize>other << 2));
    const place = gram + (<usize>other << 2);
    if (slot != distinct) store<i32>(place, load<i32>(gramAt + <usize>slot * (<usize>Kp << 2) + (<usize>s << 2)));
    // Q15's gram row holds the exact sums already
    const k = integers
      ? <f64>load<i32>(place) * (Q15_UNIT * Q15_UNIT)
      : power(dotExact(kind, own, rowsAt + <usize>other * rowBytes, rowBytes), degree);
    store<f64>(at64(exactAt, distinct * D + slot), k);
    store<f64>(at64(exactAt, slot * D + distinct), k);
  }
  return distinct + 1;
}

// @ts-ignore: decorator
@inline
function products(gram: usize): v128 {
  const four = v128.load(gram);
  if (!integers) return four;
  return f32x4.mul(f32x4.convert_i32x4_s(four), f32x4.splat(<f32>(Q15_UNIT * Q15_UNIT)));
}

/** L_n of all candidates, two blocks of 8 at a time so that each of the pick's coefficients is loaded once for both. */
function column(n: i32, gram: usize, row: usize, scale: f32): void {
  const blockBytes: usize = <usize>N << 5;
  const coefficients = weightsAt; // free until the residual is made
  for (let j = 0; j < n; j++) store<f32>(coefficients + (<usize>j << 2), <f32>load<f64>(at64(row, j)));
  const end = coefficients + (<usize>n << 2);
  const scales = f32x4.splat(scale);
  for (let x = 0; x < Kp; x += 16) {
    const k = gram + (<usize>x << 2);
    let p = LAt + <usize>(x >> 3) * blockBytes;
    let a = products(k);
    let b = products(k + 16);
    if (x + 8 == Kp) {
      for (let w = coefficients; w < end; w += 4) {
        const l = v128.load32_splat(w);
        a = f32x4.sub(a, f32x4.mul(l, v128.load(p)));
        b = f32x4.sub(b, f32x4.mul(l, v128.load(p, 16)));
        p += 32;
      }
      v128.store(p, f32x4.mul(a, scales));
      v128.store(p, f32x4.mul(b, scales), 16);
      return;
    }
    let q = p + blockBytes;
    let c = products(k + 32);
    let d = products(k + 48);
    for (let w = coefficients; w < end; w += 4) {
      const l = v128.load32_splat(w);
      a = f32x4.sub(a, f32x4.mul(l, v128.load(p)));
      b = f32x4.sub(b, f32x4.mul(l, v128.load(p, 16)));
      c = f32x4.sub(c, f32x4.mul(l, v128.load(q)));
      d = f32x4.sub(d, f32x4.mul(l, v128.load(q, 16)));
      p += 32;
      q += 32;
    }
    v128.store(p, f32x4.mul(a, scales));
    v128.store(p, f32x4.mul(b, scales), 16);
    v128.store(q, f32x4.mul(c, scales));
    v128.store(q, f32x4.mul(d, scales), 16);
  }
}

/** L_n of all candidates, c and v brought up to date, and the next argmax, over blocks of 8. */
function update(n: i32, s: i32): void {
  const gram = gramAt + <usize>load<i32>(slotAt + (<usize>s << 2)) * (<usize>Kp << 2);
  const row = at64(CAt, n * N);
  const scale = 1.0 / load<f64>(at64(row, n));
  const blockBytes: usize = <usize>N << 5;
  best = -1;
  bestScore = 0;
  if (!ASC_FEATURE_SIMD) {
    for (let x = 0; x < Kp; x++) {
      const column = LAt + <usize>(x >> 3) * blockBytes + (<usize>(x & 7) << 2);
      const product = gram + (<usize>x << 2);
      let k = integers ? <f32>load<i32>(product) * <f32>(Q15_UNIT * Q15_UNIT) : load<f32>(product);
      for (let j = 0; j < n; j++) k -= load<f32>(column + (<usize>j << 5)) * <f32>load<f64>(at64(row, j));
      const l = k * <f32>scale;
      store<f32>(column + (<usize>n << 5), l);
      const v = max(load<f64>(at64(vAt, x)) - <f64>l * <f64>l, 0);
      store<f64>(at64(vAt, x), v);
      let score: f64 = 0;
      for (let t = 0; t < m; t++) {
        const where = at64(cAt, t * Kp + x);
        const c = load<f64>(where) - <f64>l * load<f64>(at64(yAt, t * N + n));
        store<f64>(where, c);
        score += c * c;
      }
      score = (score * load<f64>(at64(openAt, x))) / (v + lambda);
      if (score > bestScore) {
        bestScore = score;
        best = x;
      }
    }
    return;
  }
  column(n, gram, row, <f32>scale);
  const noise = f64x2.splat(lambda);
  const zero = f64x2.splat(0);
  let top0 = zero;
  let top1 = zero;
  let top2 = zero;
  let top3 = zero;
  let who0 = i64x2.splat(-1);
  let who1 = who0;
  let who2 = who0;
  let who3 = who0;
  for (let x = 0; x < Kp; x += 8) {
    const p = LAt + <usize>(x >> 3) * blockBytes + (<usize>n << 5);
    const a = v128.load(p);
    const b = v128.load(p, 16);
    const l0 = f64x2.promote_low_f32x4(a);
    const l1 = f64x2.promote_low_f32x4(v128.shuffle<f32>(a, a, 2, 3, 2, 3));
    const l2 = f64x2.promote_low_f32x4(b);
    const l3 = f64x2.promote_low_f32x4(v128.shuffle<f32>(b, b, 2, 3, 2, 3));
    const v = at64(vAt, x);
    const v0 = f64x2.max(f64x2.sub(v128.load(v), f64x2.mul(l0, l0)), zero);
    const v1 = f64x2.max(f64x2.sub(v128.load(v, 16), f64x2.mul(l1, l1)), zero);
    const v2 = f64x2.max(f64x2.sub(v128.load(v, 32), f64x2.mul(l2, l2)), zero);
    const v3 = f64x2.max(f64x2.sub(v128.load(v, 48), f64x2.mul(l3, l3)), zero);
    v128.store(v, v0);
    v128.store(v, v1, 16);
    v128.store(v, v2, 32);
    v128.store(v, v3, 48);
    let s0 = zero;
    let s1 = zero;
    let s2 = zero;
    let s3 = zero;
    for (let t = 0; t < m; t++) {
      const y = f64x2.splat(load<f64>(at64(yAt, t * N + n)));
      const c = at64(cAt, t * Kp + x);
      const c0 = f64x2.sub(v128.load(c), f64x2.mul(l0, y));
      const c1 = f64x2.sub(v128.load(c, 16), f64x2.mul(l1, y));
      const c2 = f64x2.sub(v128.load(c, 32), f64x2.mul(l2, y));
      const c3 = f64x2.sub(v128.load(c, 48), f64x2.mul(l3, y));
      v128.store(c, c0);
      v128.store(c, c1, 16);
      v128.store(c, c2, 32);
      v128.store(c, c3, 48);
      s0 = f64x2.add(s0, f64x2.mul(c0, c0));
      s1 = f64x2.add(s1, f64x2.mul(c1, c1));
      s2 = f64x2.add(s2, f64x2.mul(c2, c2));
      s3 = f64x2.add(s3, f64x2.mul(c3, c3));
    }
    const o = at64(openAt, x);
    s0 = f64x2.div(f64x2.mul(s0, v128.load(o)), f64x2.add(v0, noise));
    s1 = f64x2.div(f64x2.mul(s1, v128.load(o, 16)), f64x2.add(v1, noise));
    s2 = f64x2.div(f64x2.mul(s2, v128.load(o, 32)), f64x2.add(v2, noise));
    s3 = f64x2.div(f64x2.mul(s3, v128.load(o, 48)), f64x2.add(v3, noise));
    // strictly greater keeps the lowest index of a lane
    const base = i64x2.splat(<i64>x);
    let more = f64x2.gt(s0, top0);
    top0 = v128.bitselect(s0, top0, more);
    who0 = v128.bitselect(base, who0, more);
    more = f64x2.gt(s1, top1);
    top1 = v128.bitselect(s1, top1, more);
    who1 = v128.bitselect(base, who1, more);
    more = f64x2.gt(s2, top2);
    top2 = v128.bitselect(s2, top2, more);
    who2 = v128.bitselect(base, who2, more);
    more = f64x2.gt(s3, top3);
    top3 = v128.bitselect(s3, top3, more);
    who3 = v128.bitselect(base, who3, more);
  }
  lane(f64x2.extract_lane(top0, 0), <i32>i64x2.extract_lane(who0, 0));
  lane(f64x2.extract_lane(top0, 1), <i32>i64x2.extract_lane(who0, 1) + 1);
  lane(f64x2.extract_lane(top1, 0), <i32>i64x2.extract_lane(who1, 0) + 2);
  lane(f64x2.extract_lane(top1, 1), <i32>i64x2.extract_lane(who1, 1) + 3);
  lane(f64x2.extract_lane(top2, 0), <i32>i64x2.extract_lane(who2, 0) + 4);
  lane(f64x2.extract_lane(top2, 1), <i32>i64x2.extract_lane(who2, 1) + 5);
  lane(f64x2.extract_lane(top3, 0), <i32>i64x2.extract_lane(who3, 0) + 6);
  lane(f64x2.extract_lane(top3, 1), <i32>i64x2.extract_lane(who3, 1) + 7);
}

/** Compares one lane's best candidate with the best so far: the greater score wins, of equals the lower index. */
function lane(score: f64, x: i32): void {
  if (score > bestScore || (score == bestScore && score > 0 && x < best)) {
    bestScore = score;
    best = x;
  }
}

// @ts-ignore: decorator
@inline
function one<T>(at: usize): f64 {
  return <f64>load<T>(at);
}

// @ts-ignore: decorator
@inline
function two<T>(at: usize): v128 {
  if (isFloat<T>()) return f64x2.promote_low_f32x4(v128.load64_zero(at));
  return f64x2.convert_low_i32x4_s(i32x4.extend_low_i16x8_s(v128.load32_zero(at)));
}

/** r = scale·q − unit·Σ_i a_i·φ(s_i), eight dimensions at a time through all picks, so that r stays in registers. */
function combine<T>(r: usize, query: usize, scale: f64, n: i32, unit: f64): void {
  const step = sizeof<T>();
  for (let k = 0; k < dp; k += 8) {
    const at = <usize>k * step;
    if (!ASC_FEATURE_SIMD) {
      for (let i = at; i < at + 8 * step; i += step) {
        let sum = scale * one<T>(query + i);
        for (let j = n - 1; j >= 0; j--) {
          const row = rowsAt + <usize>load<i32>(picksAt + (<usize>j << 2)) * rowBytes;
          sum -= load<f64>(at64(weightsAt, j)) * unit * one<T>(row + i);
        }
        store<f64>(r + (i / step << 3), sum);
      }
      continue;
    }
    const scales = f64x2.splat(scale);
    let r0 = f64x2.mul(scales, two<T>(query + at));
    let r1 = f64x2.mul(scales, two<T>(query + at + 2 * step));
    let r2 = f64x2.mul(scales, two<T>(query + at + 4 * step));
    let r3 = f64x2.mul(scales, two<T>(query + at + 6 * step));
    for (let j = n - 1; j >= 0; j--) {
      const p = rowsAt + <usize>load<i32>(picksAt + (<usize>j << 2)) * rowBytes + at;
      const w = f64x2.splat(load<f64>(at64(weightsAt, j)) * unit);
      r0 = f64x2.sub(r0, f64x2.mul(w, two<T>(p)));
      r1 = f64x2.sub(r1, f64x2.mul(w, two<T>(p + 2 * step)));
      r2 = f64x2.sub(r2, f64x2.mul(w, two<T>(p + 4 * step)));
      r3 = f64x2.sub(r3, f64x2.mul(w, two<T>(p + 6 * step)));
    }
    const to = at64(r, k);
    v128.store(to, r0);
    v128.store(to, r1, 16);
    v128.store(to, r2, 32);
    v128.store(to, r3, 48);
  }
}

/** r = q − Vᵀ a with a = C⁻ᵀ y, for every query; V's rows are the n picks. */
function residuals(n: i32): void {
  const unit: f64 = kind == F32 ? 1.0 : Q15_UNIT;
  for (let t = 0; t < m; t++) {
    const r = residualAt + <usize>t * (<usize>dp << 3);
    const query = queriesAt + <usize>t * rowBytes;
    const scale = load<f64>(at64(scalesAt, t)) * unit;
    for (let i = n - 1; i >= 0; i--) {
      let a = load<f64>(at64(yAt, t * N + i));
      for (let j = i + 1; j < n; j++) a -= load<f64>(at64(CAt, j * N + i)) * load<f64>(at64(weightsAt, j));
      store<f64>(at64(weightsAt, i), a / load<f64>(at64(CAt, i * N + i)));
    }
    if (kind == F32) combine<f32>(r, query, scale, n, unit);
    else combine<i16>(r, query, scale, n, unit);
  }
}

/**
 * Selects over the problem that layout() was called for. `noise` is λ > 0; `alpha` > 0 stops before the first n with
 * σ_n > 1/(alpha·n), 0 never; `repeat` 0 forbids picking a candidate twice; `exponent` ≥ 1 is the kernel's degree.
 * The residual is computed at degree 1 only: at others no vector r has r·φ(x) = k_S(q,x).
 * Returns the number of picks (0…N) and sets `stop`, or NOT_FINITE.
 */
export function run(noise: f64, alpha: f64, repeat: i32, exponent: i32): i32 {
  lambda = noise;
  degree = exponent;
  integers = kind != F32 && degree == 1;
  stop = STOP_COUNT;
  if (!init()) return NOT_FINITE;
  scan();
  let distinct = 0;
  let n = 0;
  for (; n < N; n++) {
    if (best < 0) {
      stop = STOP_EXHAUSTED;
      break;
    }
    const s = best;
    distinct = addCandidate(s, distinct, n);
    store<i32>(picksAt + (<usize>n << 2), s);
    extend(n, s, distinct);
    if (alpha > 0 && sqrt(load<f64>(at64(sigma2At, n + 1))) * alpha * <f64>(n + 1) > 1) {
      stop = STOP_ALPHA;
      break;
    }
    if (!repeat) store<f64>(at64(openAt, s), 0);
    if (n + 1 < N) update(n, s);
  }
  if (degree == 1) residuals(n);
  return n;
}
