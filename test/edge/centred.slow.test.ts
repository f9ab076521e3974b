// Selections with three embedders: like the bundled one, with a moderate mean like MiniLM's, and with one direction in all
// vectors like E5's. Seeded vectors of packages, documents and passages, every passage five times, nearly alike.
import { beforeAll, describe, expect, it } from 'vitest';
import { geometryOf } from '../../functions/corpora/geometry.ts';
import type { Kernel } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { fromQ15, toQ15 } from '../../functions/kernel/q15.ts';
import type { Index } from '../../functions/pool/candidate.ts';
import { aimFor, centredIndex } from '../../functions/pool/centred.ts';
import { selectFromCandidates } from '../../functions/select/candidates.ts';
import { meanFor } from '../../functions/select/centre.ts';
import { type CorpusDeps, selectFromCorpus } from '../../functions/select/select.ts';
import type { Selection } from '../../functions/select/selection.ts';
import { dot, less, normalise } from '../../functions/vectors/algebra.ts';
import { selectionOptions, selectRequest } from '../../wire/api/select.ts';
import { unwrap } from '../../wire/faults.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { indexOf, randomUnit } from './vectors.ts';

const DIMENSIONS = 96;
const COPIES = 5;

let kernel: Kernel;
beforeAll(async () => {
  kernel = await loadKernel();
});

const plus = (vector: Float32Array, length: number, other: Float32Array): Float32Array<ArrayBuffer> =>
  normalise(vector.map((value, i) => value + length * (other[i] ?? Number.NaN)));

const DIRECTION = randomUnit(DIMENSIONS, seededRandom(99));

interface Corpus {
  /** Every passage once. */
  readonly passages: readonly Float32Array[];
  /** Every passage five times. */
  readonly rows: readonly Float32Array[];
  readonly prompts: readonly Float32Array[];
}

/** Packages of documents of passages; `shared` is the length of what is added to every vector. */
const corpusWith = (shared: number): Corpus => {
  const next = seededRandom(5);
  const near = (centre: Float32Array, length: number) => plus(centre, length, randomUnit(DIMENSIONS, next));
  const packages = Array.from({ length: 14 }, () => randomUnit(DIMENSIONS, next));
  const documents = packages.flatMap((one) => Array.from({ length: 5 }, () => near(one, 0.9)));
  const passages = documents.flatMap((document) => Array.from({ length: 6 }, () => near(document, 0.6)));
  const copies = passages.flatMap((one) => Array.from({ length: COPIES }, (_, i) => (i === 0 ? one : near(one, 0.15))));
  const prompts = Array.from({ length: 12 }, (_, i) => near(at(documents, i * 5), 0.8));
  const all = (vectors: readonly Float32Array[]) => vectors.map((vector) => plus(vector, shared, DIRECTION));
  return { passages: all(passages), rows: all(copies), prompts: all(prompts) };
};

const EMBEDDERS = { bundled: 0.25, minilm: 0.55, e5: 2.3 } as const;
const corpora = Object.fromEntries(Object.entries(EMBEDDERS).map(([name, shared]) => [name, corpusWith(shared)])) as {
  [Name in keyof typeof EMBEDDERS]: Corpus;
};
/** A sample as the catalogue takes it, from all over the corpus. */
const geometryOfCorpus = ({ rows }: Corpus) => geometryOf(rows.filter((_, i) => i % 9 === 0));

const depsOf = (index: Index, mean?: Float32Array): CorpusDeps => ({
  stripes: [index],
  select: (problem) => kernel.select(problem),
  fetchText: async () => '',
  ...(mean === undefined ? {} : { mean }),
});

const select = (corpus: Corpus, prompt: Float32Array, given: { centre?: boolean; [field: string]: unknown } = {}) => {
  const options = selectionOptions.parse(given);
  const mean = meanFor(geometryOfCorpus(corpus), options.centre);
  return selectFromCorpus('c', depsOf(indexOf(corpus.rows), mean), [prompt], options);
};

const groupsOf = ({ picks }: Selection): number[] => picks.map(({ id }) => Math.floor(Number(id) / COPIES));
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Over all prompts: different passages among ten picks, and their mean place among all passages by similarity. */
const behaviour = async (name: keyof typeof EMBEDDERS, given: { centre?: boolean; strategy?: string } = {}) => {
  const { passages, prompts } = corpora[name];
  const distinct: number[] = [];
  const ranks: number[] = [];
  const finals: number[] = [];
  for (const prompt of prompts) {
    const selection = await select(corpora[name], prompt, given);
    const groups = groupsOf(selection);
    const similarity = passages.map((row) => dot(row, prompt));
    const order = [...passages.keys()].sort((a, b) => at(similarity, b) - at(similarity, a));
    distinct.push(new Set(groups).size);
    ranks.push(mean(groups.map((group) => order.indexOf(group))));
    finals.push(selection.finalVariance);
  }
  return { distinct: mean(distinct), rank: mean(ranks), final: mean(finals) };
};

