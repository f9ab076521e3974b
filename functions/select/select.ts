// A selection from a corpus, or from candidates that the caller sent, as a domain value (selection.ts). Everything outside
// (index, embedder, texts, clock) comes in as a function, so that tests and other routes pass what they like.

import type { SelectionOptions } from '../../wire/api/select.ts';
import { FaultError, unwrap } from '../../wire/faults.ts';
import { AUTO_MIN_SIMILARITY, DOUBTFUL_LAMBDA, GEOMETRY_LEAST, MAX_CONNECTIONS } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { inParallel } from '../../wire/parallel.ts';
import { noise } from '../kernel/select.ts';
import type { Candidate, Index } from '../pool/candidate.ts';
import { aimFor, centredIndex } from '../pool/centred.ts';
import { gatherPool, type Pool, type Select } from '../pool/pool.ts';
import { normalise, squaredNorm } from '../vectors/algebra.ts';
import { centredPrompts } from './centre.ts';
import type { Pick, PoolFigures, Selection } from './selection.ts';
import { asStored, type Choice, type Chosen, choose, nothing, similarities } from './strategies.ts';

type Base = {
  readonly corpus?: string;
  readonly lambda: number;
  readonly centred: boolean;
  readonly pool: PoolFigures;
};

const leastOf = ({ min_similarity }: SelectionOptions): number | undefined =>
  min_similarity === 'auto' ? AUTO_MIN_SIMILARITY : min_similarity;

const answer = (
  base: Base,
  options: SelectionOptions,
  chosen: Chosen,
  pick: (i: number, place: number) => Pick,
  warnings: readonly string[] = [],
): Selection => ({
  ...base,
  strategy: options.strategy,
  n: options.n,
  degree: options.degree,
  minSimilarity: leastOf(options),
  picks: chosen.picks.map(pick),
  initialVariance: chosen.initialVariance,
  finalVariance: chosen.variances.at(-1) ?? chosen.initialVariance,
  stop: chosen.stop,
  warnings: [...warningsOf(options, chosen), ...warnings],
});

const warningsOf = (options: SelectionOptions, chosen: Chosen): string[] => {
  const { lambda } = options;
  const least = leastOf(options);
  const warnings: string[] = [];
  if (lambda < DOUBTFUL_LAMBDA) {
    warnings.push(
      `lambda ${lambda} is below ${DOUBTFUL_LAMBDA} of the largest squared norm: sigma2 loses digits to rounding`,
    );
  }
  if (chosen.picks.length === 0 && least !== undefined) {
    warnings.push(`no candidate reaches min_similarity ${least}`);
  }
  return warnings;
};

/** The figures of the pick at this place, candidate `i`. */
const figures = (chosen: Chosen, similarity: Float64Array, i: number, place: number) => ({
  gain: at(chosen.gains, place),
  similarity: at(similarity, i),
  covariance: at(chosen.covariances, place),
  variance: at(chosen.variances, place),
});

export interface CorpusDeps {
  readonly stripes: readonly Index[];
  readonly select: Select;
  /** Subtracted from prompts and candidates before the kernel sees them. */
  readonly mean?: Float32Array;
  /** The text of a candidate that came without one. */
  readonly fetchText: (candidate: Candidate) => Promise<string>;
}

/** Prompts as the index is asked with them, and as the kernel sees them where that is less the mean. */
interface Asked {
  readonly queries: readonly Float32Array[];
  readonly centred?: readonly Float32Array[] | undefined;
}

const poolFor = (deps: CorpusDeps, { queries, centred }: Asked, options: SelectionOptions): Promise<Pool> => {
  const { mean } = deps;
  const isCentred = centred !== undefined && mean !== undefined;
  const stripes = isCentred ? deps.stripes.map((one) => centredIndex(one, mean)) : deps.stripes;
  return gatherPool(stripes, centred ?? queries, deps.select, {
    ...(isCentred ? { first: queries, aim: aimFor(mean) } : {}),
    // only SIFT has a residual to ask again with
    rounds: options.strategy === 'sift' ? options.rounds : 1,
    topK: options.top_k,
    residualSign: options.residual_sign,
    opposite: options.opposite,
    picks: options.n,
    lambda: options.lambda,
    degree: options.degree,
    repeat: options.repeat,
    residualPicks: options.residual_picks,
  });
};

