// The pool: candidates from an index that gives at most 50 at a time. Ask with the prompt, select, ask again with the
// residual (the part of the prompt that the picks do not explain: r·φ(x) = k_S(q,x) for every x, seen or unseen), and so
// on; three such rounds beat one pool of 200. Pure over an Index and the kernel's select; no clock, no Request.
// Where copies fill the answers, so that fewer distinct candidates came than there are to be picks, further rounds ask
// past the copies (past-copies.ts). Where there are still too few, and the pool may grow, more rounds ask around what was
// found (further.ts), until there are enough, the index has no others, or MAX_GROWTH_ROUNDS are over.
import { type Result, unwrap } from '../../wire/faults.ts';
import {
  MAX_CONNECTIONS,
  MAX_GROWTH_ROUNDS,
  MAX_POOL,
  MAX_POOL_LAMBDA,
  MAX_ROUNDS,
  MAX_ROUNDS_PAST_COPIES,
} from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { inParallel } from '../../wire/parallel.ts';
import type { Problem, Selection } from '../kernel/problem.ts';
import { toQ15 } from '../kernel/q15.ts';
import { dot, normalise, squaredNorm } from '../vectors/algebra.ts';
import type { Index } from './candidate.ts';
import { type Collected, Collector } from './collapse.ts';
import { Further } from './further.ts';
import { PastCopies } from './past-copies.ts';

export type Select = (problem: Problem) => Result<Selection>;

export interface PoolOptions {
  /** Rounds of queries; a round that found mostly copies is not counted, so that copies do not starve a pool. */
  readonly rounds: number;
  /** Candidates of one query. */
  readonly topK: number;
  /** Ask with the residual only, or with its opposite too: the score is squared, so −r lowers σ² as well. */
  readonly residualSign: 'plus' | 'both';
  /** Ask with the opposite of the prompt too, in the first round. */
  readonly opposite: boolean;
  /** Round i takes the residual of the first `residualPicks`·i picks; absent: of all. */
  readonly residualPicks?: number;
  /** Unit vectors that the first round asks with; absent: the queries. */
  readonly first?: readonly Float32Array[];
  /** What the index is asked with for a direction of the candidates' space; absent: the direction itself. */
  readonly aim?: (direction: Float32Array) => Float32Array;
  /** The selection the pool is for. */
  readonly picks: number;
  readonly lambda: number;
  /** Of the selection's kernel. */
  readonly degree: number;
  readonly repeat: boolean;
  /** Further rounds while there are fewer candidates than picks; `residual`: they ask with the residual too. */
  readonly growth?: Growth;
}

export interface Growth {
  readonly residual: boolean;
  /** Whether more candidates would be of no use. */
  readonly isEnough: (collected: readonly Collected[]) => boolean;
}

/** Why there are fewer candidates than picks: the index has no others, more rounds find none, or no room for more. */
export type Short = 'exhausted' | 'not found' | 'full';

export interface Pool {
  readonly collected: readonly Collected[];
  readonly rows: Int16Array;
  readonly collapsed: number;
  readonly queries: number;
  readonly rounds: number;
  /** Where the pool may grow, and is still too small. */
  readonly short?: Short;
}

/** A residual shorter than this explains nothing more: its direction is rounding. */
const NOTHING_LEFT = 1e-6;

/** Rounds in a row that bring nothing, after which nothing else is expected. */
const MAX_IDLE_ROUNDS = 2;

const negated = (vector: Float32Array): Float32Array => vector.map((value) => -value);

