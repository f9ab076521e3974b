// The corpus in memory: chunks as the product cuts them, their vectors, and the Index that the product's pool asks. The
// search is exact. What a prompt may not see (its package, chunks that hold a part of its scored text) is a mask;
// duplicates are made on the way out, which gives what an index with every example f times over would give.

import { chunk, overlapping, STRIDE } from '../../corpus/chunk.ts';
import type { Kernel, RowStore } from '../../functions/kernel/index.ts';
import { toQ15 } from '../../functions/kernel/q15.ts';
import type { Candidate, Index } from '../../functions/pool/candidate.ts';
import { isUnit } from '../../functions/vectors/algebra.ts';
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
  /** Example i as the pool takes it; its key is its number. */
  candidate(i: number): Candidate;
}

/** How documents become examples: as the product does, an example repeating three quarters of the one before; half; none. */
export type Cut = 'overlapping' | 'half' | 'disjoint';
export const CUTS: Readonly<Record<Cut, (text: string) => readonly { readonly text: string }[]>> = {
  overlapping: (text) => overlapping(text, STRIDE),
  half: (text) => overlapping(text, 2 * STRIDE),
  disjoint: (text) => chunk(text),
};

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
  const kept = examplesCut.flatMap((example, i) => {
    const vector = vectors[i];
    return vector !== undefined && isUnit(vector) ? [{ example, vector }] : [];
  });
  const rows = new Float32Array(kept.length * dimensions);
  const store = kernel.store(dimensions);
  const q15 = kept.map(({ vector }, i) => {
    rows.set(vector, i * dimensions);
    store.append(vector);
    return toQ15(vector);
  });
  const examples = kept.map(({ example }) => example);
  return {
    examples,
    rows,
    dimensions,
    store,
    candidate(i) {
      const [row, example] = [q15[i], examples[i]];
      if (row === undefined || example === undefined) throw new RangeError(`example ${i} of ${examples.length}`);
      const { text, path } = example;
      return { id: String(i), key: String(i), row, text, bytes: Buffer.byteLength(text), source: path };
    },
  };
};

/** Numbers of the examples that hold a long verbatim run of each text: asked once for all texts. */
export const holdersOf = (corpus: Corpus, texts: readonly string[]): number[][] => {
  const where = new Map<number, number[]>();
  for (const [t, text] of texts.entries()) {
    for (const run of runsOf(text, LONG_RUN)) where.set(run, [...(where.get(run) ?? []), t]);
  }
  const holders = texts.map((): Set<number> => new Set());
  for (const [i, { text }] of corpus.examples.entries()) {
    for (const run of runsOf(text, LONG_RUN)) for (const t of where.get(run) ?? []) holders[t]?.add(i);
  }
  return holders.map((found) => [...found]);
};

export interface View {
  /** One byte an example: 0 hides it. */
  readonly mask: Uint8Array;
  /** How often the index holds every example; 1 is once. */
  readonly copies: number;
  /** Parts of the corpus, by number, that are asked in parallel. */
  readonly stripes: number;
}

/** Most that one search of the store returns. */
const MOST = 1_024;

/** The stripes of the corpus as a prompt may see it. */
export const indicesOf = (corpus: Corpus, { mask, copies, stripes }: View): Index[] =>
  Array.from({ length: stripes }, (_, stripe) => {
    const own = stripes === 1 ? mask : mask.map((value, i) => (i % stripes === stripe ? value : 0));
    return {
      async query(vector, k) {
        const { indices } = corpus.store.nearest(vector, Math.min(MOST, Math.ceil(k / copies)), own);
        return indices
          .flatMap((i) => {
            const one = corpus.candidate(i);
            return Array.from({ length: copies }, (_, copy) => (copy === 0 ? one : { ...one, key: `${i}+${copy}` }));
          })
          .slice(0, k);
      },
    };
  });
