// A selection from a corpus, or from candidates that the caller sent, up to the answer on the wire. Everything outside
// (index, embedder, texts, clock) comes in as a function, so that tests and other routes pass what they like.

import type { SelectionOptions } from '../../wire/api/select.ts';
import { FaultError, unwrap } from '../../wire/faults.ts';
import { DOUBTFUL_LAMBDA, MAX_CONNECTIONS } from '../../wire/limits.ts';
import type { CallerMetadata } from '../corpora/record.ts';
import { noise } from '../kernel/select.ts';
import { inParallel } from '../parallel.ts';
import type { Candidate, Index } from '../pool/candidate.ts';
import { gatherPool, type Pool, type Select } from '../pool/pool.ts';
import { normalise, squaredNorm } from '../vectors/algebra.ts';
import { type Chosen, choose, nothing, similarities } from './strategies.ts';

export interface PickOnWire {
  id: string;
  text: string | null;
  /** Drop of the prompt's variance by this pick. */
  score: number;
  /** Inner product with the prompt, averaged over several. */
  similarity: number;
  /** Posterior covariance with the prompt just before the pick: negative ones inform by contrast. */
  covariance: number;
  /** The prompt's remaining variance after the pick. */
  sigma2: number;
  /** Near copies it stands for. */
  copies: number;
  source: string | null;
  metadata: CallerMetadata;
  /** Position in the candidates that the caller sent. */
  index?: number;
}

export interface SelectionOnWire {
  object: 'selection';
  corpus: string | null;
  strategy: SelectionOptions['strategy'];
  n: number;
  lambda: number;
  degree: number;
  picks: PickOnWire[];
  pool: { size: number; collapsed: number; queries: number; rounds: number };
  sigma2: { initial: number; final: number };
  stop: Chosen['stop'];
  warnings: string[];
  timings: Record<string, number>;
}

type Base = Pick<SelectionOnWire, 'corpus' | 'pool' | 'lambda'>;

const answer = (base: Base, options: SelectionOptions, chosen: Chosen, pick: (i: number, at: number) => PickOnWire) => {
  const warnings: string[] = [];
  if (options.lambda < DOUBTFUL_LAMBDA) {
    warnings.push(
      `lambda ${options.lambda} is below ${DOUBTFUL_LAMBDA} of the largest squared norm: sigma2 loses digits to rounding`,
    );
  }
  if (chosen.picks.length === 0 && options.min_similarity !== undefined) {
    warnings.push(`no candidate is as like the prompt as min_similarity ${options.min_similarity}`);
  }
  return {
    object: 'selection',
    strategy: options.strategy,
    n: options.n,
    degree: options.degree,
    ...base,
    picks: chosen.picks.map(pick),
    sigma2: { initial: chosen.initialVariance, final: chosen.variances.at(-1) ?? chosen.initialVariance },
    stop: chosen.stop,
    warnings,
    timings: {},
  } satisfies SelectionOnWire;
};

/** The figures of pick number `at`, candidate `i`. */
const figures = (chosen: Chosen, similarity: Float64Array, i: number, at: number) => ({
  score: chosen.gains[at] ?? 0,
  similarity: similarity[i] ?? 0,
  covariance: chosen.covariances[at] ?? 0,
  sigma2: chosen.variances[at] ?? 0,
});

export interface CorpusDeps {
  readonly stripes: readonly Index[];
  readonly select: Select;
  /** The text of a candidate that came without one. */
  readonly fetchText: (candidate: Candidate) => Promise<string>;
}

const poolFor = (deps: CorpusDeps, queries: readonly Float32Array[], options: SelectionOptions): Promise<Pool> =>
  gatherPool(deps.stripes, queries, deps.select, {
    // only SIFT has a residual to ask again with
    rounds: options.strategy === 'sift' ? options.rounds : 1,
    topK: options.top_k,
    residualSign: options.sign,
    opposite: options.opposite,
    picks: options.n,
    lambda: options.lambda,
    degree: options.degree,
    repeat: options.repeat,
    residualPicks: options.prefix,
  });

/** Texts of the picks that lie in R2, each fetched once. */
const longTexts = async (picked: Iterable<Candidate>, deps: CorpusDeps): Promise<Map<string, string>> => {
  const long = [...new Set(picked)].filter(({ text }) => text === undefined);
  const tasks = long.map((one) => async () => [one.key, await deps.fetchText(one)] as const);
  return new Map(await inParallel(tasks, MAX_CONNECTIONS));
};

