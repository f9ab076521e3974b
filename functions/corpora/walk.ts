// Examples as they are stored, for work on many of them: the catalogue says which there are, and the index has their source,
// metadata and vectors. The catalogue is right at once, the index seconds later: an example whose present version the index
// does not show is said to be late, and never taken for the version before.
import { MAX_CONNECTIONS, VECTORIZE_MAX_GET_IDS } from '../../wire/limits.ts';
import { inParallel } from '../../wire/parallel.ts';
import type { Env } from '../env.ts';
import type { CorpusInfo, Entry } from './contract.ts';
import { textKey, textsUnder } from './keys.ts';
import { type RecordMetadata, readRecord } from './record.ts';
import { vectorizeFault } from './vectorize.ts';

export interface Stored {
  readonly entry: Entry;
  readonly record: RecordMetadata;
  /** As the index holds it, of unit length. */
  readonly vector: Float32Array;
}

/** Whether a record is the entry's present version; of an unsettled entry whatever there is. */
const isPresent = (entry: Entry, { hash }: RecordMetadata): boolean => entry.hash === '' || entry.hash === hash;

const someOf = async (env: Env, entries: readonly Entry[]): Promise<(Stored | undefined)[]> => {
  const vectors = await env.VECTORIZE.getByIds(entries.map(({ vector }) => vector)).catch((error: unknown) => {
    throw vectorizeFault(error);
  });
  const found = new Map(vectors.map((one) => [one.id, one]));
  return entries.map((entry) => {
    const one = found.get(entry.vector);
    const record = readRecord(one?.metadata);
    if (one === undefined || record === undefined || !isPresent(entry, record)) return undefined;
    return { entry, record, vector: Float32Array.from(one.values) };
  });
};

/** What the index has of each entry; undefined where it is late. */
export const storedOf = async (env: Env, entries: readonly Entry[]): Promise<(Stored | undefined)[]> => {
  const groups = Array.from({ length: Math.ceil(entries.length / VECTORIZE_MAX_GET_IDS) }, (_, i) =>
    entries.slice(i * VECTORIZE_MAX_GET_IDS, (i + 1) * VECTORIZE_MAX_GET_IDS),
  );
  const found = await inParallel(
    groups.map((group) => () => someOf(env, group)),
    MAX_CONNECTIONS,
  );
  return found.flat();
};

/** Texts of examples, those from R2 fetched some at a time; undefined where one is missing there. */
export const textsOf = async (
  env: Env,
  info: CorpusInfo,
  stored: readonly Stored[],
): Promise<(string | undefined)[]> => {
  const under = textsUnder(info.tenant, info.name, info.space);
  return inParallel(
    stored.map(({ entry, record }) => async () => {
      if (!entry.long) return record.text ?? '';
      return (await env.TEXTS.get(textKey(under, entry.vector)))?.text();
    }),
    MAX_CONNECTIONS,
  );
};

/** The one stored example, if the index shows it. */
export const storedOne = async (env: Env, entry: Entry): Promise<Stored | undefined> =>
  (await storedOf(env, [entry]))[0];
