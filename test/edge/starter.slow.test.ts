// What rounds are for, on real text: the starter corpus, embedded by the real model. Each prompt is a chunk of a document
// that is kept out of its own pool, as in the demonstration.
import { beforeAll, describe, expect, it } from 'vitest';
import { starterCorpus } from '../../corpus/documents.ts';
import { examplesOf } from '../../corpus/examples.ts';
import { geometryOf } from '../../functions/corpora/geometry.ts';
import { markOf } from '../../functions/corpora/sample.ts';
import { readEmbedder } from '../../functions/embedding/onnx.node.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { toQ15 } from '../../functions/kernel/q15.ts';
import type { Candidate, Index } from '../../functions/pool/candidate.ts';
import { gatherPool, type PoolOptions, type Select } from '../../functions/pool/pool.ts';
import { meanFor } from '../../functions/select/centre.ts';
import { dot } from '../../functions/vectors/algebra.ts';
import { selectionOptions } from '../../wire/api/select.ts';
import { GEOMETRY_SAMPLE } from '../../wire/limits.ts';

const at = (path: string): string => new URL(`../../${path}`, import.meta.url).pathname;

interface Row {
  readonly candidate: Candidate;
  readonly vector: Float32Array;
  readonly document: string;
}

const indexOf = (rows: readonly Row[]): Index => ({
  async query(vector, k) {
    const scores = rows.map(({ vector: row }) => dot(row, vector));
    const order = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
    return order.slice(0, k).flatMap((i) => rows[i]?.candidate ?? []);
  },
});

const OPTIONS: PoolOptions = {
  rounds: 1,
  topK: 50,
  residualSign: 'plus',
  opposite: false,
  picks: 20,
  lambda: 0.01,
  degree: 1,
  repeat: true,
};
const PROMPTS = 40;
/** Of the documents so many-th is taken: a third of the corpus says the same in a third of the time. */
const EVERY = 3;

let rows: Row[];
let prompts: Row[];
let select: Select;
let dimensions: number;
beforeAll(async () => {
  const kernel = await loadKernel();
  select = (problem) => kernel.select(problem);
  const { documents } = await starterCorpus(at('node_modules'));
  const examples = examplesOf(documents.filter((_, i) => i % EVERY === 0));
  const embedder = await readEmbedder(at('models/embedder'));
  dimensions = embedder.dimensions;
  const vectors = await embedder.embed(
    examples.map(({ text }) => text),
    'head',
  );
  rows = examples.map(({ id, text, source }, i) => {
    const vector = vectors[i] ?? new Float32Array(dimensions);
    return { vector, document: source, candidate: { id, key: id, row: toQ15(vector), text, bytes: text.length } };
  });
  prompts = Array.from({ length: PROMPTS }, (_, i) => rows[Math.floor(((i + 0.5) * rows.length) / PROMPTS)]).filter(
    (row) => row !== undefined,
  );
  // embeds some thousands of texts: seconds, or half a minute on a busy machine
}, 180_000);

const others = (prompt: Row): Row[] => rows.filter(({ document }) => document !== prompt.document);

const finalOver = (pool: Int16Array, prompt: Row, options: Partial<PoolOptions> = {}): number => {
  const { picks, lambda, degree, repeat } = { ...OPTIONS, ...options };
  const selected = select({ rows: pool, queries: prompt.vector, dimensions, picks, lambda, degree, repeat });
  if (!selected.ok) throw new Error(selected.fault.kind);
  return selected.value.variances.at(-1) ?? 1;
};

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean final σ² over the prompts, for pools gathered in this way. */
const sigma2 = async (options: Partial<PoolOptions>): Promise<number> => {
  const finals: number[] = [];
  for (const prompt of prompts) {
    const pool = await gatherPool([indexOf(others(prompt))], [prompt.vector], select, { ...OPTIONS, ...options });
    finals.push(finalOver(pool.rows, prompt, options));
  }
  return mean(finals);
};

/** Mean final σ² of the greedy over the whole corpus: the best that any pool can reach. */
const greedy = (options: Partial<PoolOptions> = {}): number =>
  mean(
    prompts.map((prompt) => {
      const all = others(prompt);
      const matrix = new Int16Array(all.length * dimensions);
      for (const [i, { candidate }] of all.entries()) matrix.set(candidate.row, i * dimensions);
      return finalOver(matrix, prompt, options);
    }),
  );