describe('what an embedder’s cosines are', () => {
  it('is told apart by the mean: only a direction in all vectors is subtracted', () => {
    const found = Object.values(corpora).map((corpus) => geometryOfCorpus(corpus));
    expect(found.map((one) => one?.centred !== undefined)).toEqual([false, false, true]);
    expect(found[2]?.random.p50).toBeGreaterThan(0.8);
    // without it E5's cosines are those of the bundled one
    expect(found[2]?.centred?.random.p95).toBeCloseTo(found[0]?.random.p95 ?? Number.NaN, 1);
    expect(found[2]?.centred?.nearest.p50).toBeCloseTo(found[0]?.nearest.p50 ?? Number.NaN, 1);
  });
});

describe.each(['bundled', 'minilm', 'e5'] as const)(
  'ten picks with the embedder %s, every passage five times',
  (name) => {
    it('hold many more passages than the nearest neighbours, are as relevant as with the bundled one, and lower σ² as much', async () => {
      const sift = await behaviour(name);
      const nn = await behaviour(name, { strategy: 'nn' });
      const bundled = await behaviour('bundled');
      expect(nn.distinct).toBeLessThan(3);
      expect(sift.distinct).toBeGreaterThan(2 * nn.distinct);
      expect(Math.abs(sift.distinct - bundled.distinct)).toBeLessThan(1);
      expect(Math.abs(sift.rank - bundled.rank)).toBeLessThan(1.5);
      expect(Math.abs(sift.final - bundled.final)).toBeLessThan(0.1);
    });
  },
);

describe('a direction in all vectors', () => {
  it('makes everything look redundant where it is left in', async () => {
    const left = await behaviour('e5', { centre: false });
    const subtracted = await behaviour('e5');
    const bundled = await behaviour('bundled');
    expect(left.final).toBeLessThan(bundled.final - 0.3);
    expect(Math.abs(subtracted.final - bundled.final)).toBeLessThan(0.1);
    expect(subtracted.rank).toBeLessThan(left.rank);
  });

  it('makes no difference to what is picked, once subtracted', async () => {
    const plain = corpusWith(0);
    const shared: number[] = [];
    for (const [i, prompt] of plain.prompts.entries()) {
      const own = new Set(groupsOf(await select(plain, prompt)));
      shared.push(groupsOf(await select(corpora.e5, at(corpora.e5.prompts, i))).filter((one) => own.has(one)).length);
    }
    expect(mean(shared)).toBeGreaterThan(7);
  });

  it('is in the similarity that is told, and not in the centred one', async () => {
    const prompt = at(corpora.e5.prompts, 2);
    const selection = await select(corpora.e5, prompt, { n: 5 });
    const subtracted = unwrap({ ok: true, value: geometryOfCorpus(corpora.e5)?.mean ?? new Float32Array() });
    expect([selection.centred, selection.picks.length]).toEqual([true, 5]);
    for (const { id, similarity, centredSimilarity } of selection.picks) {
      const row = at(corpora.e5.rows, Number(id));
      expect(similarity).toBeCloseTo(dot(row, prompt), 3);
      expect(similarity).toBeGreaterThan(0.8);
      expect(centredSimilarity).toBeCloseTo(dot(less(row, subtracted), less(prompt, subtracted)), 3);
    }
    const plain = await select(corpora.bundled, at(corpora.bundled.prompts, 2));
    expect(plain.centred).toBe(false);
    expect(plain.picks.every(({ centredSimilarity }) => centredSimilarity === undefined)).toBe(true);
  });
});

