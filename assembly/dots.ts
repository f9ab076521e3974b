// Inner products: one vector against all rows (the only loop over K·d numbers), and one pair exactly.
// The SIMD forms are unrolled by hand, 4 rows × 2 accumulators in f32, 8 rows × 64 bytes in Q15, because the compiler
// neither unrolls nor inlines loops. Without SIMD the same functions run scalar: the twin that tests compare with.
// Q15 sums are integers: with ‖x‖ ≤ 1 they stay below 2³¹ (Cauchy-Schwarz) and are the same bits on every engine.
import { F32, Q15_UNIT } from './layout';

// @ts-ignore: decorator
@inline
function hsum(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

// @ts-ignore: decorator
@inline
function hsumInt(x: v128): i32 {
  return i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + (i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3));
}

// @ts-ignore: decorator
@inline
function four(a: v128, b: v128, c: v128, d: v128): v128 {
  // lanes: the horizontal sums of a, b, c, d
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

// @ts-ignore: decorator
@inline
function fourInt(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return i32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

// @ts-ignore: decorator
@inline
function rowOf(list: usize, x: i32): i32 {
  return list == 0 ? x : load<i32>(list + (<usize>x << 2));
}

// @ts-ignore: decorator
@inline
function at(rows: usize, rowBytes: usize, list: usize, x: i32): usize {
  return rows + <usize>rowOf(list, x) * rowBytes;
}

// @ts-ignore: decorator
@inline
function put(out: usize, list: usize, x: i32, four: v128): void {
  if (list == 0) {
    v128.store(out + (<usize>x << 2), four);
    return;
  }
  store<i32>(out + (<usize>rowOf(list, x) << 2), i32x4.extract_lane(four, 0));
  store<i32>(out + (<usize>rowOf(list, x + 1) << 2), i32x4.extract_lane(four, 1));
  store<i32>(out + (<usize>rowOf(list, x + 2) << 2), i32x4.extract_lane(four, 2));
  store<i32>(out + (<usize>rowOf(list, x + 3) << 2), i32x4.extract_lane(four, 3));
}

/**
 * out[x] = row_x · s in f32, for the K8 rows (a multiple of 8) whose numbers are in the list, or the first K8 where it
 * is 0; s and the rows have rowBytes bytes, a multiple of 32.
 */
function sweepF32(rows: usize, s: usize, out: usize, list: usize, K8: i32, rowBytes: usize): void {
  if (!ASC_FEATURE_SIMD) {
    for (let x = 0; x < K8; x++) {
      const p = at(rows, rowBytes, list, x);
      let sum: f32 = 0;
      for (let i: usize = 0; i < rowBytes; i += 4) sum += load<f32>(p + i) * load<f32>(s + i);
      store<f32>(out + (<usize>rowOf(list, x) << 2), sum);
    }
    return;
  }
  const end = s + rowBytes;
  for (let x = 0; x < K8; x += 4) {
    let p0 = at(rows, rowBytes, list, x);
    let p1 = at(rows, rowBytes, list, x + 1);
    let p2 = at(rows, rowBytes, list, x + 2);
    let p3 = at(rows, rowBytes, list, x + 3);
    let a0 = f32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b0 = a0;
    let b1 = a0;
    let b2 = a0;
    let b3 = a0;
    for (let q = s; q < end; q += 32) {
      const u = v128.load(q);
      const w = v128.load(q, 16);
      a0 = f32x4.add(a0, f32x4.mul(u, v128.load(p0)));
      a1 = f32x4.add(a1, f32x4.mul(u, v128.load(p1)));
      a2 = f32x4.add(a2, f32x4.mul(u, v128.load(p2)));
      a3 = f32x4.add(a3, f32x4.mul(u, v128.load(p3)));
      b0 = f32x4.add(b0, f32x4.mul(w, v128.load(p0, 16)));
      b1 = f32x4.add(b1, f32x4.mul(w, v128.load(p1, 16)));
      b2 = f32x4.add(b2, f32x4.mul(w, v128.load(p2, 16)));
      b3 = f32x4.add(b3, f32x4.mul(w, v128.load(p3, 16)));
      p0 += 32;
      p1 += 32;
      p2 += 32;
      p3 += 32;
    }
    put(out, list, x, four(f32x4.add(a0, b0), f32x4.add(a1, b1), f32x4.add(a2, b2), f32x4.add(a3, b3)));
  }
}

/**
 * The same for K8 rows of int16, summed exactly in i32; unit = 0 leaves these sums as they are,
 * else out is in f32 and times unit.
 */
function sweepQ15(rows: usize, s: usize, out: usize, list: usize, K8: i32, rowBytes: usize, unit: f32): void {
  if (!ASC_FEATURE_SIMD) {
    for (let x = 0; x < K8; x++) {
      const p = at(rows, rowBytes, list, x);
      let sum: i32 = 0;
      for (let i: usize = 0; i < rowBytes; i += 2) sum += <i32>load<i16>(p + i) * <i32>load<i16>(s + i);
      if (unit == 0) store<i32>(out + (<usize>rowOf(list, x) << 2), sum);
      else store<f32>(out + (<usize>rowOf(list, x) << 2), <f32>sum * unit);
    }
    return;
  }
  const end = s + rowBytes;
  const units = f32x4.splat(unit);
  for (let x = 0; x < K8; x += 8) {
    let p0 = at(rows, rowBytes, list, x);
    let p1 = at(rows, rowBytes, list, x + 1);
    let p2 = at(rows, rowBytes, list, x + 2);
    let p3 = at(rows, rowBytes, list, x + 3);
    let p4 = at(rows, rowBytes, list, x + 4);
    let p5 = at(rows, rowBytes, list, x + 5);
    let p6 = at(rows, rowBytes, list, x + 6);
    let p7 = at(rows, rowBytes, list, x + 7);
    let a0 = i32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let a4 = a0;
    let a5 = a0;
    let a6 = a0;
    let a7 = a0;
    let q = s;
    for (; q + 32 < end; q += 64) {
      let u = v128.load(q);
      let w = v128.load(q, 16);
      a0 = i32x4.add(a0, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p0)), i32x4.dot_i16x8_s(w, v128.load(p0, 16))));
      a1 = i32x4.add(a1, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p1)), i32x4.dot_i16x8_s(w, v128.load(p1, 16))));
      a2 = i32x4.add(a2, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p2)), i32x4.dot_i16x8_s(w, v128.load(p2, 16))));
      a3 = i32x4.add(a3, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p3)), i32x4.dot_i16x8_s(w, v128.load(p3, 16))));
      a4 = i32x4.add(a4, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p4)), i32x4.dot_i16x8_s(w, v128.load(p4, 16))));
      a5 = i32x4.add(a5, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p5)), i32x4.dot_i16x8_s(w, v128.load(p5, 16))));
      a6 = i32x4.add(a6, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p6)), i32x4.dot_i16x8_s(w, v128.load(p6, 16))));
      a7 = i32x4.add(a7, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p7)), i32x4.dot_i16x8_s(w, v128.load(p7, 16))));
      u = v128.load(q, 32);
      w = v128.load(q, 48);
      a0 = i32x4.add(a0, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p0, 32)), i32x4.dot_i16x8_s(w, v128.load(p0, 48))));
      a1 = i32x4.add(a1, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p1, 32)), i32x4.dot_i16x8_s(w, v128.load(p1, 48))));
      a2 = i32x4.add(a2, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p2, 32)), i32x4.dot_i16x8_s(w, v128.load(p2, 48))));
      a3 = i32x4.add(a3, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p3, 32)), i32x4.dot_i16x8_s(w, v128.load(p3, 48))));
      a4 = i32x4.add(a4, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p4, 32)), i32x4.dot_i16x8_s(w, v128.load(p4, 48))));
      a5 = i32x4.add(a5, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p5, 32)), i32x4.dot_i16x8_s(w, v128.load(p5, 48))));
      a6 = i32x4.add(a6, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p6, 32)), i32x4.dot_i16x8_s(w, v128.load(p6, 48))));
      a7 = i32x4.add(a7, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p7, 32)), i32x4.dot_i16x8_s(w, v128.load(p7, 48))));
      p0 += 64;
      p1 += 64;
      p2 += 64;
      p3 += 64;
      p4 += 64;
      p5 += 64;
      p6 += 64;
      p7 += 64;
    }
    if (q < end) {
      const u = v128.load(q);
      const w = v128.load(q, 16);
      a0 = i32x4.add(a0, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p0)), i32x4.dot_i16x8_s(w, v128.load(p0, 16))));
      a1 = i32x4.add(a1, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p1)), i32x4.dot_i16x8_s(w, v128.load(p1, 16))));
      a2 = i32x4.add(a2, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p2)), i32x4.dot_i16x8_s(w, v128.load(p2, 16))));
      a3 = i32x4.add(a3, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p3)), i32x4.dot_i16x8_s(w, v128.load(p3, 16))));
      a4 = i32x4.add(a4, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p4)), i32x4.dot_i16x8_s(w, v128.load(p4, 16))));
      a5 = i32x4.add(a5, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p5)), i32x4.dot_i16x8_s(w, v128.load(p5, 16))));
      a6 = i32x4.add(a6, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p6)), i32x4.dot_i16x8_s(w, v128.load(p6, 16))));
      a7 = i32x4.add(a7, i32x4.add(i32x4.dot_i16x8_s(u, v128.load(p7)), i32x4.dot_i16x8_s(w, v128.load(p7, 16))));
    }
    a0 = fourInt(a0, a1, a2, a3);
    a4 = fourInt(a4, a5, a6, a7);
    if (unit != 0) {
      a0 = f32x4.mul(units, f32x4.convert_i32x4_s(a0));
      a4 = f32x4.mul(units, f32x4.convert_i32x4_s(a4));
    }
    put(out, list, x, a0);
    put(out, list, x + 4, a4);
  }
}

