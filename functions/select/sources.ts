// The corpora of a selection, each as it is known now: all of one embedder, since vectors of two have nothing to do with each
// other.
import { FaultError } from '../../wire/faults.ts';
import { MAX_CONNECTIONS } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { inParallel } from '../../wire/parallel.ts';
import type { Principal } from '../auth/principal.ts';
import type { CorpusInfo } from '../corpora/contract.ts';
import { isSettled } from '../corpora/settled.ts';
import { allowedCorpus, corpusInfo, forgetCorpusInfo } from '../corpora/store.ts';
import type { Env } from '../env.ts';
import type { SelectedFrom } from './selection.ts';

/** Throws what is wrong with a name, or unknown_corpus. */
export const sourcesOf = async (env: Env, principal: Principal, names: readonly string[]): Promise<CorpusInfo[]> => {
  const allowed = names.map((name) => allowedCorpus(principal, name));
  const infos = await inParallel(
    allowed.map((name) => () => corpusInfo(env, principal.tenant, name)),
    MAX_CONNECTIONS,
  );
  const first = at(infos, 0);
  for (const { name, embedder, dimensions } of infos) {
    if (embedder === first.embedder && dimensions === first.dimensions) continue;
    const message = `'${name}' was embedded by ${embedder} (${dimensions} dimensions), '${first.name}' by ${first.embedder} (${first.dimensions}): select from one of them at a time`;
    throw new FaultError({ kind: 'bad_field', param: 'corpora', message });
  }
  return infos;
};

/** What is remembered of them may be out of date. */
export const forgetSources = (infos: readonly CorpusInfo[]): void => {
  for (const { tenant, name } of infos) forgetCorpusInfo(tenant, name);
};

/** As they are when they are selected from. */
export const selectedFrom = (env: Env, infos: readonly CorpusInfo[]): SelectedFrom[] =>
  infos.map((info) => ({
    corpus: info.name,
    space: info.space,
    version: info.version,
    settled: isSettled(env, info, Date.now()),
  }));
