// `sift-edge/pool`: a selection from an index that answers few at a time, over one that lies in memory.
import { beforeAll, describe, expect, it } from 'vitest';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import type { Match, Select, SelectFrom, VectorIndex } from '../../lib/contract.ts';
import { KernelError } from '../../lib/error.ts';
import { selectWith } from '../../lib/select.ts';
import { selectFromWith } from '../../lib/select-from.ts';
import { seededRandom } from '../../wire/random.ts';

let selectFrom: SelectFrom;
let select: Select;
beforeAll(() => {
  const kernel = loadKernel();
  selectFrom = selectFromWith(() => kernel);
  select = selectWith(() => kernel);
});

interface Row extends Match {
  readonly vector: readonly number[];
  readonly text: string;
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

const unit = (vector: readonly number[]): number[] => vector.map((value) => value / Math.sqrt(dot(vector, vector)));

/** Exact search, with a record of what was asked. */
const inMemory = (rows: readonly Row[]) => {
  const asked: { vector: number[]; topK: number }[] = [];
  const index: VectorIndex<Row> = {
    async query(vector, topK) {
      asked.push({ vector: [...vector], topK });
      return [...rows].sort((a, b) => dot(b.vector, vector) - dot(a.vector, vector)).slice(0, topK);
    },
  };
  return { index, asked };
};

const random = (count: number, dimensions: number): Row[] => {
  const next = seededRandom(7);
  return Array.from({ length: count }, (_, i) => ({
    id: `e${i}`,
    vector: unit(Array.from({ length: dimensions }, () => next() - 0.5)),
    text: `example ${i}`,
  }));
};
const PROMPT = unit(Array.from({ length: 16 }, (_, i) => Math.cos(i)));

describe('selectFrom', () => {
  it('picks what the kernel picks of everything, where the index answers with everything', async () => {
    const rows = random(40, 16);
    const options = { prompt: PROMPT, n: 6, degree: 2 };
    const { picks } = await selectFrom(inMemory(rows).index, options);
    const expected = await select({ ...options, candidates: rows.map(({ vector }) => vector) });
    expect(picks.map(({ match }) => match.text)).toEqual(expected.map(({ index }) => `example ${index}`));
    for (const [i, { gain, variance }] of picks.entries()) {
      // rows of a pool are int16
      expect(gain).toBeCloseTo(expected[i]?.gain ?? 0, 3);
      expect(variance).toBeCloseTo(expected[i]?.variance ?? 0, 3);
    }
  });

  it('asks again with what the picks leave unexplained, and finds what lies beyond the first answer', async () => {
    // ten near the first axis fill every answer to the prompt; the second axis shows only to the residual
    const near = Array.from({ length: 10 }, (_, i) => ({
      id: `near${i}`,
      vector: unit([1, 0.02 * i, 0.3 * Math.cos(i), 0.3 * Math.sin(i)]),
      text: '',
    }));
    const other = { id: 'other', vector: [0, 1, 0, 0], text: '' };
    const { index, asked } = inMemory([...near, other]);
    const request = { prompt: unit([1, 0.7, 0, 0]), n: 4, topK: 5, degree: 1 };
    const alone = await selectFrom(index, { ...request, rounds: 1, n: 2 });
    expect(alone.picks.map(({ match }) => match.id)).not.toContain('other');
    asked.length = 0;
    const { picks, pool } = await selectFrom(index, { ...request, rounds: 3 });
    expect(picks.map(({ match }) => match.id)).toContain('other');
    expect(pool.rounds).toBeGreaterThan(1);
    expect(asked.every(({ vector, topK }) => Math.abs(dot(vector, vector) - 1) < 1e-5 && topK <= 5)).toBe(true);
    expect(pool.queries).toBe(asked.length);
  });

  it('counts copies, and says when there are too few others', async () => {
    const copies = Array.from({ length: 5 }, (_, i) => ({ id: `c${i}`, vector: [1, 0], text: '' }));
    const { picks, pool, warnings } = await selectFrom(
      inMemory([...copies, { id: 'o', vector: [0, 1], text: '' }]).index,
      {
        prompt: [0.8, 0.6],
        n: 4,
      },
    );
    expect(picks.map(({ match, copies: stands }) => [match.id, stands])).toEqual([
      ['c0', 4],
      ['o', 0],
    ]);
    expect(pool).toMatchObject({ size: 2, copies: 4 });
    expect(warnings.join()).toContain('only 2 distinct candidates');
  });

  it('has no picks of an empty index', async () => {
    const { picks, pool } = await selectFrom(inMemory([]).index, { prompt: PROMPT, n: 3 });
    expect([picks, pool.size]).toEqual([[], 0]);
  });

  const refusal = (answer: unknown, more: object = {}) =>
    selectFrom({ query: async () => answer as Match[] }, { prompt: [1, 0], n: 1, ...more }).then(
      () => 'it selected',
      (error: unknown) => error,
    );

  const answers: readonly [string, unknown, { message?: RegExp } & Partial<Omit<KernelError, 'message'>>][] = [
    [
      'a match without its vector',
      [{ id: 'a' }],
      { code: 'bad_match', message: /'a' came without its vector.*returnValues/ },
    ],
    ['an id that is no text', [{ id: 7, vector: [1, 0] }], { code: 'bad_match', message: /id 7/ }],
    ['no list', { matches: [] }, { code: 'bad_match' }],
    ['NaN', [{ id: 'a', vector: [1, Number.NaN] }], { code: 'not_finite', param: "vector of match 'a'", index: 1 }],
    [
      'another length',
      [{ id: 'a', vector: [1] }],
      { code: 'wrong_dimensions', message: /has 1 values, the prompt has 2/ },
    ],
  ];
  it.each(answers)('refuses %s', async (_, answer, { message = /./, ...expected }) => {
    const error = await refusal(answer);
    expect(error).toBeInstanceOf(KernelError);
    expect(error).toMatchObject(expected);
    expect((error as Error).message).toMatch(message);
  });

  it('refuses options that do not exist, and those out of their limits', async () => {
    expect(await refusal([], { round: 2 })).toMatchObject({ code: 'bad_option', param: 'round' });
    expect(await refusal([], { rounds: 9 })).toMatchObject({ code: 'bad_option', param: 'rounds' });
    expect(await refusal([], { topK: 0 })).toMatchObject({ code: 'bad_option', param: 'topK' });
  });

  it('rejects with the very error of the index', async () => {
    const own = new Error('the index is away');
    const failing = { query: () => Promise.reject(own) };
    await expect(selectFrom(failing, { prompt: [1, 0], n: 1 })).rejects.toBe(own);
    const throwing = {
      query: () => {
        throw own;
      },
    };
    await expect(selectFrom(throwing, { prompt: [1, 0], n: 1 })).rejects.toBe(own);
  });
});