export const selectFromCorpus = async (
  corpus: string,
  deps: CorpusDeps,
  prompts: readonly Float32Array[],
  options: SelectionOptions,
): Promise<SelectionOnWire> => {
  const queries = prompts.map(normalise);
  const pool = await poolFor(deps, queries, options);
  const { collected, rows, collapsed } = pool;
  const base: Base = {
    corpus,
    lambda: options.lambda,
    pool: { size: collected.length, collapsed, queries: pool.queries, rounds: pool.rounds },
  };
  if (collected.length === 0) {
    const empty = answer(base, options, nothing(queries.length), () => {
      throw new FaultError({ kind: 'internal', message: 'a pick from an empty pool' });
    });
    const why =
      options.filter === undefined ? 'is empty, or not indexed yet' : 'has nothing that the filter lets through';
    empty.warnings.push(`corpus '${corpus}' ${why}`);
    return empty;
  }
  const choice = { rows, queries, dimensions: queries[0]?.length ?? 0, noise: options.lambda };
  const chosen = unwrap(choose(choice, options, deps.select));
  const similarity = similarities(choice);
  const picked = chosen.picks.flatMap((i) => collected[i]?.candidate ?? []);
  const texts = await longTexts(picked, deps);
  const selection = answer(base, options, chosen, (i, at) => {
    const one = collected[i];
    if (one === undefined) throw new FaultError({ kind: 'internal', message: `pick ${i} is not in the pool` });
    const { candidate, copies } = one;
    return {
      id: candidate.id,
      text: candidate.text ?? texts.get(candidate.key) ?? null,
      ...figures(chosen, similarity, i, at),
      copies,
      source: candidate.source ?? null,
      metadata: candidate.metadata ?? {},
    };
  });
  if (collapsed > 0 && collected.length < options.n) {
    const found = `only ${collected.length} distinct candidates were found in corpus '${corpus}' for n = ${options.n}`;
    selection.warnings.push(`${found}; ${collapsed} copies of them were passed over`);
  }
  return selection;
};

/** A candidate that the caller sent, its vector known by now. */
export interface Sent {
  readonly id: string;
  readonly text?: string | undefined;
  readonly vector: Float32Array;
}

const times = (chosen: Chosen, factor: number): Chosen => ({
  ...chosen,
  gains: chosen.gains.map((value) => value * factor),
  variances: chosen.variances.map((value) => value * factor),
  covariances: chosen.covariances.map((value) => value * factor),
  initialVariance: chosen.initialVariance * factor,
});

/** Variances in the caller's units outside this range would be infinite, or lose their digits, as float64. */
const SMALLEST = 1e-300;
const LARGEST = 1e300;

/**
 * λ is relative to the largest ‖φ‖²ᵖ here: these vectors may have any length. They are chosen from at a scale where that is
 * one, so that neither tiny nor huge ones leave float32's range; every figure is told in the caller's own units.
 */
export const selectFromCandidates = (
  candidates: readonly Sent[],
  prompts: readonly Float32Array[],
  options: SelectionOptions,
  select: Select,
): SelectionOnWire => {
  const dimensions = prompts[0]?.length ?? 0;
  const rows = new Float32Array(candidates.length * dimensions);
  for (const [i, { vector }] of candidates.entries()) rows.set(vector, i * dimensions);
  const { noise: used, maxSquaredNorm } = noise(options.lambda, rows, dimensions, options.degree);
  const squared = used === options.lambda ? 1 : maxSquaredNorm;
  const unit = 1 / Math.sqrt(squared);
  // what a variance is worth in the caller's units
  const factor = squared ** options.degree;
  const longest = prompts.reduce((most, prompt) => Math.max(most, squaredNorm(prompt)), squared);
  if (!(factor >= SMALLEST && prompts.length * longest ** options.degree <= LARGEST)) {
    const message = `have, with the prompt, squared lengths up to ${longest}: to the power of ${options.degree} that is beyond float64`;
    throw new FaultError({ kind: 'bad_field', param: 'candidates', message });
  }
  const queries = prompts.map((prompt) => prompt.map((value) => value * unit));
  const choice = { rows: rows.map((value) => value * unit), queries, dimensions, noise: options.lambda };
  // σ is compared with 1/(alpha·n), and similarities with their least, in the caller's units
  const { alpha, min_similarity } = options;
  const scaled = {
    ...options,
    ...(alpha === undefined ? {} : { alpha: alpha * Math.sqrt(factor) }),
    ...(min_similarity === undefined ? {} : { min_similarity: min_similarity / squared }),
  };
  const chosen = times(unwrap(choose(choice, scaled, select)), factor);
  const similarity = similarities(choice).map((value) => value * squared);
  const base: Base = {
    corpus: null,
    lambda: used,
    pool: { size: candidates.length, collapsed: 0, queries: 0, rounds: 0 },
  };
  return answer(base, options, chosen, (i, at) => ({
    id: candidates[i]?.id ?? '',
    text: candidates[i]?.text ?? null,
    ...figures(chosen, similarity, i, at),
    copies: 0,
    source: null,
    metadata: {},
    index: i,
  }));
};