describe('what a request says', () => {
  const prompt = at(corpora.e5.prompts, 0);

  it('wins over what follows from the corpus', async () => {
    const left = await select(corpora.e5, prompt, { centre: false, degree: 16, lambda: 0.5 });
    expect([left.centred, left.degree, left.lambda]).toEqual([false, 16, 0.5]);
    const own = await select(corpora.e5, prompt, { degree: 2, lambda: 1 });
    expect([own.centred, own.degree, own.lambda]).toEqual([true, 2, 1]);
    const asked = await select(corpora.minilm, at(corpora.minilm.prompts, 0), { centre: true });
    expect(asked.centred).toBe(true);
  });

  it('cannot be done where nothing is measured yet, which the answer says', async () => {
    const options = selectionOptions.parse({ centre: true });
    expect(meanFor(undefined, true)).toBeUndefined();
    const few = await selectFromCorpus('c', depsOf(indexOf(corpora.e5.rows)), [prompt], options);
    expect([few.centred, few.warnings]).toEqual([
      false,
      ["corpus 'c' has no mean to subtract yet: it is measured from 50 examples on"],
    ]);
  });

  it('compares min_similarity with the similarity that is told, and "auto" with what the kernel sees', async () => {
    const all = await select(corpora.e5, prompt, { n: 60 });
    const least = at(
      [...all.picks].sort((a, b) => b.similarity - a.similarity),
      9,
    ).similarity;
    const some = await select(corpora.e5, prompt, { n: 60, min_similarity: least });
    expect(some.picks.length).toBeGreaterThanOrEqual(10);
    expect(some.picks.every(({ similarity }) => similarity >= least)).toBe(true);
    expect(some.minSimilarity).toBe(least);

    const auto = await select(corpora.e5, prompt, { n: 60, min_similarity: 'auto' });
    expect([auto.minSimilarity, auto.stop]).toEqual([0.32, 'exhausted']);
    expect(auto.picks.length).toBeGreaterThan(0);
    expect(auto.picks.every(({ centredSimilarity }) => (centredSimilarity ?? 0) >= 0.32)).toBe(true);
    const plain = await select(corpora.bundled, at(corpora.bundled.prompts, 0), { n: 60, min_similarity: 'auto' });
    expect(plain.picks.every(({ similarity }) => similarity >= 0.32)).toBe(true);
    expect((await select(corpora.e5, prompt)).minSimilarity).toBeUndefined();
  });

  it('cannot be of candidates that come with the request: there is no corpus to measure', () => {
    const body = { candidates: [{ id: 'a', text: 'a' }], input: 'x' };
    const parsed = selectRequest.safeParse({ ...body, centre: true });
    expect(parsed.error?.issues[0]).toMatchObject({ path: ['centre'], message: "needs a 'corpus'" });
    const sent = [{ id: 'a', vector: at(corpora.e5.rows, 0) }];
    const selection = selectFromCandidates(sent, [prompt], selectionOptions.parse({}), (problem) =>
      kernel.select(problem),
    );
    expect(selection.centred).toBe(false);
  });
});

describe('nearest neighbours and MMR', () => {
  it.each(['nn', 'mmr'])(
    '%s picks the same whether the mean is subtracted or not, and tells σ² of the same kernel',
    async (strategy) => {
      const prompt = at(corpora.e5.prompts, 4);
      const centred = await select(corpora.e5, prompt, { strategy });
      const plain = await select(corpora.e5, prompt, { strategy, centre: false });
      expect(centred.picks.map(({ id }) => id)).toEqual(plain.picks.map(({ id }) => id));
      expect(centred.finalVariance).toBeGreaterThan(plain.finalVariance + 0.2);
    },
  );
});

