// How a vector of each metric becomes a row that the kernel's store searches by inner product.
// Cosine rows are normalised on the way in, so that the inner product is the cosine. Euclidean rows carry one more column,
// −‖x‖²/2, against a query's 1: the inner product is then q·x − ‖x‖²/2, which is largest for the nearest row.
import type { Metric } from './config.ts';

export const rowWidth = (metric: Metric, dimensions: number): number =>
  metric === 'euclidean' ? dimensions + 1 : dimensions;

const squaredNorm = (vector: Float32Array): number => {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += (vector[i] ?? 0) ** 2;
  return sum;
};

/** A vector of norm 0 has no direction: it stays 0 and scores 0 against everything. */
const normalised = (vector: Float32Array): Float32Array => {
  const norm = Math.sqrt(squaredNorm(vector)) || 1;
  const row = new Float32Array(vector.length);
  for (let i = 0; i < row.length; i++) row[i] = (vector[i] ?? 0) / norm;
  return row;
};

const widened = (vector: Float32Array, last: number): Float32Array => {
  const row = new Float32Array(vector.length + 1);
  row.set(vector);
  row[vector.length] = last;
  return row;
};

export const storedRow = (metric: Metric, vector: Float32Array): Float32Array => {
  if (metric === 'cosine') return normalised(vector);
  return metric === 'euclidean' ? widened(vector, -squaredNorm(vector) / 2) : vector;
};

export const queryRow = (metric: Metric, vector: Float32Array): Float32Array => {
  if (metric === 'cosine') return normalised(vector);
  return metric === 'euclidean' ? widened(vector, 1) : vector;
};

export const distance = (a: Float32Array, b: Float32Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  return Math.sqrt(sum);
};
