// The module's exports: all that the wrapper (functions/kernel) may call. The module without SIMD has the same ones.
import {
  ABI_VERSION, covAt, gainsAt, layout as layoutOf, picksAt, queriesAt, residualAt, rowsAt, scalesAt, sigma2At,
} from './layout';
import { nearest as nearestRows } from './nearest';
import { run, stop } from './sift';

export function abi(): i32 {
  return ABI_VERSION;
}

/** Assigns an address to every array of a selection; returns the bytes of memory it needs, 0 if a size is out of range. */
export function layout(kind: i32, K: i32, d: i32, m: i32, N: i32): f64 {
  return <f64>layoutOf(kind, K, d, m, N);
}

export function rows(): usize {
  return rowsAt;
}
export function queries(): usize {
  return queriesAt;
}
export function scales(): usize {
  return scalesAt;
}
export function picks(): usize {
  return picksAt;
}
export function gains(): usize {
  return gainsAt;
}
export function sigma2(): usize {
  return sigma2At;
}
export function covariances(): usize {
  return covAt;
}
export function residual(): usize {
  return residualAt;
}

/** Runs the selection that layout() was called for; see sift.ts. */
export function select(lambda: f64, alpha: f64, repeat: i32, degree: i32): i32 {
  return run(lambda, alpha, repeat, degree);
}

export function stopReason(): i32 {
  return stop;
}

/** Where the memory that the caller may use begins; the caller of nearest() places its arrays there. */
export function heap(): usize {
  return (__heap_base + 15) & ~15;
}

export function nearest(
  kind: i32,
  rowsAt: usize,
  K: i32,
  rowBytes: usize,
  query: usize,
  mask: usize,
  k: i32,
  scores: usize,
  out: usize,
): i32 {
  return nearestRows(kind, rowsAt, K, rowBytes, query, mask, k, scores, out);
}