/** out[x] = φ(x)·s in f32 for the first K8 rows. */
export function sweep(kind: i32, rows: usize, s: usize, out: usize, K8: i32, rowBytes: usize): void {
  if (kind == F32) sweepF32(rows, s, out, 0, K8, rowBytes);
  else sweepQ15(rows, s, out, 0, K8, rowBytes, <f32>(Q15_UNIT * Q15_UNIT));
}

/** x^p of a whole p ≥ 1, by squaring. */
export function power(x: f64, p: i32): f64 {
  let result: f64 = 1;
  for (; p > 1; p >>= 1, x *= x) if (p & 1) result *= x;
  return result * x;
}

/** A gram row of inner products, in place, to k = (φ(x)·s)^p in f32; Q15's integer sums are scaled first. */
export function sharpen(kind: i32, gram: usize, Kp: i32, p: i32): void {
  const end = gram + (<usize>Kp << 2);
  const unit = <f32>(Q15_UNIT * Q15_UNIT);
  if (!ASC_FEATURE_SIMD) {
    for (let at = gram; at < end; at += 4) {
      const x = kind == F32 ? load<f32>(at) : <f32>load<i32>(at) * unit;
      store<f32>(at, <f32>power(<f64>x, p));
    }
    return;
  }
  const units = f32x4.splat(unit);
  for (let at = gram; at < end; at += 16) {
    let x = v128.load(at);
    if (kind != F32) x = f32x4.mul(f32x4.convert_i32x4_s(x), units);
    let result = f32x4.splat(1);
    for (let left = p; left > 1; left >>= 1, x = f32x4.mul(x, x)) if (left & 1) result = f32x4.mul(result, x);
    v128.store(at, f32x4.mul(result, x));
  }
}

