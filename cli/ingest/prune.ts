// Examples of earlier runs whose files or rows are no longer there. An example is only deleted when its `source` is one of this
// command's inputs, this run did not make it, and nothing of that input was refused: what could not be read is not gone.
import type { SiftClient } from '../../client/index.ts';
import { DELETES_AT_ONCE } from '../../wire/limits.ts';
import { inParallel } from '../../wire/parallel.ts';

export interface Pruning {
  readonly client: Pick<SiftClient, 'examples' | 'example' | 'deleteExample'>;
  readonly corpus: string;
  readonly signal: AbortSignal;
  /** Whether a source is of this command's inputs. */
  readonly covers: (source: string) => boolean;
  /** Whether this run made the example. */
  readonly isMade: (id: string) => boolean;
  /** Whether something of this source was refused. */
  readonly isDoubtful: (source: string) => boolean;
  /** Rows have ids of their own, which say nothing of their source. */
  readonly hasOwnIds: boolean;
}

/** Ids are the source and a mark behind `#`; of a long one the end after `…`. */
export const looksCovered = (id: string, covers: (source: string) => boolean): boolean => {
  if (/^[0-9a-z]{1,7}…/.test(id) || covers(id)) return true;
  for (let at = id.indexOf('#'); at >= 0; at = id.indexOf('#', at + 1)) if (covers(id.slice(0, at))) return true;
  return false;
};

export interface Gone {
  readonly ids: readonly string[];
  /** Left because their input could not be read as a whole this time. */
  readonly doubtful: number;
}

export const findGone = async (pruning: Pruning): Promise<Gone> => {
  const { client, corpus, signal, covers, isMade, isDoubtful, hasOwnIds } = pruning;
  const candidates: string[] = [];
  for await (const { id } of client.examples(corpus, { signal })) {
    if (!isMade(id) && (hasOwnIds || looksCovered(id, covers))) candidates.push(id);
  }
  const sources = await inParallel(
    candidates.map((id) => async () => (await client.example(corpus, id, { signal }))?.source ?? undefined),
    DELETES_AT_ONCE,
  );
  const ours = candidates.flatMap((id, i) => {
    const source = sources[i];
    return source !== undefined && covers(source) ? [{ id, source }] : [];
  });
  const ids = ours.filter(({ source }) => !isDoubtful(source)).map(({ id }) => id);
  return { ids, doubtful: ours.length - ids.length };
};

export const deleteAll = async ({ client, corpus, signal }: Pruning, ids: readonly string[], onDeleted: () => void) => {
  await inParallel(
    ids.map((id) => async () => {
      await client.deleteExample(corpus, id, { signal });
      onDeleted();
    }),
    DELETES_AT_ONCE,
  );
};