describe('the queries of a centred pool', () => {
  const e5 = corpora.e5;
  const noting = (rows: readonly Float32Array[]): { index: Index; asked: Float32Array[] } => {
    const asked: Float32Array[] = [];
    const inner = indexOf(rows);
    return {
      asked,
      index: {
        query: (vector, k) => {
          asked.push(vector);
          return inner.query(vector, k);
        },
      },
    };
  };

  it('begin with the prompt itself', async () => {
    const { index, asked } = noting(e5.rows);
    const prompt = at(e5.prompts, 1);
    await selectFromCorpus('c', depsOf(index, geometryOfCorpus(e5)?.mean), [prompt], selectionOptions.parse({}));
    expect(asked.length).toBeGreaterThan(1);
    expect(dot(at(asked, 0), prompt)).toBeCloseTo(1, 5);
  });

  it('go on in directions leant a little towards the mean, which find the largest posterior covariances', async () => {
    // as in a real embedder, the direction is not in all texts to the same extent
    const next = seededRandom(8);
    const rows = corpora.bundled.passages.map((row) => plus(row, 1.8 + next(), DIRECTION));
    const shared = geometryOf(rows.filter((_, i) => i % 2 === 0))?.mean ?? new Float32Array();
    const inner = indexOf(rows);
    const aim = aimFor(shared);
    const leant = (direction: Float32Array, by: number) =>
      normalise(direction.map((value, i) => value + by * (shared[i] ?? Number.NaN)));
    const found = { aimed: [] as number[], alone: [] as number[], far: [] as number[] };
    for (const prompt of corpora.bundled.prompts) {
      const direction = less(plus(prompt, 2.3, DIRECTION), shared);
      // d·φ(x) for the centred φ: these fifty have the largest
      const own = rows.map((row) => dot(direction, less(row, shared)));
      const largest = new Set([...own.keys()].sort((a, b) => at(own, b) - at(own, a)).slice(0, 50));
      const hits = async (query: Float32Array) =>
        (await inner.query(query, 50)).filter(({ id }) => largest.has(Number(id))).length;
      found.aimed.push(await hits(aim(direction)));
      found.alone.push(await hits(direction));
      found.far.push(await hits(leant(direction, 2.5)));
    }
    expect(mean(found.aimed)).toBeGreaterThan(47);
    expect(mean(found.aimed)).toBeGreaterThan(mean(found.alone) + 1);
    expect(mean(found.aimed)).toBeGreaterThan(mean(found.far) + 8);
  });

  it('are so leant in every round but the first, past copies too', async () => {
    const shared = geometryOfCorpus(e5)?.mean ?? new Float32Array();
    const prompt = at(e5.prompts, 1);
    const copied = Array.from({ length: 60 }, () => prompt);
    const { index, asked } = noting([...copied, ...e5.rows]);
    const { picks } = await selectFromCorpus('c', depsOf(index, shared), [prompt], selectionOptions.parse({}));
    expect(picks.length).toBe(10);
    expect(asked.length).toBeGreaterThan(6);
    expect(dot(at(asked, 0), prompt)).toBeCloseTo(1, 5);
    // a direction that lies in the centred space has next to no part in the mean; the lean is 0.12/0.4 of its length
    const alongMean = asked.slice(1).map((vector) => dot(vector, normalise(shared)));
    expect(alongMean.every((part) => part > 0.05 && part < 0.8)).toBe(true);
  });
});

describe('a thousand copies in a corpus whose vectors share a direction', () => {
  it.each([0, 0.01, 0.02])('do not hide the others, when they differ by %d of their length', async (jitter) => {
    const next = seededRandom(17);
    for (const prompt of corpora.e5.prompts.slice(0, 3)) {
      const similarity = corpora.e5.passages.map((row) => dot(row, prompt));
      const nearest = at(corpora.e5.passages, similarity.indexOf(Math.max(...similarity)));
      const copies = Array.from({ length: 1_000 }, () =>
        jitter === 0 ? nearest : plus(nearest, jitter, randomUnit(DIMENSIONS, next)),
      );
      const all = depsOf(indexOf([...copies, ...corpora.e5.passages]), geometryOfCorpus(corpora.e5)?.mean);
      const { picks, warnings, centred, pool } = await selectFromCorpus('c', all, [prompt], selectionOptions.parse({}));
      expect([centred, picks.length, warnings]).toEqual([true, 10, []]);
      expect(pool.collapsed).toBeGreaterThan(40);
      expect(picks.filter(({ id }) => Number(id) < 1_000).length).toBeLessThanOrEqual(1);
    }
  });
});

describe('vectors with nothing beside the mean', () => {
  it('leave a prompt as it is, and an example without any say', async () => {
    const shared = geometryOfCorpus(corpora.e5)?.mean ?? new Float32Array();
    const atMean = normalise(shared);
    const inner = indexOf([atMean, ...corpora.e5.rows.slice(0, 100)]);
    const exact = depsOf(inner, atMean);
    const { picks, centred } = await selectFromCorpus('c', exact, [atMean], selectionOptions.parse({}));
    expect(centred).toBe(false);
    expect(picks.every(({ gain, variance }) => Number.isFinite(gain) && Number.isFinite(variance))).toBe(true);
    const other = await selectFromCorpus('c', exact, [at(corpora.e5.prompts, 0)], selectionOptions.parse({ n: 20 }));
    expect(other.centred).toBe(true);
    expect(other.picks.some(({ id }) => id === '0')).toBe(false);
    expect(Number.isFinite(other.finalVariance)).toBe(true);
  });

  it('are rows of zeros behind a centred index, beside the row as it is stored', async () => {
    const row = at(corpora.e5.rows, 3);
    const [found] = await centredIndex(indexOf([row]), fromQ15(toQ15(row))).query(row, 1);
    expect([...(found?.row ?? [])].every((value) => value === 0)).toBe(true);
    expect(found?.stored).toEqual(toQ15(row));
  });
});
