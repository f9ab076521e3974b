// Whether a kept selection still stands: its corpora are there, and its examples in the versions that were picked.
// A corpus whose version is the same has changed in nothing, if the index showed that version when the selection was made;
// else its catalogue is asked for these examples, once an isolate and version.
// Trade-off: what an isolate remembers of a corpus may be CORPUS_CACHE_S old, and a selection stands as long.
import { asFault } from '../../wire/faults.ts';
import { CORPUS_CACHE_S, MAX_REMEMBERED_CORPORA } from '../../wire/limits.ts';
import type { Principal } from '../auth/principal.ts';
import { allowedCorpus, catalogueOf, corpusInfo } from '../corpora/store.ts';
import type { Env } from '../env.ts';
import { Remembered } from '../remembered.ts';
import type { Kept, Source } from './record.ts';

/** Versions at which selections were found to stand. */
const stood = new Remembered<string>(MAX_REMEMBERED_CORPORA, CORPUS_CACHE_S * 1000);

const GONE = {
  corpus: (name: string) => `corpus '${name}' was deleted`,
  example: 'an example was deleted or replaced',
};

const goneOf = async (env: Env, principal: Principal, key: string, source: Source): Promise<string | undefined> => {
  const { space, version, settled, picks } = source;
  const { tenant } = principal;
  const corpus = allowedCorpus(principal, source.corpus);
  const info = await corpusInfo(env, tenant, corpus).catch((error: unknown) => {
    if (asFault(error).kind === 'unknown_corpus') return undefined;
    throw error;
  });
  if (info?.space !== space) return GONE.corpus(corpus);
  if ((settled && info.version === version) || stood.get(key) === info.version) return undefined;
  const found = await catalogueOf(env, tenant, corpus).standing(space, [...picks]);
  if (found === null) return GONE.corpus(corpus);
  if (!found.stands) return GONE.example;
  stood.set(key, info.version);
  return undefined;
};

/** Why it does not stand any more; undefined where it does. */
export const whyGone = async (env: Env, principal: Principal, id: string, kept: Kept): Promise<string | undefined> => {
  if (kept.gone !== undefined) return kept.gone;
  const why = await Promise.all(
    kept.sources.map((source, i) => goneOf(env, principal, `${principal.tenant}/${id}/${i}`, source)),
  );
  return why.find((one) => one !== undefined);
};
