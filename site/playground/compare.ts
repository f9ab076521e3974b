// One view: SIFT's selection, beside it what the nearest neighbours and MMR would have taken, and the vectors of these texts,
// each told as soon as it is there. Nearest neighbours are asked for as many as one query brings: those beyond n are the pool
// that the map shows.
import { type SiftClient, SiftError } from '../../client/index.ts';
import type { SelectResponse } from '../../wire/api/select.ts';
import { MAX_MAP_CHARACTERS, MAX_MAP_TEXTS, VECTORIZE_TOP_K_FULL } from '../../wire/limits.ts';
import type { View } from './fragment.ts';

export type Pick = SelectResponse['picks'][number];

export interface Compared {
  readonly sift: SelectResponse;
  readonly nn?: readonly Pick[];
  readonly mmr?: readonly Pick[];
  /** Nearest neighbours beyond the first n. */
  readonly pool?: readonly Pick[];
  /** By the id of their example. */
  readonly vectors?: ReadonlyMap<string, readonly number[]>;
  readonly prompt?: readonly number[];
  /** What could not be had, in words. */
  readonly notes: readonly string[];
}

const gone = (error: unknown): boolean =>
  error instanceof SiftError && (error.status === 404 || error.status === 410) && error.code !== 'unknown_corpus';

const selectionOf = async (client: SiftClient, view: View, signal: AbortSignal) => {
  const { corpus, prompt, selection: id, n, lambda, degree, rounds } = view;
  const anew = async () =>
    (await client.select({ corpus, input: prompt, n, lambda, degree, rounds }, undefined, { signal })).selection;
  if (id === '') return { sift: await anew(), notes: [] };
  try {
    return { sift: (await client.selection(id, undefined, { signal })).selection, notes: [] };
  } catch (error) {
    if (!gone(error)) throw error;
    const why = 'The selection of this link is no longer kept, or one of its examples has changed';
    if (prompt.trim() === '') throw new SiftError({ message: `${why}.`, code: 'selection_gone' });
    return { sift: await anew(), notes: [`${why}: this one is made anew.`] };
  }
};

/** An example that was uploaded as a vector alone has none. */
const isText = (pick: Pick): pick is Pick & { text: string } => pick.text !== null && pick.text !== '';

/** What a pick is known by where it is listed: the beginning of its text, else its id. */
export const gistOf = (pick: Pick, characters: number): string =>
  (isText(pick) ? pick.text : pick.id).slice(0, characters);

/** Vectors of these texts and of the prompt, by the embedder of the corpus. */
const vectorsOf = async (client: SiftClient, view: View, picks: readonly Pick[], signal: AbortSignal) => {
  const corpus = await client.corpus(view.corpus, { signal });
  if (corpus === undefined) return {};
  const unlike = [...new Map(picks.filter(isText).map((pick) => [pick.id, pick])).values()].slice(0, MAX_MAP_TEXTS);
  if (unlike.length === 0) return {};
  const cut = (text: string): string => text.slice(0, MAX_MAP_CHARACTERS).toWellFormed();
  const model = corpus.embedder;
  const [texts, asked] = await Promise.all([
    client.embed({ model, input: unlike.map(({ text }) => cut(text)) }, { signal }),
    client.embed({ model, input: view.prompt, input_type: 'query' }, { signal }),
  ]);
  const vectors = new Map(unlike.map(({ id }, i) => [id, (texts.data[i]?.embedding ?? []) as number[]]));
  return { vectors, prompt: (asked.data[0]?.embedding ?? []) as number[] };
};

/**
 * Their shares of what SIFT's pool can remove: each strategy tells its own of its own pool, and the nearest neighbours' is
 * smaller.
 */
export const ofSiftsPool = ({ sigma2, explained }: SelectResponse, picks: readonly Pick[]): Pick[] => {
  const removable = explained === null || explained === 0 ? undefined : (sigma2.initial - sigma2.final) / explained;
  return picks.map((pick) => ({
    ...pick,
    explained: removable === undefined ? null : (sigma2.initial - pick.sigma2) / removable,
  }));
};

export const compare = async (
  client: SiftClient,
  view: View,
  signal: AbortSignal,
  tell: (compared: Compared) => void,
): Promise<void> => {
  const others = { corpus: view.corpus, input: view.prompt, store: false } as const;
  const ask = async (strategy: 'nn' | 'mmr', n: number): Promise<readonly Pick[]> =>
    (await client.select({ ...others, strategy, n, degree: view.degree, lambda: view.lambda }, undefined, { signal }))
      .selection.picks;
  const hasPrompt = view.prompt.trim() !== '' && view.corpus !== '';
  const beside = hasPrompt
    ? Promise.all([ask('nn', Math.max(view.n, VECTORIZE_TOP_K_FULL)), ask('mmr', view.n)])
    : undefined;
  beside?.catch(() => {}); // told below, after the selection itself
  const { sift, notes } = await selectionOf(client, view, signal);
  let told: Compared = { sift, notes };
  tell(told);
  if (beside === undefined) return;
  const note = (error: unknown, what: string): void => {
    if (signal.aborted) throw error;
    told = { ...told, notes: [...told.notes, `${what}: ${error instanceof Error ? error.message : String(error)}`] };
  };
  try {
    const [nearest, mmr] = (await beside).map((picks) => ofSiftsPool(sift, picks));
    const count = sift.n;
    told = { ...told, nn: nearest?.slice(0, count) ?? [], pool: nearest?.slice(count) ?? [], mmr: mmr ?? [] };
  } catch (error) {
    note(error, 'The comparison could not be made');
  }
  tell(told);
  try {
    const shown = [...sift.picks, ...(told.nn ?? []), ...(told.mmr ?? []), ...(told.pool ?? [])];
    told = { ...told, ...(await vectorsOf(client, view, shown, signal)) };
  } catch (error) {
    note(error, 'The map has no vectors to draw from');
  }
  tell(told);
};
