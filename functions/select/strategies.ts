// Three ways to choose N of K rows: SIFT (the kernel), nearest neighbours, and maximal marginal relevance. The last two
// are there to be compared with; they never pick a row twice. All answer with the same figures.

import type { SelectionOptions } from '../../wire/api/select.ts';
import { ok, type Result } from '../../wire/faults.ts';
import { AUTO_MIN_SIMILARITY } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import type { Problem, Rows, StopReason } from '../kernel/problem.ts';
import { asQuantised } from '../kernel/q15.ts';
import type { Select } from '../pool/pool.ts';
import { dot } from '../vectors/algebra.ts';
import { posterior } from './posterior.ts';

export interface Chosen {
  readonly picks: readonly number[];
  readonly gains: readonly number[];
  readonly variances: readonly number[];
  readonly covariances: readonly number[];
  readonly initialVariance: number;
  readonly stop: StopReason;
}

export interface Choice {
  readonly rows: Rows;
  readonly queries: readonly Float32Array[];
  readonly dimensions: number;
  /** λ as the kernel uses it. */
  readonly noise: number;
  /** The vectors as they are stored, where the kernel sees them less the corpus' mean. Neighbours are those of these. */
  readonly stored?: { readonly rows: Rows; readonly queries: readonly Float32Array[] };
}

type Options = Pick<
  SelectionOptions,
  'n' | 'alpha' | 'degree' | 'min_similarity' | 'repeat' | 'strategy' | 'mmr_lambda'
>;

const ONE = 32767;

/** What is compared without a kernel: vectors as they are stored. */
export const asStored = ({ stored, ...choice }: Choice): Choice => ({ ...choice, ...stored });

/** Row i as float, whatever the rows are. */
const rowOf = ({ rows, dimensions }: Choice, i: number): Float32Array | Float64Array => {
  const row = rows.subarray(i * dimensions, (i + 1) * dimensions);
  return row instanceof Float32Array ? row : Float64Array.from(row, (value) => value / ONE);
};

/** The prompts as the kernel sees them beside these rows, so that all strategies tell the same σ² of the same picks. */
const asSeen = ({ rows, queries }: Choice): readonly ArrayLike<number>[] =>
  rows instanceof Float32Array ? queries : queries.map(asQuantised);

/** What the kernel is asked, whatever is picked. */
export const problemOf = ({
  rows,
  queries,
  dimensions,
  noise,
}: Choice): Pick<Problem, 'rows' | 'queries' | 'dimensions' | 'lambda'> => {
  const flat = new Float32Array(queries.length * dimensions);
  for (const [i, query] of queries.entries()) flat.set(query, i * dimensions);
  return { rows, queries: flat, dimensions, lambda: noise };
};

/** Inner product of every row with the queries, averaged over them. */
export const similarities = (choice: Choice): Float64Array => {
  const { rows, queries, dimensions } = choice;
  const scale = (rows instanceof Float32Array ? 1 : ONE) * queries.length;
  return Float64Array.from({ length: rows.length / dimensions }, (_, i) => {
    let sum = 0;
    for (const query of queries) sum += dot(rows, query, i * dimensions, 0, dimensions);
    return sum / scale;
  });
};

const nearest = (choice: Choice, n: number): number[] => {
  const similarity = similarities(choice);
  const order = [...similarity.keys()].sort((a, b) => (similarity[b] ?? 0) - (similarity[a] ?? 0) || a - b);
  return order.slice(0, n);
};

/** Each pick is like the prompt and unlike what was picked before: β·sim(q,x) − (1−β)·max sim(s,x). */
const marginal = (choice: Choice, n: number, beta: number): number[] => {
  const relevance = similarities(choice);
  const redundancy = new Float64Array(relevance.length).fill(Number.NEGATIVE_INFINITY);
  const left = new Set(relevance.keys());
  const picks: number[] = [];
  while (picks.length < n && left.size > 0) {
    let best = -1;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (const i of left) {
      const redundant = picks.length === 0 ? 0 : (redundancy[i] ?? 0);
      const score = beta * (relevance[i] ?? 0) - (1 - beta) * redundant;
      if (score > bestScore) {
        best = i;
        bestScore = score;
      }
    }
    picks.push(best);
    left.delete(best);
    const picked = rowOf(choice, best);
    for (const i of left) redundancy[i] = Math.max(redundancy[i] ?? 0, dot(rowOf(choice, i), picked));
  }
  return picks;
};

const given = (choice: Choice, picks: readonly number[], { n, degree }: Pick<Options, 'n' | 'degree'>): Chosen => ({
  picks,
  ...posterior(
    picks.map((i) => rowOf(choice, i)),
    asSeen(choice),
    choice.noise,
    degree,
  ),
  stop: picks.length < n ? 'exhausted' : 'count',
});

const rowsAt = (rows: Rows, numbers: readonly number[], dimensions: number): Rows => {
  const kept = rows.slice(0, numbers.length * dimensions);
  for (const [place, i] of numbers.entries()) {
    kept.set(rows.subarray(i * dimensions, (i + 1) * dimensions), place * dimensions);
  }
  return kept;
};

/** The rows whose similarity reaches the least one, and their numbers among all. */
const aboveThreshold = (choice: Choice, least: number | 'auto'): { numbers: number[]; choice: Choice } => {
  const { rows, dimensions, stored } = choice;
  // a number is the caller's, of the similarity that is told; ours is of what the kernel sees
  const values = least === 'auto' ? similarities(choice) : similarities(asStored(choice));
  const limit = least === 'auto' ? AUTO_MIN_SIMILARITY : least;
  const numbers = Array.from(values.entries()).flatMap(([i, value]) => (value >= limit ? [i] : []));
  const kept = { ...choice, rows: rowsAt(rows, numbers, dimensions) };
  if (stored === undefined) return { numbers, choice: kept };
  return { numbers, choice: { ...kept, stored: { ...stored, rows: rowsAt(stored.rows, numbers, dimensions) } } };
};

/** Where there is nothing to choose from. */
export const nothing = (initialVariance: number): Chosen => ({
  picks: [],
  gains: [],
  variances: [],
  covariances: [],
  initialVariance,
  stop: 'exhausted',
});

export const choose = (choice: Choice, options: Options, select: Select): Result<Chosen> => {
  const { min_similarity: least, ...others } = options;
  if (least === undefined) return chooseFrom(choice, others, select);
  const { numbers, choice: left } = aboveThreshold(choice, least);
  if (numbers.length === 0)
    return ok(nothing(posterior([], asSeen(choice), choice.noise, options.degree).initialVariance));
  const chosen = chooseFrom(left, others, select);
  return chosen.ok ? ok({ ...chosen.value, picks: chosen.value.picks.map((i) => at(numbers, i)) }) : chosen;
};

const chooseFrom = (choice: Choice, options: Omit<Options, 'min_similarity'>, select: Select): Result<Chosen> => {
  const { n, alpha, degree, repeat, strategy } = options;
  if (strategy === 'nn') return ok(given(choice, nearest(asStored(choice), n), options));
  if (strategy === 'mmr') return ok(given(choice, marginal(asStored(choice), n, options.mmr_lambda), options));
  return select({
    ...problemOf(choice),
    picks: n,
    degree,
    repeat,
    ...(alpha === undefined ? {} : { alpha }),
  });
};
