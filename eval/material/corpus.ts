// The corpus in memory: chunks as the product cuts them, their vectors, and the Index that the product's pool queries. The
// search is exact. Examples that a prompt may not see (of its package, or with a part of its scored text) are masked.
// Copies of examples are made when a query is answered, with the result of an index that holds every example so often.

import { chunk, overlapping, STRIDE } from '../../corpus/chunk.ts';
import { geometryOf } from '../../functions/corpora/geometry.ts';
import { markOf } from '../../functions/corpora/sample.ts';
import type { Kernel, RowStore } from '../../functions/kernel/index.ts';
import { toQ15 } from '../../functions/kernel/q15.ts';
import type { Candidate, Index } from '../../functions/pool/candidate.ts';
import { meanFor } from '../../functions/select/centre.ts';
import { isUnit } from '../../functions/vectors/algebra.ts';
import { GEOMETRY_SAMPLE, MAX_NEIGHBOURS } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { byteLength } from '../../wire/text.ts';
import type { Source } from './sources.ts';
import { LONG_RUN, runsOf } from './twins.ts';
import type { ManyTexts } from './vectors.ts';

export interface Example {
  readonly text: string;
  readonly domain: string;
  readonly group: string;
  readonly path: string;
  readonly form: boolean;
}

export interface Corpus {
  readonly examples: readonly Example[];
  /** All vectors, row-major. */
  readonly rows: Float32Array;
  readonly dimensions: number;
  readonly store: RowStore;
  /** What the product would subtract from its vectors; undefined where it leaves them as they are. */
  readonly mean: Float32Array | undefined;
  /** Example i as a candidate; its key is its number. */
  candidate(i: number): Candidate;
}

/** How documents become examples: each repeats three quarters of the one before (as the product does), half of it, or none. */
export type Cut = 'overlapping' | 'half' | 'disjoint';
export const CUTS: Readonly<Record<Cut, (text: string) => readonly { readonly text: string }[]>> = {
  overlapping: (text) => overlapping(text, STRIDE),
  half: (text) => overlapping(text, 2 * STRIDE),
  disjoint: (text) => chunk(text),
};

/** As many as a catalogue keeps, taken from all over as it does. */
const sampleOf = <T extends { readonly example: Example }>(all: readonly T[]): T[] =>
  all
    .map((one, i) => ({ one, mark: markOf(`${one.example.path}#${i}`) }))
    .sort((a, b) => a.mark - b.mark)
    .slice(0, GEOMETRY_SAMPLE)
    .map(({ one }) => one);

export const buildCorpus = async (
  sources: readonly Source[],
  cut: Cut,
  { dimensions, embedAll }: ManyTexts,
  kernel: Kernel,
): Promise<Corpus> => {
  const seen = new Set<string>();
  const examplesCut: Example[] = sources.flatMap(({ text, domain, group, path, form = false }) =>
    CUTS[cut](text).flatMap((part) => {
      if (part.text.trim() === '' || seen.has(part.text)) return [];
      seen.add(part.text); // ingestion is idempotent by content
      return [{ text: part.text, domain, group, path, form }];
    }),
  );
  const vectors = await embedAll(examplesCut.map(({ text }) => text));
  // a text without a token that the embedder knows has no unit vector
  const kept = examplesCut.flatMap((example, i) => {
    const vector = at(vectors, i);
    return isUnit(vector) ? [{ example, vector }] : [];
  });
  const rows = new Float32Array(kept.length * dimensions);
  const store = kernel.store(dimensions);
  const q15 = kept.map(({ vector }, i) => {
    rows.set(vector, i * dimensions);
    store.append(vector);
    return toQ15(vector);
  });
  const examples = kept.map(({ example }) => example);
  const mean = meanFor(geometryOf(sampleOf(kept).map(({ vector }) => vector)), undefined);
  return {
    examples,
    rows,
    dimensions,
    store,
    mean,
    candidate(i) {
      const { text, path } = at(examples, i);
      return { id: String(i), key: String(i), row: at(q15, i), text, bytes: byteLength(text), source: path };
    },
  };
};

/** For each text the numbers of the examples that hold a long verbatim run of it; one pass for all texts. */
export const holdersOf = (corpus: Corpus, texts: readonly string[]): number[][] => {
  const where = new Map<number, number[]>();
  for (const [t, text] of texts.entries()) {
    for (const run of runsOf(text, LONG_RUN)) where.set(run, [...(where.get(run) ?? []), t]);
  }
  const holders = texts.map((): Set<number> => new Set());
  for (const [i, { text }] of corpus.examples.entries()) {
    for (const run of runsOf(text, LONG_RUN)) for (const t of where.get(run) ?? []) at(holders, t).add(i);
  }
  return holders.map((found) => [...found]);
};

/** A prompt's vector, and what of the corpus it may see. */
export interface PromptView {
  readonly id: string;
  readonly vector: Float32Array;
  readonly corpus: Corpus;
  /** One byte an example: 0 hides it. */
  readonly mask: Uint8Array;
}

export interface IndexView {
  /** One byte an example: 0 hides it. */
  readonly mask: Uint8Array;
  /** How many times the index holds every example. */
  readonly copies: number;
  /** Parts of the corpus, by example number, that are queried in parallel. */
  readonly stripes: number;
}

/** The stripes of the corpus as a prompt may see it. */
export const indicesOf = (corpus: Corpus, { mask, copies, stripes }: IndexView): Index[] =>
  Array.from({ length: stripes }, (_, stripe) => {
    const own = stripes === 1 ? mask : mask.map((value, i) => (i % stripes === stripe ? value : 0));
    return {
      async query(vector, k) {
        const { indices } = corpus.store.nearest(vector, Math.min(MAX_NEIGHBOURS, Math.ceil(k / copies)), own);
        return indices
          .flatMap((i) => {
            const one = corpus.candidate(i);
            return Array.from({ length: copies }, (_, copy) => (copy === 0 ? one : { ...one, key: `${i}+${copy}` }));
          })
          .slice(0, k);
      },
    };
  });
