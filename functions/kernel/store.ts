// Rows that stay in the kernel's memory and are searched exactly: the local Vectorize's index. It owns an instance of
// its own. The memory, from the heap up; rows last, so that they can grow:
//
//   heap ┬ query  dp values ┬ out  MAX_NEIGHBOURS i32 ┬ mask  capacity bytes ┬ scores  capacity f32 ┬ rows  capacity × dp
//
// Capacity doubles; growing moves the rows once. Removing a row moves the last one into its place.
import { MAX_NEIGHBOURS } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { instantiate } from './instance.ts';
import type { Nearest, Rows } from './problem.ts';

export interface RowStore {
  readonly size: number;
  /** Appends a row; its index is the size before. */
  append(row: Float32Array): number;
  replace(index: number, row: Float32Array): void;
  /** Removes a row by moving the last one into its place; returns the index the moved row came from. */
  remove(index: number): number;
  row(index: number): Float32Array;
  /** The k nearest by inner product, best first; rows whose mask byte is 0 are left out. */
  nearest(query: Float32Array, k: number, mask?: Uint8Array): Nearest;
}

export const createStore = (module: WebAssembly.Module, dimensions: number): RowStore => {
  const { exports, reserve } = instantiate(module);
  const dp = Math.ceil(dimensions / 16) * 16;
  const rowBytes = dp * 4;
  const queryAt = exports.heap();
  const outAt = queryAt + rowBytes;
  const maskAt = outAt + MAX_NEIGHBOURS * 4;
  let capacity = 0;
  let size = 0;
  let scoresAt = 0;
  let rowsAt = 0;
  let buffer = new ArrayBuffer(0);

  const grow = (least: number): void => {
    if (least <= capacity) return;
    const next = Math.max(64, Math.ceil(least / 8) * 8, capacity * 2);
    const newScores = (maskAt + next + 15) & ~15;
    const newRows = newScores + next * 4;
    buffer = reserve(newRows + next * rowBytes);
    const bytes = new Uint8Array(buffer);
    bytes.copyWithin(newRows, rowsAt, rowsAt + size * rowBytes);
    // the sweep reads whole blocks of 8 rows, with the padding of each; old rows must not be left there
    bytes.fill(0, newRows + size * rowBytes, newRows + next * rowBytes);
    capacity = next;
    scoresAt = newScores;
    rowsAt = newRows;
  };
  const view = (index: number): Float32Array => new Float32Array(buffer, rowsAt + index * rowBytes, dimensions);
  const check = (row: Float32Array): void => {
    if (row.length !== dimensions) throw new RangeError(`row has ${row.length} dimensions, the store ${dimensions}`);
  };
  const inside = (index: number): void => {
    if (!(Number.isInteger(index) && index >= 0 && index < size)) throw new RangeError(`row ${index} of ${size}`);
  };

  return {
    get size() {
      return size;
    },
    append(row) {
      check(row);
      grow(size + 1);
      view(size).set(row);
      size += 1;
      return size - 1;
    },
    replace(index, row) {
      inside(index);
      check(row);
      view(index).set(row);
    },
    remove(index) {
      inside(index);
      const last = size - 1;
      if (index !== last) view(index).set(view(last));
      size = last;
      return last;
    },
    row(index) {
      inside(index);
      return view(index).slice();
    },
    nearest(query, k, mask) {
      check(query);
      if (!(Number.isInteger(k) && k > 0 && k <= MAX_NEIGHBOURS))
        throw new RangeError(`k is ${k}, it must be from 1 to ${MAX_NEIGHBOURS}`);
      if (mask !== undefined && mask.length !== size)
        throw new RangeError(`mask has ${mask.length} bytes for ${size} rows`);
      if (size === 0) return { indices: [], scores: [] };
      const padded = new Float32Array(buffer, queryAt, dp);
      padded.fill(0);
      padded.set(query);
      if (mask !== undefined) new Uint8Array(buffer, maskAt, size).set(mask);
      const found = exports.nearest(
        0,
        rowsAt,
        size,
        rowBytes,
        queryAt,
        mask === undefined ? 0 : maskAt,
        k,
        scoresAt,
        outAt,
      );
      const indices = Array.from(new Int32Array(buffer, outAt, found));
      const all = new Float32Array(buffer, scoresAt, size);
      return { indices, scores: indices.map((index) => at(all, index)) };
    },
  };
};

/** Exact top-k over rows given once; float32 or Q15 (the query is then Q15 too, scores are in the rows' own units). */
export const nearestOnce = (
  module: WebAssembly.Module,
  rows: Rows,
  query: Rows,
  dimensions: number,
  k: number,
): Nearest => {
  const { exports, reserve } = instantiate(module);
  const isFloat = rows instanceof Float32Array;
  const dp = Math.ceil(dimensions / 16) * 16;
  const rowBytes = dp * (isFloat ? 4 : 2);
  const K = rows.length / dimensions;
  const Kp = Math.ceil(K / 8) * 8;
  const queryAt = exports.heap();
  const outAt = queryAt + rowBytes;
  const scoresAt = (outAt + 4 * k + 15) & ~15;
  const rowsAt = scoresAt + 4 * Kp;
  const buffer = reserve(rowsAt + Kp * rowBytes);
  const viewAt = (address: number, length: number): Rows =>
    isFloat ? new Float32Array(buffer, address, length) : new Int16Array(buffer, address, length);
  viewAt(queryAt, dp).set(query);
  for (let x = 0; x < K; x++) {
    viewAt(rowsAt + x * rowBytes, dp).set(rows.subarray(x * dimensions, (x + 1) * dimensions));
  }
  const found = exports.nearest(isFloat ? 0 : 1, rowsAt, K, rowBytes, queryAt, 0, k, scoresAt, outAt);
  const indices = Array.from(new Int32Array(buffer, outAt, found));
  const all = new Float32Array(buffer, scoresAt, K);
  return { indices, scores: indices.map((index) => at(all, index)) };
};
