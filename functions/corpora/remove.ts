// Examples taken away: vectors first, then texts, then entries, so that whatever fails in between is still listed and can be
// deleted again. What the gateway made of them is forgotten by the caller, once for all.
import { VECTORIZE_MAX_DELETE_IDS } from '../../wire/limits.ts';
import type { Env } from '../env.ts';
import type { CorpusInfo, Entry } from './contract.ts';
import { textKey, textsUnder } from './keys.ts';
import { catalogueOfReached, forgetCorpusInfo } from './store.ts';
import { vectorizeFault } from './vectorize.ts';

export const removeEntries = async (env: Env, info: CorpusInfo, entries: readonly Entry[]): Promise<void> => {
  const under = textsUnder(info.tenant, info.name, info.space);
  for (let from = 0; from < entries.length; from += VECTORIZE_MAX_DELETE_IDS) {
    const some = entries.slice(from, from + VECTORIZE_MAX_DELETE_IDS);
    await env.VECTORIZE.deleteByIds(some.map(({ vector }) => vector)).catch((error: unknown) => {
      throw vectorizeFault(error);
    });
    // a key that holds nothing is no error
    await env.TEXTS.delete(some.map(({ vector }) => textKey(under, vector)));
    await catalogueOfReached(env, info).forgetAll(some.map(({ id }) => id));
  }
  // this isolate's next selection knows the corpus' new version
  forgetCorpusInfo(info.tenant, info.name);
};
