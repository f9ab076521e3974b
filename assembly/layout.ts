// Where each array is in the module's one memory. The caller owns the memory and grows it to what layout() returns.
//
//   K  candidates, padded with zero rows to Kp = 8·⌈K/8⌉       d  dimensions, padded with zeros to dp = 16·⌈d/16⌉
//   m  queries (prompt embeddings)                             N  picks at most; D = min(N, K) distinct ones
//
//   heap ┬ rows      Kp × dp   f32 | i16   the candidates' embeddings φ(x), row-major      ← written by the caller
//        ├ queries   m  × dp   f32 | i16   the prompt embeddings q                         ← written by the caller
//        ├ scales    m         f64         q = scale · stored query (1 for f32)            ← written by the caller
//        ├ c         m  × Kp   f64         c_S(x) = k_S(q,x), posterior covariance with each query
//        ├ v         Kp        f64         v_S(x) = k_S(x,x), posterior variance
//        ├ open      Kp        f64         1 while x may be picked, 0 after it (repeat = 0 only)
//        ├ L         Kp/8 × N × 8  f32     L_j(x) of earlier picks j, in blocks of 8 candidates
//        ├ gram      D  × Kp   f32 | i32   k(s,x), in Q15 of degree 1 φ(s)·φ(x) as an integer; one row per distinct pick,
//        │                             so that picking it again costs no sweep
//        ├ list      Kp        i32         the rows without a gram row, in order
//        ├ slot      Kp        i32         which gram row is x's own, −1 for none
//        ├ exact     D  × D    f64         k(s,s') of distinct picks, in f64
//        ├ C         N  × N    f64         Cholesky factor of the picks' Gram matrix + λI, lower, row-major
//        ├ y         m  × N    f64         C⁻¹ V q, so that σ²_n = σ²_0 − Σ_{i<n} y_i²
//        ├ weights   N         f64         scratch: a pick's coefficients in f32, then the residual's back substitution
//        ├ picks     N         i32         ┐
//        ├ gains     N         f64         │ the answer                                    → read by the caller
//        ├ sigma2    N + 1     f64         │ σ²_0, σ²_1, …
//        ├ cov       N         f64         │ Σ_q k_S(q,s) just before s was picked
//        └ residual  m × dp    f64         ┘ r = q − Vᵀ(VVᵀ+λI)⁻¹Vq, of degree 1

/** Raised whenever this layout, or the name or meaning of an export, changes; the wrapper refuses other versions. */
export const ABI_VERSION: i32 = 3;

export const F32: i32 = 0;
export const Q15: i32 = 1;

/** 1/32767, what one unit of an int16 row is worth. */
export const Q15_UNIT: f64 = 1.0 / 32767.0;

export let kind: i32 = F32;
export let Kp: i32 = 0;
export let dp: i32 = 0;
export let m: i32 = 0;
export let N: i32 = 0;
export let D: i32 = 0;
export let rowBytes: usize = 0;

export let rowsAt: usize = 0;
export let queriesAt: usize = 0;
export let scalesAt: usize = 0;
export let cAt: usize = 0;
export let vAt: usize = 0;
export let openAt: usize = 0;
export let LAt: usize = 0;
export let gramAt: usize = 0;
export let listAt: usize = 0;
export let slotAt: usize = 0;
export let exactAt: usize = 0;
export let CAt: usize = 0;
export let yAt: usize = 0;
export let weightsAt: usize = 0;
export let picksAt: usize = 0;
export let gainsAt: usize = 0;
export let sigma2At: usize = 0;
export let covAt: usize = 0;
export let residualAt: usize = 0;

let next: u64 = 0;

/** Reserves bytes on a 16-byte boundary; sums in u64, so that no product can wrap. */
function take(bytes: u64): usize {
  const at = next;
  next = (next + bytes + 15) & ~15;
  return <usize>at;
}

/**
 * Assigns an address to every array of a problem. Returns the bytes of memory it needs, or 0 if a size is out of range
 * (every size must be positive, and the whole must fit into 32 bits of address).
 */
export function layout(problemKind: i32, K: i32, d: i32, queries: i32, picks: i32): u64 {
  if (K <= 0 || d <= 0 || queries <= 0 || picks <= 0 || (problemKind != F32 && problemKind != Q15)) return 0;
  if (K > 1 << 24 || d > 1 << 16 || queries > 1 << 10 || picks > 1 << 12) return 0;
  kind = problemKind;
  Kp = (K + 7) & ~7;
  dp = (d + 15) & ~15;
  m = queries;
  N = picks;
  D = min(picks, K);
  const value: u64 = problemKind == F32 ? 4 : 2;
  const k = <u64>Kp;
  const n = <u64>N;
  rowBytes = <usize>(value * <u64>dp);
  next = (<u64>__heap_base + 15) & ~15;
  rowsAt = take(k * <u64>rowBytes);
  queriesAt = take(<u64>m * <u64>rowBytes);
  scalesAt = take(<u64>m * 8);
  cAt = take(<u64>m * k * 8);
  vAt = take(k * 8);
  openAt = take(k * 8);
  LAt = take(k * n * 4);
  gramAt = take(<u64>D * k * 4);
  listAt = take(k * 4);
  slotAt = take(k * 4);
  exactAt = take(<u64>D * <u64>D * 8);
  CAt = take(n * n * 8);
  yAt = take(<u64>m * n * 8);
  weightsAt = take(n * 8);
  picksAt = take(n * 4);
  gainsAt = take(n * 8);
  sigma2At = take((n + 1) * 8);
  covAt = take(n * 8);
  residualAt = take(<u64>m * <u64>dp * 8);
  return next <= 0xffff0000 ? next : 0;
}
