// The pool's Index over one namespace of Vectorize. One query brings vectors, texts and all: the rows come as base64 in
// the metadata, since float values as JSON would cost more to parse than the selection itself. Trade-off: scores without
// values are approximate, and so is the ranking; similarities are computed from the rows, never taken from the answer.
import { q15FromBase64, readRecord } from '../corpora/record.ts';
import { vectorizeFault } from '../corpora/vectorize.ts';
import type { Candidate, Index } from './candidate.ts';
import { askTwiceAtMost } from './transient.ts';

const candidateOf = (match: VectorizeMatch, dimensions: number): Candidate[] => {
  const record = readRecord(match.metadata);
  const row = record === undefined ? undefined : q15FromBase64(record.q15, dimensions);
  // the index may hold vectors that were not written here
  if (record === undefined || row === undefined) return [];
  const { id, text, bytes, hash, source, meta } = record;
  return [
    {
      id,
      key: match.id,
      row,
      bytes,
      hash,
      ...(text === undefined ? {} : { text }),
      ...(source === undefined ? {} : { source }),
      ...(meta === undefined ? {} : { metadata: meta }),
    },
  ];
};

export const vectorizeIndex = (
  vectorize: Vectorize,
  namespace: string,
  dimensions: number,
  filter?: VectorizeVectorMetadataFilter,
): Index => ({
  async query(vector, k) {
    // a new options object each time: the binding writes into it
    const ask = () =>
      vectorize.query(vector, {
        topK: k,
        namespace,
        returnMetadata: 'all',
        ...(filter === undefined ? {} : { filter }),
      });
    const answer = await askTwiceAtMost(ask).catch((error: unknown) => {
      throw vectorizeFault(error);
    });
    return answer.matches.flatMap((match) => candidateOf(match, dimensions));
  },
});

/** An index whose candidates say which corpus they are from. */
export const labelled = (index: Index, corpus: string): Index => ({
  query: async (vector, k) => (await index.query(vector, k)).map((one) => ({ ...one, corpus })),
});