/** A gram row at the listed rows: φ(x)·s in f32, or Q15's integer sums, from which the exact product can be read. */
export function sweepGram(kind: i32, rows: usize, s: usize, out: usize, list: usize, K8: i32, rowBytes: usize): void {
  if (kind == F32) sweepF32(rows, s, out, list, K8, rowBytes);
  else sweepQ15(rows, s, out, list, K8, rowBytes, 0);
}

/** a·b of two rows in f64: products of f32 are exact there, products of int16 are summed exactly in i32. */
export function dotExact(kind: i32, a: usize, b: usize, rowBytes: usize): f64 {
  const end = a + rowBytes;
  if (kind == F32) {
    if (!ASC_FEATURE_SIMD) {
      let sum: f64 = 0;
      for (; a < end; a += 4, b += 4) sum += <f64>load<f32>(a) * <f64>load<f32>(b);
      return sum;
    }
    let s0 = f64x2.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    for (; a < end; a += 32, b += 32) {
      // load64_zero reads two f32 at a time, ready to be promoted
      s0 = f64x2.add(s0, f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(a)), f64x2.promote_low_f32x4(v128.load64_zero(b))));
      s1 = f64x2.add(s1, f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(a, 8)), f64x2.promote_low_f32x4(v128.load64_zero(b, 8))));
      s2 = f64x2.add(s2, f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(a, 16)), f64x2.promote_low_f32x4(v128.load64_zero(b, 16))));
      s3 = f64x2.add(s3, f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(a, 24)), f64x2.promote_low_f32x4(v128.load64_zero(b, 24))));
    }
    const s = f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3));
    return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
  }
  let total: i32 = 0;
  if (!ASC_FEATURE_SIMD) {
    for (; a < end; a += 2, b += 2) total += <i32>load<i16>(a) * <i32>load<i16>(b);
  } else {
    let s = i32x4.splat(0);
    let t = s;
    for (; a < end; a += 32, b += 32) {
      s = i32x4.add(s, i32x4.dot_i16x8_s(v128.load(a), v128.load(b)));
      t = i32x4.add(t, i32x4.dot_i16x8_s(v128.load(a, 16), v128.load(b, 16)));
    }
    total = hsumInt(i32x4.add(s, t));
  }
  return <f64>total * (Q15_UNIT * Q15_UNIT);
}

/** ‖a‖² of one row, quickly: f32 lanes for f32 rows, exact for Q15. */
export function squaredNorm(kind: i32, a: usize, rowBytes: usize): f64 {
  if (!ASC_FEATURE_SIMD) return dotExact(kind, a, a, rowBytes);
  if (kind != F32) return dotExact(kind, a, a, rowBytes);
  const end = a + rowBytes;
  let s0 = f32x4.splat(0);
  let s1 = s0;
  for (; a < end; a += 32) {
    const u = v128.load(a);
    const w = v128.load(a, 16);
    s0 = f32x4.add(s0, f32x4.mul(u, u));
    s1 = f32x4.add(s1, f32x4.mul(w, w));
  }
  return <f64>hsum(f32x4.add(s0, s1));
}
