// Uploads examples: NDJSON out as fast as the edge takes it, one result line back for each, which is also the progress.
import { type EdgeClient, EdgeError } from '../client/edge.ts';
import { type Document, fingerprint } from '../corpus/documents.ts';
import { type Example, examplesOf } from '../corpus/examples.ts';
import type { EmbedderFiles } from '../local/embedder.ts';
import { loadIndexed, saveIndexed } from '../local/state.ts';
import { progress } from './progress.ts';

/** Examples of one request: a failed request then costs a retry of these only. */
const PER_REQUEST = 1_000;

const ndjson = (examples: readonly Example[]): ReadableStream<Uint8Array> => {
  const utf8 = new TextEncoder();
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      const example = examples[next];
      if (example === undefined) return controller.close();
      next += 1;
      controller.enqueue(utf8.encode(`${JSON.stringify(example)}\n`));
    },
  });
};

/** Uploads all examples; throws on the first one refused, with the edge's reason. */
export const ingest = async (edge: EdgeClient, corpus: string, examples: readonly Example[]): Promise<void> => {
  const bar = progress('indexing', examples.length);
  let done = 0;
  for (let at = 0; at < examples.length; at += PER_REQUEST) {
    const batch = examples.slice(at, at + PER_REQUEST);
    const before = done;
    await edge.upload(corpus, ndjson(batch), (result) => {
      if (result.status === 'error') {
        const id = batch[result.line - 1]?.id ?? result.id;
        throw new EdgeError(`example ${id} was refused: ${result.error?.message ?? 'no reason given'}`);
      }
      done += 1;
      bar.update(done);
    });
    if (done - before !== batch.length) {
      throw new EdgeError(`${batch.length} examples went up, ${done - before} were answered`);
    }
  }
  bar.end();
};

/** Puts the documents into the corpus unless exactly these are in it already; true if it did. */
export const indexCorpus = async (
  edge: EdgeClient,
  embedder: EmbedderFiles,
  state: string,
  corpus: string,
  documents: readonly Document[],
): Promise<boolean> => {
  const mark = fingerprint(documents, ['chunks 2', embedder.fingerprint]);
  if ((await loadIndexed(state, corpus))?.fingerprint === mark) return false;
  const examples = examplesOf(documents);
  await edge.deleteCorpus(corpus);
  await ingest(edge, corpus, examples);
  await saveIndexed(state, { corpus, fingerprint: mark, examples: examples.length });
  return true;
};
