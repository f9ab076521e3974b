// The candidates that a strategy chooses from: the product's pool over the prompt's view of the corpus, or every example
// that the prompt may see.
import type { Kernel } from '../../functions/kernel/index.ts';
import type { Rows } from '../../functions/kernel/problem.ts';
import { toQ15 } from '../../functions/kernel/q15.ts';
import { aimFor, centredIndex } from '../../functions/pool/centred.ts';
import { gatherPool } from '../../functions/pool/pool.ts';
import { centredPrompts } from '../../functions/select/centre.ts';
import { less } from '../../functions/vectors/algebra.ts';
import { type Corpus, indicesOf, type PromptView } from '../material/corpus.ts';
import type { SelectionSpec } from './spec.ts';

export interface Gathered {
  /** Example number of every row. */
  readonly numbers: readonly number[];
  readonly rows: Rows;
  /** Rows as the kernel sees them, and the prompt: less the mean, where the product subtracts it. */
  readonly seen: { readonly rows: Rows; readonly query: Float32Array };
  readonly queries: number;
  readonly collapsed: number;
}

/** A candidate's key is its example's number, with a suffix for the further copies of it. */
export const numberOf = (key: string): number => Number.parseInt(key, 10);

/** Rows without the mean. */
const withoutMean = (rows: Float32Array, dimensions: number, mean: Float32Array): Float32Array => {
  const left = new Float32Array(rows.length);
  for (let i = 0; i < rows.length; i += dimensions) left.set(less(rows.subarray(i, i + dimensions), mean), i);
  return left;
};

const rowsOf = (corpus: Corpus, numbers: readonly number[]): Float32Array => {
  const rows = new Float32Array(numbers.length * corpus.dimensions);
  for (const [at, i] of numbers.entries()) rows.set(corpus.store.row(i), at * corpus.dimensions);
  return rows;
};

export const gather = async (kernel: Kernel, view: PromptView, wanted: SelectionSpec): Promise<Gathered> => {
  const { corpus, mask, vector } = view;
  const { dimensions, mean } = corpus;
  const [query] = centredPrompts([vector], mean) ?? [];
  const seenOf = (rows: Float32Array) =>
    query === undefined || mean === undefined
      ? { rows, query: vector }
      : { rows: withoutMean(rows, dimensions, mean), query };
  if (wanted.pool.rounds === 0) {
    const numbers = Array.from(mask.keys()).filter((i) => mask[i] === 1);
    const rows = rowsOf(corpus, numbers);
    return { numbers, rows, seen: seenOf(rows), queries: 0, collapsed: 0 };
  }
  const { strategy, lambda, degree, repeat, n, pool, copies, stripes } = wanted;
  const indices = indicesOf(corpus, { mask, copies, stripes });
  const isCentred = query !== undefined && mean !== undefined;
  const asked = isCentred ? indices.map((index) => centredIndex(index, mean)) : indices;
  const gathered = await gatherPool(asked, [query ?? vector], kernel.select, {
    ...(isCentred ? { first: [vector], aim: aimFor(mean) } : {}),
    rounds: strategy === 'sift' ? pool.rounds : 1, // as in the product: only SIFT has a residual to query with again
    topK: pool.topK,
    residualSign: pool.sign,
    opposite: false,
    picks: n,
    lambda,
    degree,
    repeat,
    ...(pool.prefix === undefined ? {} : { residualPicks: pool.prefix }),
  });
  const numbers = gathered.collected.map(({ candidate }) => numberOf(candidate.key));
  const { queries, collapsed } = gathered;
  if (wanted.exact) {
    const rows = rowsOf(corpus, numbers);
    return { numbers, rows, seen: seenOf(rows), queries, collapsed };
  }
  const rows = isCentred ? toQ15(rowsOf(corpus, numbers)) : gathered.rows;
  return { numbers, rows, seen: { rows: gathered.rows, query: query ?? vector }, queries, collapsed };
};