/** The pool as something to choose from. */
const choiceOf = ({ collected, rows }: Pool, { queries, centred }: Asked, lambda: number): Choice => {
  const dimensions = at(queries, 0).length;
  if (centred === undefined) return { rows, queries, dimensions, noise: lambda };
  const stored = new Int16Array(rows.length);
  for (const [i, { candidate }] of collected.entries()) stored.set(candidate.stored ?? candidate.row, i * dimensions);
  return { rows, queries: centred, dimensions, noise: lambda, stored: { rows: stored, queries } };
};

/** Texts of the picks that lie in R2, each fetched once. */
const longTexts = async (picked: Iterable<Candidate>, deps: CorpusDeps): Promise<Map<string, string>> => {
  const long = [...new Set(picked)].filter(({ text }) => text === undefined);
  const tasks = long.map((one) => async () => [one.key, await deps.fetchText(one)] as const);
  return new Map(await inParallel(tasks, MAX_CONNECTIONS));
};

const notMeasured = (corpus: string, { mean }: CorpusDeps, { centre }: SelectionOptions): string[] =>
  centre === true && mean === undefined
    ? [`corpus '${corpus}' has no mean to subtract yet: it is measured from ${GEOMETRY_LEAST} examples on`]
    : [];

const noPick = (): never => {
  throw new RangeError('a pick from an empty pool');
};

export const selectFromCorpus = async (
  corpus: string,
  deps: CorpusDeps,
  prompts: readonly Float32Array[],
  options: SelectionOptions,
): Promise<Selection> => {
  const queries = prompts.map(normalise);
  const asked: Asked = { queries, centred: centredPrompts(queries, deps.mean) };
  const pool = await poolFor(deps, asked, options);
  const { collected, collapsed } = pool;
  const centred = asked.centred !== undefined;
  const base: Base = {
    corpus,
    lambda: options.lambda,
    centred,
    pool: { size: collected.length, collapsed, queries: pool.queries, rounds: pool.rounds },
  };
  if (collected.length === 0) {
    const why =
      options.filter === undefined ? 'is empty, or not indexed yet' : 'has nothing that the filter lets through';
    return answer(base, options, nothing(queries.length), () => noPick(), [`corpus '${corpus}' ${why}`]);
  }
  const choice = choiceOf(pool, asked, options.lambda);
  const chosen = unwrap(choose(choice, options, deps.select));
  const similarity = similarities(asStored(choice));
  const centredSimilarity = centred ? similarities(choice) : undefined;
  const picked = chosen.picks.map((i) => at(collected, i).candidate);
  const texts = await longTexts(picked, deps);
  const selection = answer(
    base,
    options,
    chosen,
    (i, place) => {
      const { candidate, copies } = at(collected, i);
      const { id, key, text, source, metadata } = candidate;
      const own = { ...figures(chosen, similarity, i, place), centredSimilarity: centredSimilarity?.[i] };
      return { id, text: text ?? texts.get(key), ...own, copies, source, metadata };
    },
    notMeasured(corpus, deps, options),
  );
  if (collapsed === 0 || collected.length >= options.n) return selection;
  const found = `only ${collected.length} distinct candidates were found in corpus '${corpus}' for n = ${options.n}`;
  const passed = `${found}; ${collapsed} copies of them were passed over`;
  return { ...selection, warnings: [...selection.warnings, passed] };
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
): Selection => {
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
    ...(typeof min_similarity !== 'number' ? {} : { min_similarity: min_similarity / squared }),
  };
  const chosen = times(unwrap(choose(choice, scaled, select)), factor);
  const similarity = similarities(choice).map((value) => value * squared);
  const base: Base = {
    lambda: used,
    centred: false,
    pool: { size: candidates.length, collapsed: 0, queries: 0, rounds: 0 },
  };
  return answer(base, options, chosen, (i, place) => {
    const { id, text } = at(candidates, i);
    return { id, text, ...figures(chosen, similarity, i, place), copies: 0, index: i };
  });
};
