// The corpus that an ingest is for: as it is, or made now where it is to declare something; and how the edge is asked to treat
// what it gets.
import type { SiftClient } from '../../client/index.ts';
import { SiftError } from '../../client/index.ts';
import type { CorpusOnWire, Filterable } from '../../wire/api/corpora.ts';
import { CHUNK_OVERLAP_SHARE, INGEST_CHUNK } from '../../wire/limits.ts';
import { UsageError } from '../../wire/usage.ts';
import type { Cutting } from './cut.ts';

/** The corpus as it is now; undefined where there is none, `unknown` where the key may not read. */
export type Target = CorpusOnWire | undefined | 'unknown';
export type TargetClient = Pick<SiftClient, 'corpus' | 'createCorpus'>;

export const targetOf = async (client: TargetClient, name: string, signal: AbortSignal): Promise<Target> => {
  try {
    return await client.corpus(name, { signal });
  } catch (error) {
    // a key that only writes may still ingest
    if (error instanceof SiftError && error.status === 403) return 'unknown';
    throw error;
  }
};

const checkDeclared = (corpus: CorpusOnWire, wanted: Filterable): void => {
  for (const [name, type] of Object.entries(wanted)) {
    const there = corpus.filterable[name];
    if (there === type) continue;
    const is = there === undefined ? 'not declared' : `a ${there}`;
    throw new UsageError(
      `--filterable ${name}:${type}: in corpus '${corpus.name}', which is there already, it is ${is}`,
    );
  }
};

/** The corpus, made now if it is to declare something. */
export const openTarget = async (
  client: TargetClient,
  name: string,
  filterable: Filterable,
  signal: AbortSignal,
): Promise<Target> => {
  const corpus = await targetOf(client, name, signal);
  if (corpus === undefined && Object.keys(filterable).length > 0) {
    return await client.createCorpus(name, { filterable }, { signal });
  }
  if (corpus !== undefined && corpus !== 'unknown') checkDeclared(corpus, filterable);
  return corpus;
};

export const typesOf = (corpus: Target, wanted: Filterable): Filterable =>
  corpus === undefined || corpus === 'unknown' ? wanted : corpus.filterable;

export const createdAtOf = (corpus: Target): string | undefined =>
  corpus === undefined || corpus === 'unknown' ? undefined : corpus.created_at;

/** How the edge is asked to cut: not at all, or as the corpus does, or as documents are cut here. */
export const queryOf = (cutting: Cutting, overlap: number | undefined, corpus: Target): Record<string, number> => {
  if (cutting.by !== 'edge') return { chunk: 0 };
  if (corpus !== undefined && corpus !== 'unknown' && corpus.chunk !== null && overlap === undefined) return {};
  return { chunk: INGEST_CHUNK, overlap: overlap ?? Math.round(INGEST_CHUNK * CHUNK_OVERLAP_SHARE) };
};
