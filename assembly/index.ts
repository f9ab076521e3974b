// The module's exports: everything the wrapper (functions/kernel) may call. Same names and meaning in the scalar twin.
import * as layout from './layout';
import { nearest as nearestRows } from './nearest';
import { run, stop } from './sift';

export function abi(): i32 {
  return layout.ABI_VERSION;
}

/** Lays out a selection; returns the bytes of memory it needs, 0 if a size is out of range. */
export function lay(kind: i32, K: i32, d: i32, m: i32, N: i32): f64 {
  return <f64>layout.lay(kind, K, d, m, N);
}

export function rows(): usize {
  return layout.rowsAt;
}
export function queries(): usize {
  return layout.queriesAt;
}
export function scales(): usize {
  return layout.scalesAt;
}
export function picks(): usize {
  return layout.picksAt;
}
export function gains(): usize {
  return layout.gainsAt;
}
export function sigma2(): usize {
  return layout.sigma2At;
}
export function covariances(): usize {
  return layout.covAt;
}
export function residual(): usize {
  return layout.residualAt;
}

/** Runs the selection laid out; see sift.ts. */
export function select(lambda: f64, alpha: f64, repeat: i32, degree: i32): i32 {
  return run(lambda, alpha, repeat, degree);
}

export function stopReason(): i32 {
  return stop;
}

/** Where the caller's own memory begins: what the top-k search uses it for is the caller's to draw. */
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
