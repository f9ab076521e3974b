// What an earlier run of the same command had confirmed, and what this one confirms. An example counts as confirmed while its
// content is the same and the corpus, of the same life, still has it.
import type { SiftClient } from '../../client/index.ts';
import type { Ready } from './cut.ts';
import { digestSet, idDigest } from './digest-set.ts';
import { type Journal, readJournal, writeJournal } from './journal.ts';
import { createdAtOf, type Target } from './target.ts';

export interface Resuming {
  readonly client: Pick<SiftClient, 'examples'>;
  readonly corpus: string;
  readonly path: string;
  /** Whether an earlier run counts. */
  readonly resume: boolean;
  readonly signal: AbortSignal;
  readonly onFailure: (message: string) => void;
}

export interface Resumed {
  wasConfirmed(item: Ready): boolean;
  confirm(item: Ready): void;
  /** Told the corpus as soon as it is known: confirmations wait for that. */
  begin(target: Target): void;
  /** Answers whether the next run can go on from what is kept. */
  close(): boolean;
  remove(): void;
}

export const resumed = async (
  target: Target,
  { client, corpus, path, resume, signal, onFailure }: Resuming,
): Promise<Resumed> => {
  const read = resume ? await readJournal(path) : undefined;
  const known = read !== undefined && read.createdAt === createdAtOf(target) ? read.digests : undefined;
  const held = digestSet();
  if (known !== undefined && known.size > 0) {
    for await (const { id } of client.examples(corpus, { signal })) held.add(idDigest(id));
  }
  let journal: Journal | undefined;
  let early: Ready[] = [];
  const begin = (now: Target): void => {
    const createdAt = createdAtOf(now);
    if (journal !== undefined || createdAt === undefined) return;
    journal = writeJournal(path, createdAt, known === undefined, onFailure);
    for (const { digest } of early) journal.confirm(digest);
    early = [];
  };
  begin(target);
  return {
    wasConfirmed: ({ id, digest }) =>
      // of a text that the edge cut, the first chunk
      known?.has(digest) === true && (held.has(idDigest(id)) || held.has(idDigest(`${id}#0`))),
    confirm(item) {
      if (journal === undefined) early.push(item);
      else journal.confirm(item.digest);
    },
    begin,
    close() {
      const isKept = journal?.isOpen === true;
      journal?.close();
      return isKept;
    },
    remove: () => journal?.remove(),
  };
};
