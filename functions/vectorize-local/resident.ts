// Rows held in one growing array and searched by a plain loop.
import type { Nearest } from '../kernel/problem.ts';
import type { RowStore } from './rows.ts';

export const createRows = (width: number): RowStore => {
  let rows = new Float32Array(width * 64);
  let count = 0;
  const at = (index: number) => rows.subarray(index * width, (index + 1) * width);
  return {
    get count() {
      return count;
    },
    append(row) {
      if ((count + 1) * width > rows.length) {
        const grown = new Float32Array(rows.length * 2);
        grown.set(rows);
        rows = grown;
      }
      rows.set(row, count * width);
      count += 1;
    },
    overwrite(index, row) {
      rows.set(row, index * width);
    },
    remove(index) {
      count -= 1;
      rows.set(at(count), index * width);
    },
    nearest(query, k, excluded): Nearest {
      const scored: { index: number; score: number }[] = [];
      for (let i = 0; i < count; i++) {
        if (excluded !== null && excluded[i] !== 0) continue;
        let score = 0;
        for (let j = 0; j < width; j++) score += (query[j] ?? 0) * (rows[i * width + j] ?? 0);
        scored.push({ index: i, score });
      }
      scored.sort((a, b) => b.score - a.score || a.index - b.index);
      const best = scored.slice(0, k);
      return { indices: best.map((x) => x.index), scores: best.map((x) => x.score) };
    },
  };
};
