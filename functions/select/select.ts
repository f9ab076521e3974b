// A selection from one corpus or several as a domain value (selection.ts). Everything outside (index, embedder, texts, clock)
// comes in as a function, so that tests and other routes pass what they like.
// Texts that lie in R2 are not fetched here: a draft says which picks have one, so that a route may leave them out, send each
// as it comes, or wait for all.
import type { SelectionOptions } from '../../wire/api/select.ts';
import { unwrap } from '../../wire/faults.ts';
import { AUTO_MIN_SIMILARITY, GEOMETRY_LEAST, MAX_CONNECTIONS, MAX_POOL } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { inParallel } from '../../wire/parallel.ts';
import type { Candidate, Index } from '../pool/candidate.ts';
import { aimFor, centredIndex } from '../pool/centred.ts';
import type { Collected } from '../pool/collapse.ts';
import { gatherPool, type Pool, type Select } from '../pool/pool.ts';
import { dot, normalise } from '../vectors/algebra.ts';
import { accountOf, type Base } from './account.ts';
import { centredPrompts } from './centre.ts';
import { NOTHING, removableBy } from './explained.ts';
import type { Selection } from './selection.ts';
import { asStored, type Choice, choose, nothing, similarities } from './strategies.ts';

export interface CorpusDeps {
  readonly stripes: readonly Index[];
  readonly select: Select;
  /** Subtracted from prompts and candidates before the kernel sees them. */
  readonly mean?: Float32Array;
  /** The text of a candidate that came without one. */
  readonly fetchText: (candidate: Candidate) => Promise<string>;
}

/** A selection whose long texts are still to be fetched. */
export interface Draft {
  readonly selection: Selection;
  /** The text of the pick at this place; one that was picked twice is fetched once. */
  readonly text: (place: number) => Promise<string | undefined>;
}

/** Prompts as the index is asked with them, and as the kernel sees them where that is less the mean. */
interface Asked {
  readonly queries: readonly Float32Array[];
  readonly centred?: readonly Float32Array[] | undefined;
}

/** The least similarity is met by nobody else once the pool holds somebody who does not meet it: the nearest come first. */
const enoughFor =
  ({ min_similarity: least }: SelectionOptions, { queries, centred = queries }: Asked) =>
  (collected: readonly Collected[]): boolean => {
    if (least === undefined) return false;
    const limit = 32767 * queries.length * (least === 'auto' ? AUTO_MIN_SIMILARITY : least);
    return collected.some(({ candidate: { row, stored = row } }) => {
      const [seen, prompts] = least === 'auto' ? [row, centred] : [stored, queries];
      return prompts.reduce((sum, prompt) => sum + dot(seen, prompt), 0) < limit;
    });
  };

