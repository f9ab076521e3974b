// The candidates that a strategy chooses from: the product's pool over the prompt's view of the corpus, or every example
// that the prompt may see.
import type { Kernel } from '../../functions/kernel/index.ts';
import { gatherPool } from '../../functions/pool/pool.ts';
import { type Corpus, indicesOf, type PromptView } from '../material/corpus.ts';
import type { SelectionSpec } from './spec.ts';

export interface Gathered {
  /** Example number of every row. */
  readonly numbers: readonly number[];
  readonly rows: Int16Array | Float32Array;
  readonly queries: number;
  readonly collapsed: number;
}

/** A candidate's key is its example's number, with a suffix for the further copies of it. */
export const numberOf = (key: string): number => Number.parseInt(key, 10);

const rowsOf = (corpus: Corpus, numbers: readonly number[]): Float32Array => {
  const rows = new Float32Array(numbers.length * corpus.dimensions);
  for (const [at, i] of numbers.entries()) rows.set(corpus.store.row(i), at * corpus.dimensions);
  return rows;
};

export const gather = async (kernel: Kernel, view: PromptView, wanted: SelectionSpec): Promise<Gathered> => {
  const { corpus, mask } = view;
  if (wanted.pool.rounds === 0) {
    const numbers = Array.from(mask.keys()).filter((i) => mask[i] === 1);
    return { numbers, rows: rowsOf(corpus, numbers), queries: 0, collapsed: 0 };
  }
  const { strategy, lambda, degree, repeat, n, pool, copies, stripes } = wanted;
  const gathered = await gatherPool(indicesOf(corpus, { mask, copies, stripes }), [view.vector], kernel.select, {
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
  const rows = wanted.exact ? rowsOf(corpus, numbers) : gathered.rows;
  return { numbers, rows, queries: gathered.queries, collapsed: gathered.collapsed };
};
