// Puts a corpus' examples into the edge: NDJSON out as fast as the edge takes it, a result line back for each, which is
// also the progress. What the edge refuses fails alone and is reported with its reason.
// npm start keeps a record of the examples that it put there itself. Only those are ever changed or deleted: whatever else
// a corpus holds was uploaded by a caller.
import { createHash } from 'node:crypto';
import type { SiftClient } from '../client/index.ts';
import type { Document } from '../corpus/documents.ts';
import { type Example, examplesOf } from '../corpus/examples.ts';
import type { Named } from '../corpus/notes.ts';
import type { EmbedderFiles } from '../local/embedder.ts';
import { loadIndexed, saveIndexed } from '../local/state.ts';
import { DELETES_AT_ONCE } from '../wire/limits.ts';
import { at } from '../wire/list.ts';
import { progress } from './progress.ts';

/** How documents are cut; another number makes every example new. */
const CHUNKS = 'chunks 2';
/** Examples of one request: a failed request then costs a retry of these only. */
const PER_REQUEST = 1_000;

/** Around each batch of an upload: before it is sent, and with the examples of it that the edge took. */
export interface Steps {
  readonly before?: (batch: readonly Example[]) => Promise<void>;
  readonly after?: (accepted: readonly Example[]) => Promise<void>;
}

type Edge = Pick<SiftClient, 'ingest' | 'examples' | 'deleteExample'>;

/** Uploads the examples; answers those that were refused. Throws when an upload as a whole fails. */
export const ingest = async (
  edge: Pick<Edge, 'ingest'>,
  corpus: string,
  examples: readonly Example[],
  { before, after }: Steps = {},
): Promise<Named[]> => {
  const refused: Named[] = [];
  if (examples.length === 0) return refused;
  const bar = progress('indexing', examples.length);
  let accepted: Example[] = [];
  let done = 0;
  const announced = async function* () {
    for (const [i, example] of examples.entries()) {
      if (i % PER_REQUEST === 0) await before?.(examples.slice(i, i + PER_REQUEST));
      yield example;
    }
  };
  await edge.ingest(corpus, announced(), {
    batch: PER_REQUEST,
    onResult: ({ line, status, error }) => {
      const example = at(examples, line - 1);
      if (status === 'error') refused.push({ name: example.id, reason: error?.message ?? 'no reason given' });
      else accepted.push(example);
      bar.update(++done);
    },
    onProgress: async () => {
      const now = accepted;
      accepted = [];
      await after?.(now);
    },
  });
  bar.end();
  return refused;
};

const hashOf = ({ text, source }: Example): string =>
  createHash('sha256')
    .update(JSON.stringify([source, text]))
    .digest('base64url')
    .slice(0, 22);

export interface Indexed {
  /** Examples of these documents that the corpus holds now. */
  readonly examples: number;
  /** Examples sent, which the edge may have had already; 0 when nothing had changed. */
  readonly sent: number;
  readonly deleted: number;
  readonly refused: readonly Named[];
}

/** Makes the corpus hold the documents' examples, besides those of callers. */
export const indexCorpus = async (
  edge: Edge,
  embedder: Pick<EmbedderFiles, 'fingerprint'>,
  state: string,
  corpus: string,
  documents: readonly Document[],
): Promise<Indexed> => {
  const method = `${CHUNKS}, embedder ${embedder.fingerprint}`;
  const known = await loadIndexed(state, corpus);
  const present = new Set(await Array.fromAsync(edge.examples(corpus), ({ id }) => id));
  const wanted = new Map(examplesOf(documents).map((example) => [example.id, example]));
  // an id is in the record from before it is sent, so that it is known as ours if this process ends meanwhile
  const record = new Map(Object.entries(known?.examples ?? {}));
  const save = () => saveIndexed(state, { corpus, method, examples: Object.fromEntries(record) });
  const isIndexed = (example: Example): boolean =>
    known?.method === method && present.has(example.id) && record.get(example.id) === hashOf(example);

  const missing = [...wanted.values()].filter((example) => !isIndexed(example));
  const refused = await ingest(edge, corpus, missing, {
    before: async (batch) => {
      for (const { id } of batch) record.set(id, '');
      await save();
    },
    after: async (accepted) => {
      for (const example of accepted) record.set(example.id, hashOf(example));
      await save();
    },
  });
  for (const { name } of refused) if (!present.has(name)) record.delete(name);

  const outdated = [...record.keys()].filter((id) => !wanted.has(id));
  for (let from = 0; from < outdated.length; from += DELETES_AT_ONCE) {
    const some = outdated.slice(from, from + DELETES_AT_ONCE);
    await Promise.all(some.map((id) => (present.has(id) ? edge.deleteExample(corpus, id) : undefined)));
    for (const id of some) record.delete(id);
  }
  if (missing.length > 0 || outdated.length > 0) await save();
  return {
    examples: wanted.size - refused.length,
    sent: missing.length,
    deleted: outdated.filter((id) => present.has(id)).length,
    refused,
  };
};
