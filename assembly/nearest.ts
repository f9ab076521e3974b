// Exact top-k by inner product over rows that stay in memory: what the local Vectorize searches with.
// Scores of all rows first, then one pass that keeps the k best in a heap whose root is the worst of them.
import { sweep } from './dots';

// a is worse than b: a lower score, or of equals the higher index
// @ts-ignore: decorator
@inline
function worse(scoreA: f32, a: i32, scoreB: f32, b: i32): bool {
  return scoreA < scoreB || (scoreA == scoreB && a > b);
}

// @ts-ignore: decorator
@inline
function scoreOf(scores: usize, x: i32): f32 {
  return load<f32>(scores + (<usize>x << 2));
}

// @ts-ignore: decorator
@inline
function item(heap: usize, i: i32): i32 {
  return load<i32>(heap + (<usize>i << 2));
}

function sink(heap: usize, scores: usize, size: i32, i: i32): void {
  const x = item(heap, i);
  const score = scoreOf(scores, x);
  for (;;) {
    let child = 2 * i + 1;
    if (child >= size) break;
    if (child + 1 < size) {
      const a = item(heap, child + 1);
      const b = item(heap, child);
      if (worse(scoreOf(scores, a), a, scoreOf(scores, b), b)) child++;
    }
    const y = item(heap, child);
    if (!worse(scoreOf(scores, y), y, score, x)) break;
    store<i32>(heap + (<usize>i << 2), y);
    i = child;
  }
  store<i32>(heap + (<usize>i << 2), x);
}

/**
 * Writes the indices of the best `k` of `K` rows to `out`, best first, and all scores to `scores` (f32, K rounded up
 * to 8). `mask` (one byte a row, 0 = left out) may be 0 for none. Returns how many were found.
 */
export function nearest(
  kind: i32, rows: usize, K: i32, rowBytes: usize, query: usize, mask: usize, k: i32, scores: usize, out: usize,
): i32 {
  sweep(kind, rows, query, scores, (K + 7) & ~7, rowBytes);
  let size = 0;
  for (let x = 0; x < K; x++) {
    if (mask != 0 && load<u8>(mask + <usize>x) == 0) continue;
    if (size < k) {
      store<i32>(out + (<usize>size << 2), x);
      size++;
      if (size == k) for (let i = (k >> 1) - 1; i >= 0; i--) sink(out, scores, k, i);
    } else {
      const root = item(out, 0);
      if (worse(scoreOf(scores, root), root, scoreOf(scores, x), x)) {
        store<i32>(out, x);
        sink(out, scores, k, 0);
      }
    }
  }
  if (size < k) for (let i = (size >> 1) - 1; i >= 0; i--) sink(out, scores, size, i);
  // the heap, emptied from its worst, is the order from the end
  for (let end = size - 1; end > 0; end--) {
    const x = item(out, 0);
    store<i32>(out, item(out, end));
    store<i32>(out + (<usize>end << 2), x);
    sink(out, scores, end, 0);
  }
  return size;
}