const poolFor = (deps: CorpusDeps, asked: Asked, options: SelectionOptions): Promise<Pool> => {
  const { queries, centred } = asked;
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
    // with repeats a few candidates are enough for any number of picks
    ...(options.repeat
      ? {}
      : { growth: { residual: options.strategy === 'sift', isEnough: enoughFor(options, asked) } }),
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

/** “corpus 'a'”, “corpora 'a', 'b'”. */
const inWords = (names: readonly string[]): string =>
  `${names.length === 1 ? 'corpus' : 'corpora'} ${names.map((name) => `'${name}'`).join(', ')}`;

const warningsOf = (
  names: readonly string[],
  { mean }: CorpusDeps,
  { centre, n, filter }: SelectionOptions,
  { collected, collapsed, short, queries }: Pool,
): string[] => {
  const warnings: string[] = [];
  const size = collected.length;
  if (centre === true && mean === undefined) {
    warnings.push(`${inWords(names)} has no mean to subtract yet: it is measured from ${GEOMETRY_LEAST} examples on`);
  }
  if (size < n && (collapsed > 0 || short !== undefined)) {
    const found = `only ${size} distinct candidates were found in ${inWords(names)} for n = ${n}`;
    const copies = collapsed > 0 ? `; ${collapsed} copies of them were passed over` : '';
    const letThrough = filter === undefined ? '' : ' that the filter lets through';
    const why = {
      exhausted: `: there are no others${letThrough}`,
      'not found': `: ${queries} queries brought no more`,
      full: `: a pool holds ${MAX_POOL} at most`,
      none: '',
    }[short ?? 'none'];
    warnings.push(`${found}${copies}${why}`);
  }
  return warnings;
};

const noPick = (): never => {
  throw new RangeError('a pick from an empty pool');
};

/** Texts by the candidates' keys, each asked for once. */
const textsOf = (picked: readonly Candidate[], fetchText: CorpusDeps['fetchText']): Draft['text'] => {
  const asked = new Map<string, Promise<string>>();
  return async (place) => {
    const candidate = at(picked, place);
    if (candidate.text !== undefined) return candidate.text;
    const text = asked.get(candidate.key) ?? fetchText(candidate);
    asked.set(candidate.key, text);
    return text;
  };
};

/** `names`: of the corpora whose stripes are asked. */
export const draftFrom = async (
  names: readonly string[],
  deps: CorpusDeps,
  prompts: readonly Float32Array[],
  options: SelectionOptions,
): Promise<Draft> => {
  const queries = prompts.map(normalise);
  const asked: Asked = { queries, centred: centredPrompts(queries, deps.mean) };
  const pool = await poolFor(deps, asked, options);
  const { collected, collapsed } = pool;
  const centred = asked.centred !== undefined;
  const known: Omit<Base, 'removable'> = {
    corpora: names,
    lambda: options.lambda,
    centred,
    pool: { size: collected.length, collapsed, queries: pool.queries, rounds: pool.rounds },
  };
  if (collected.length === 0) {
    const why =
      options.filter === undefined ? 'is empty, or not indexed yet' : 'has nothing that the filter lets through';
    const base: Base = { ...known, removable: NOTHING };
    const none = nothing(queries.length);
    const selection = accountOf(base, options, none, new Float64Array(), noPick, [`${inWords(names)} ${why}`]);
    return { selection, text: async () => undefined };
  }
  const choice = choiceOf(pool, asked, options.lambda);
  const base: Base = { ...known, removable: removableBy(choice, options, deps.select) };
  const chosen = unwrap(choose(choice, options, deps.select));
  const similarity = similarities(asStored(choice));
  const centredSimilarity = centred ? similarities(choice) : undefined;
  const picked = chosen.picks.map((i) => at(collected, i).candidate);
  const selection = accountOf(
    base,
    options,
    chosen,
    similarity,
    (i) => {
      const { candidate, copies } = at(collected, i);
      const { id, text, bytes, source, metadata, hash, corpus } = candidate;
      return { id, text, bytes, copies, source, metadata, hash, corpus, centredSimilarity: centredSimilarity?.[i] };
    },
    warningsOf(names, deps, options, pool),
  );
  return { selection, text: textsOf(picked, deps.fetchText) };
};

/** The selection with all its texts. */
export const completed = async ({ selection, text }: Draft): Promise<Selection> => {
  const long = selection.picks.flatMap((pick, place) => (pick.text === undefined ? [place] : []));
  const texts = await inParallel(
    long.map((place) => () => text(place)),
    MAX_CONNECTIONS,
  );
  const byPlace = new Map(long.map((place, i) => [place, texts[i]]));
  return { ...selection, picks: selection.picks.map((pick, i) => ({ ...pick, text: pick.text ?? byPlace.get(i) })) };
};

export const selectFromCorpus = async (
  corpus: string,
  deps: CorpusDeps,
  prompts: readonly Float32Array[],
  options: SelectionOptions,
): Promise<Selection> => completed(await draftFrom([corpus], deps, prompts, options));