describe('rounds by residual, on the starter corpus', () => {
  it('end lower with three of 50 than with one pool of 200', async () => {
    const one = await sigma2({ topK: 200 });
    const three = await sigma2({ rounds: 3 });
    expect(three).toBeLessThan(one);
    // and both lower than what one query of 50 brings
    expect(one).toBeLessThan(await sigma2({}));
  });

  it('come within a tenth of greedy over the whole corpus when they ask both ways', async () => {
    expect(await sigma2({ rounds: 3, residualSign: 'both' })).toBeLessThanOrEqual(1.1 * greedy());
  });

  it('at the API’s defaults lose a hundredth of what greedy over the whole corpus removes, at most', async () => {
    const { lambda, degree, repeat, rounds, residual_picks: residualPicks } = selectionOptions.parse({});
    const defaults = { lambda, degree, repeat, rounds, residualPicks, picks: 50 };
    const limit = 1 - greedy(defaults);
    expect(1 - (await sigma2(defaults))).toBeGreaterThanOrEqual(0.99 * limit);
    // few picks’ residual keeps near the prompt, which all fifty’s does not
    expect(await sigma2(defaults)).toBeLessThan(await sigma2({ ...defaults, residualPicks: 50 }));
  });

  it('take the vectors as they are: the bundled embedder has no direction in all of them', async () => {
    // the sample that the catalogue would keep of this corpus
    const marks = rows.map(({ candidate }) => markOf(candidate.id));
    const order = [...marks.keys()].sort((a, b) => (marks[a] ?? 0) - (marks[b] ?? 0)).slice(0, GEOMETRY_SAMPLE);
    const geometry = geometryOf(order.flatMap((i) => rows[i]?.vector ?? []));
    expect(geometry?.sample).toBeGreaterThan(GEOMETRY_SAMPLE / 2);
    expect(geometry?.meanLength).toBeLessThan(0.35);
    const { centre, degree, lambda, min_similarity } = selectionOptions.parse({});
    expect(meanFor(geometry, centre)).toBeUndefined();
    expect([degree, lambda, min_similarity]).toEqual([6, 0.3, undefined]);
  });

  it.each([
    [100, 0.75],
    [200, 0.55],
  ])('go on where %d picks are wanted, and hold %d of the nearest at least', async (picks, least) => {
    const shares: number[] = [];
    for (const prompt of prompts.slice(0, 8)) {
      for (const residual of [true, false]) {
        const growth = { residual, isEnough: () => false };
        const options = { ...OPTIONS, rounds: residual ? 3 : 1, picks, repeat: false, growth };
        const pool = await gatherPool([indexOf(others(prompt))], [prompt.vector], select, options);
        expect(pool.short).toBeUndefined();
        expect(pool.collected.length).toBeGreaterThanOrEqual(picks);
        if (residual) continue;
        const found = new Set(pool.collected.map(({ candidate }) => candidate.key));
        const nearest = await indexOf(others(prompt)).query(prompt.vector, picks);
        shares.push(nearest.filter(({ key }) => found.has(key)).length / picks);
      }
    }
    expect(mean(shares)).toBeGreaterThan(least);
  });

  it('find other examples beside two hundred copies of the nearest neighbour', async () => {
    const finals = { starved: [] as number[], crowded: [] as number[], clear: [] as number[] };
    for (const prompt of prompts) {
      const all = others(prompt);
      const [nearest] = await indexOf(all).query(prompt.vector, 1);
      const original = all.find(({ candidate }) => candidate.key === nearest?.key);
      if (original === undefined) throw new Error('no neighbour');
      const copies = Array.from({ length: 200 }, (_, i) => ({
        ...original,
        candidate: { ...original.candidate, id: `copy ${i}`, key: `copy ${i}` },
      }));
      const gather = (from: Row[], rounds: number, picks = OPTIONS.picks) =>
        gatherPool([indexOf(from)], [prompt.vector], select, { ...OPTIONS, rounds, picks });
      // a pool for one pick has enough with one candidate, so it does not look past the copies
      const starved = await gather([...copies, ...all], 1, 1);
      expect([starved.collected.length, starved.collapsed]).toEqual([1, 49]);
      finals.starved.push(finalOver(starved.rows, prompt));
      finals.crowded.push(finalOver((await gather([...copies, ...all], 3)).rows, prompt));
      finals.clear.push(finalOver((await gather(all, 3)).rows, prompt));
    }
    expect(mean(finals.crowded)).toBeLessThanOrEqual(1.1 * mean(finals.clear));
    // one query alone would have been
    expect(mean(finals.starved)).toBeGreaterThan(1.5 * mean(finals.crowded));
  });
});
