// A tenant's way to its corpora: the Durable Objects behind names, and a short memory of what each corpus is, so that a
// selection in a warm isolate asks no Durable Object. A name that the isolate does not know is looked up in the tenant's
// list first: asking a catalogue would bring it into being. That is one more call, once an isolate and corpus.
// Trade-off: for CORPUS_CACHE_S an isolate may still ask the space of a corpus that was deleted elsewhere; it finds what
// the index has not forgotten yet, and never another tenant's.
import { corpusName } from '../../wire/api/corpora.ts';
import { FaultError } from '../../wire/faults.ts';
import { CORPUS_CACHE_S, MAX_REMEMBERED_CORPORA } from '../../wire/limits.ts';
import type { Region } from '../../wire/regions.ts';
import type { Principal } from '../auth/principal.ts';
import type { Embedder } from '../embedding/embedder.ts';
import type { Env } from '../env.ts';
import { parseParams } from '../http/params.ts';
import { Remembered } from '../remembered.ts';
import type { CorpusInfo } from './contract.ts';
import { catalogueName } from './keys.ts';

declare const checked: unique symbol;
/** The name of a corpus that the asking key may touch: `allowedCorpus` alone makes one, and whatever reaches a corpus
 * takes nothing else, so that no route can leave the check out. */
export type AllowedCorpus = string & { readonly [checked]: true };

const remembered = new Remembered<CorpusInfo>(MAX_REMEMBERED_CORPORA, CORPUS_CACHE_S * 1000);

/** Where an object that is not there yet is to be made: near whoever fills the corpus (docs/global.md). The first call counts. */
const near = (home: Region | undefined) => (home === undefined ? undefined : { locationHint: home });

/** The catalogue of a corpus; asking it for anything brings it into being, in the region `home` if that is known. */
export const catalogueOf = (env: Env, tenant: string, corpus: AllowedCorpus, home?: Region) =>
  env.CATALOGUE.getByName(catalogueName(tenant, corpus), near(home));

/** The same for a corpus whose own account of itself is at hand: who has that has reached it. */
export const catalogueOfReached = (env: Env, { tenant, name }: CorpusInfo) =>
  env.CATALOGUE.getByName(catalogueName(tenant, name));

export const listOf = (env: Env, tenant: string, home?: Region) => env.CORPORA.getByName(tenant, near(home));

/** The catalogue of a corpus that is listed; throws unknown_corpus. */
export const listedCatalogue = async (env: Env, tenant: string, corpus: AllowedCorpus) => {
  if (!remembered.knew(catalogueName(tenant, corpus)) && !(await listOf(env, tenant).has(corpus))) {
    throw new FaultError({ kind: 'unknown_corpus', corpus });
  }
  return catalogueOf(env, tenant, corpus);
};

/** The corpus name of a request, if it is one and this key may touch it. */
export const allowedCorpus = (principal: Principal, name: unknown): AllowedCorpus => {
  const corpus = parseParams(corpusName, name, 'corpus');
  // a corpus that a key may not touch does not exist for it
  if (principal.corpora !== 'all' && !principal.corpora.includes(corpus)) {
    throw new FaultError({ kind: 'unknown_corpus', corpus });
  }
  return corpus as AllowedCorpus;
};

/** Names of the corpora there are that the key may touch, by name, after the cursor. */
export const allowedCorpora = async (
  env: Env,
  { tenant, corpora }: Principal,
  after: string,
  limit: number,
): Promise<string[]> => {
  const list = listOf(env, tenant);
  if (corpora === 'all') return list.page(after, limit);
  return (await list.among([...corpora].filter((name) => name > after).sort())).slice(0, limit);
};

/** What a corpus is; throws unknown_corpus. */
export const corpusInfo = async (env: Env, tenant: string, corpus: AllowedCorpus): Promise<CorpusInfo> => {
  const name = catalogueName(tenant, corpus);
  const known = remembered.get(name);
  if (known !== undefined) return known;
  const info = await (await listedCatalogue(env, tenant, corpus)).info();
  if (info === null) {
    remembered.forget(name);
    throw new FaultError({ kind: 'unknown_corpus', corpus });
  }
  remembered.set(name, info);
  return info;
};

export const forgetCorpusInfo = (tenant: string, corpus: string): void => {
  remembered.forget(catalogueName(tenant, corpus));
};

/** Vectors of two embedders have nothing to do with each other: a corpus stays with the one that filled it. */
export const checkEmbedder = (info: CorpusInfo, embedder: Embedder): void => {
  if (embedder.name === info.embedder) return;
  const message = `'${info.name}' was embedded by ${info.embedder}, this server embeds with ${embedder.name}`;
  throw new FaultError({ kind: 'bad_field', param: 'corpus', message });
};