/** `queries` are unit vectors, at least one; `stripes` are the parts of the corpus, each asked with every query. */
export const gatherPool = async (
  stripes: readonly Index[],
  queries: readonly Float32Array[],
  select: Select,
  options: PoolOptions,
): Promise<Pool> => {
  const first = at(queries, 0);
  const aim = options.aim ?? ((direction: Float32Array) => direction);
  const dimensions = first.length;
  const collector = new Collector(toQ15(first));
  const flat = new Float32Array(queries.length * dimensions);
  for (const [i, query] of queries.entries()) flat.set(query, i * dimensions);

  let asked = 0;
  let rounds = 0;
  /** Candidates that each of so many queries may bring, so that the pool never outgrows a Worker. */
  const room = (vectors: number): number =>
    Math.floor((MAX_POOL - collector.collected.length) / (vectors * stripes.length));
  /** Stripes that answered a query with less than was asked for: all they hold is known. */
  const emptied = new Set<Index>();
  const ask = async (
    vectors: readonly Float32Array[],
    from: readonly Index[] = stripes,
  ): Promise<{ fresh: number; copies: number }> => {
    const topK = Math.min(options.topK, room(vectors.length));
    const tasks = vectors.flatMap((vector) =>
      from.map((stripe) => async () => {
        const found = await stripe.query(vector, topK);
        if (found.length < topK) emptied.add(stripe);
        return found;
      }),
    );
    asked += tasks.length;
    rounds += 1;
    return collector.add((await inParallel(tasks, MAX_CONNECTIONS)).flat());
  };

  const residuals = (round: number): Float32Array[] => {
    const picks =
      options.residualPicks === undefined ? options.picks : Math.min(options.picks, options.residualPicks * round);
    const { repeat } = options;
    // another kernel's λ says nothing about this residual
    const lambda = options.degree === 1 ? Math.min(options.lambda, MAX_POOL_LAMBDA) : MAX_POOL_LAMBDA;
    const rows = collector.rows(dimensions);
    // of degree 1 whatever the selection's: only there is the residual a vector that an index can be asked with
    const { residual } = unwrap(select({ rows, queries: flat, dimensions, picks, lambda, repeat }));
    return queries.flatMap((_, i) => {
      const r = residual.subarray(i * dimensions, (i + 1) * dimensions);
      if (!(squaredNorm(r) > NOTHING_LEFT ** 2)) return [];
      const direction = normalise(r);
      return options.residualSign === 'both' ? [direction, negated(direction)] : [direction];
    });
  };

  /** The rounds asked for; what copies filled is not counted. */
  const byResidual = async (): Promise<void> => {
    const prompts = options.first ?? queries;
    let last = await ask(options.opposite ? [...prompts, ...prompts.map(negated)] : prompts);
    let allowed = options.rounds;
    for (let round = 1; round < allowed && collector.collected.length > 0; round++) {
      if (last.copies > last.fresh) allowed = Math.min(allowed + 1, MAX_ROUNDS);
      const directions = residuals(round);
      if (directions.length === 0 || room(directions.length) < 1) return;
      last = await ask(directions.map(aim));
      if (last.fresh + last.copies === 0) return; // the index has nothing else to offer
    }
  };

  const open = (): Index[] => stripes.filter((stripe) => !emptied.has(stripe));
  const tooFew = (): boolean => collector.collected.length < options.picks;
  /** The candidates nearest to the prompts, as many as there are to be picks. */
  const nearest = (): Set<string> => {
    const order = collector.collected
      .map(({ candidate: { key, row } }) => ({ key, own: queries.reduce((sum, query) => sum + dot(row, query), 0) }))
      .sort((a, b) => b.own - a.own);
    return new Set(order.slice(0, options.picks).map(({ key }) => key));
  };
  /** Rounds past the copies, until there are enough candidates and a round brings none among the nearest. */
  const pastCopies = async (): Promise<void> => {
    const directionsPast = new PastCopies(queries);
    let known = nearest();
    for (let round = 1; round <= (tooFew() ? MAX_ROUNDS : MAX_ROUNDS_PAST_COPIES); round++) {
      const from = open();
      const directions = directionsPast.next(collector.collected);
      if (from.length === 0 || directions.length === 0 || room(directions.length) < 1) return;
      const { fresh } = await ask(directions.map(aim), from);
      // the second round and later ask both ways along one direction: whatever is no copy shows in one of the answers
      if (fresh === 0 && round > 1) return;
      const now = nearest();
      if (!tooFew() && [...now].every((key) => known.has(key))) return;
      known = now;
    }
  };

  /** Rounds around what was found, until there are enough or two in a row bring nothing. */
  const grow = async ({ residual, isEnough }: Growth): Promise<void> => {
    const further = new Further(queries);
    let idle = 0;
    for (let round = 1; round <= MAX_GROWTH_ROUNDS && idle < MAX_IDLE_ROUNDS; round++) {
      const from = open();
      if (!tooFew() || isEnough(collector.collected) || from.length === 0) return;
      const left = residual ? residuals(options.rounds + round - 1).slice(0, 1) : [];
      const most = Math.max(2, Math.floor(MAX_CONNECTIONS / from.length) - left.length);
      const directions = [...left, ...further.next(collector.collected, most, idle > 0)];
      if (room(directions.length) < 1) return;
      const { fresh } = await ask(directions.map(aim), from);
      idle = fresh === 0 ? idle + 1 : 0;
    }
  };
  const copiesPrevail = (): boolean => collector.collapsed >= collector.collected.length;
  const shortOf = ({ isEnough }: Growth): Short | undefined => {
    if (!tooFew() || collector.collected.length === 0 || isEnough(collector.collected)) return undefined;
    if (open().length === 0) return 'exhausted';
    return room(MAX_CONNECTIONS) < 1 ? 'full' : 'not found';
  };

  await byResidual();
  const { growth } = options;
  const found = collector.collected.length > 0;
  // around copies there are copies
  if (growth !== undefined && found && !copiesPrevail()) await grow(growth);
  if (collector.collapsed > 0 && tooFew() && (growth === undefined || copiesPrevail())) await pastCopies();
  const short = growth === undefined ? undefined : shortOf(growth);
  return {
    collected: collector.collected,
    rows: collector.rows(dimensions),
    collapsed: collector.collapsed,
    queries: asked,
    rounds,
    ...(short === undefined ? {} : { short }),
  };
};
