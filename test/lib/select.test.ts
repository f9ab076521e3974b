// `sift-edge/kernel`'s select: figures that can be checked by hand, arguments in every form, and every refusal.
import { beforeAll, describe, expect, it } from 'vitest';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import type { Select, SelectRequest } from '../../lib/contract.ts';
import { KernelError } from '../../lib/error.ts';
import { selectWith } from '../../lib/select.ts';

let select: Select;
beforeAll(() => {
  const kernel = loadKernel();
  select = selectWith(() => kernel);
});

/** Nearest, its copy, something that adds to it, and nothing to do with the prompt. */
const prompt = [0.8, 0.6, 0];
const candidates = [
  [1, 0, 0],
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
];
const paper = { prompt, candidates, n: 4, lambda: 0.1, degree: 1 };

describe('select', () => {
  it('passes over the copy of what it picked, and tells gain, variance and share of each', async () => {
    const picks = await select(paper);
    expect(picks.map(({ index }) => index).slice(0, 2)).toEqual([0, 2]);
    // one unit vector x: σ² falls by (q·x)²/(1+λ); the second is orthogonal to the first
    expect(picks[0]?.gain).toBeCloseTo(0.64 / 1.1, 6);
    expect(picks[1]?.gain).toBeCloseTo(0.36 / 1.1, 6);
    expect(picks[0]?.variance).toBeCloseTo(1 - 0.64 / 1.1, 6);
    expect(picks[1]?.variance).toBeCloseTo(1 - 1 / 1.1, 6);
    // both copies together are one observation of noise λ/2
    const all = 0.64 / 1.05 + 0.36 / 1.1;
    expect(picks[0]?.explained).toBeCloseTo(0.64 / 1.1 / all, 6);
    expect(picks[1]?.explained).toBeCloseTo(1 / 1.1 / all, 6);
    expect(picks[0]).toMatchObject({ similarity: expect.closeTo(0.8, 6), covariance: expect.closeTo(0.8, 6) });
  });

  it('ends where nothing adds anything: fewer than n', async () => {
    const picks = await select(paper);
    expect(picks.map(({ index }) => index)).toEqual([0, 2, 1]);
  });

  it('takes float32, float64 and arrays of numbers alike', async () => {
    const expected = await select(paper);
    for (const form of [Float32Array, Float64Array]) {
      const same = { ...paper, prompt: form.from(prompt), candidates: candidates.map((one) => form.from(one)) };
      const picks = await select(same);
      expect(picks.map(({ index }) => index)).toEqual(expected.map(({ index }) => index));
    }
  });

  it('takes λ relative to the longest vector: a scale of everything changes no pick and no share', async () => {
    const scaled = {
      ...paper,
      prompt: prompt.map((x) => 7 * x),
      candidates: candidates.map((x) => x.map((v) => 7 * v)),
    };
    const [expected, picks] = await Promise.all([select(paper), select(scaled)]);
    expect(picks.map(({ index }) => index)).toEqual(expected.map(({ index }) => index));
    expect(picks[0]?.explained).toBeCloseTo(expected[0]?.explained ?? 0, 6);
    expect(picks[0]?.variance).toBeCloseTo(49 * (expected[0]?.variance ?? 0), 4);
  });

  it('selects for several prompts at once', async () => {
    const several = {
      ...paper,
      prompt: [
        [1, 0, 0],
        [0, 0, 1],
      ],
      n: 2,
    };
    expect((await select(several)).map(({ index }) => index)).toEqual([0, 3]);
  });

  it('takes nearest neighbours with their copies, to compare with', async () => {
    const picks = await select({ ...paper, strategy: 'nn', n: 2 });
    expect(picks.map(({ index }) => index)).toEqual([0, 1]);
  });

  it('may pick again where it is told so', async () => {
    const one = { prompt: [1, 0], candidates: [[1, 0]], n: 3, lambda: 1, degree: 1 };
    expect(await select(one)).toHaveLength(1);
    expect((await select({ ...one, repeat: true })).map(({ index }) => index)).toEqual([0, 0, 0]);
  });

  it('has nothing to pick from no candidates', async () => {
    expect(await select({ ...paper, candidates: [] })).toEqual([]);
  });

  it('does not change what it is given', async () => {
    const given = {
      ...paper,
      prompt: Float32Array.from(prompt),
      candidates: candidates.map((one) => Float32Array.from(one)),
    };
    const before = structuredClone(given);
    await select(given);
    expect(given).toEqual(before);
  });
});

describe('a refusal', () => {
  const cases: readonly [string, object, Partial<KernelError>][] = [
    [
      'NaN',
      { prompt: [0.8, Number.NaN, 0] },
      { code: 'not_finite', message: 'prompt[1] is NaN, it must be a finite number', index: 1, value: Number.NaN },
    ],
    [
      '∞',
      {
        candidates: [
          [1, 0, 0],
          [0, 1, Infinity],
        ],
      },
      {
        code: 'not_finite',
        message: 'candidates[1][2] is Infinity, it must be a finite number',
        param: 'candidates[1]',
        index: 2,
      },
    ],
    [
      'a text',
      { candidates: [[1, '0', 0]] },
      { code: 'not_finite', message: 'candidates[0][1] is "0", it must be a finite number', value: '0' },
    ],
    [
      'a hole',
      { candidates: [[1, undefined, 0]] },
      { code: 'not_finite', message: 'candidates[0][1] is undefined, it must be a finite number' },
    ],
    [
      'beyond float32',
      { prompt: [1e39, 0, 0] },
      { code: 'not_finite', message: 'prompt[0] is 1e+39, beyond float32 (3.4e38)', value: 1e39 },
    ],
    [
      'zeros',
      {
        candidates: [
          [1, 0, 0],
          [0, -0, 0],
        ],
      },
      { code: 'zero_vector', message: 'candidates[1] is all zeros: it has no direction' },
    ],
    ['underflow to zeros', { prompt: [1e-60, 0, 0] }, { code: 'zero_vector', param: 'prompt' }],
    [
      'another length',
      {
        candidates: [
          [1, 0, 0],
          [1, 0],
        ],
      },
      { code: 'wrong_dimensions', message: 'candidates[1] has 2 values, the prompt has 3', value: 2 },
    ],
    ['no values', { prompt: [] }, { code: 'wrong_dimensions', message: 'prompt has no values' }],
    [
      'prompts of two lengths',
      {
        prompt: [
          [1, 0, 0],
          [1, 0],
        ],
      },
      { code: 'wrong_dimensions', param: 'prompt[1]' },
    ],
    [
      'no vector',
      { prompt: 'text' },
      { code: 'bad_option', message: 'prompt is "text", it must be an array of numbers' },
    ],
    ['no prompt', { prompt: undefined }, { code: 'bad_option', param: 'prompt' }],
    [
      'candidates as one matrix',
      { candidates: new Float32Array(12) },
      { code: 'bad_option', message: 'candidates must be an array of vectors' },
    ],
    [
      'n = 0',
      { n: 0 },
      { code: 'bad_option', message: 'n is 0, it must be a whole number from 1 to 100000', value: 0 },
    ],
    ['n = 1.5', { n: 1.5 }, { code: 'bad_option', param: 'n' }],
    [
      'no n',
      { n: undefined },
      { code: 'bad_option', message: 'n is undefined, it must be a whole number from 1 to 100000' },
    ],
    ['λ = 0', { lambda: 0 }, { code: 'bad_option', message: 'lambda is 0, it must be a number from 0.000001 to 1000' }],
    ['λ = NaN', { lambda: Number.NaN }, { code: 'bad_option', param: 'lambda' }],
    ['degree 17', { degree: 17 }, { code: 'bad_option', param: 'degree', value: 17 }],
    [
      'an unknown strategy',
      { strategy: 'best' },
      { code: 'bad_option', message: "strategy is \"best\", it must be 'sift', 'nn' or 'mmr'" },
    ],
    ['a mistyped option', { lamda: 1 }, { code: 'bad_option', message: "there is no option 'lamda'", param: 'lamda' }],
    ['an option of the pool', { rounds: 2 }, { code: 'bad_option', param: 'rounds' }],
    [
      'lengths that overflow',
      { candidates: [[3e38, 3e38, 0]], degree: 16 },
      { code: 'bad_option', param: 'candidates' },
    ],
  ];
  it.each(cases)('of %s names the argument and the value', async (_, change, expected) => {
    const error = await select({ ...paper, ...change } as SelectRequest).then(
      (picks) => `it picked ${picks.length}`,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(KernelError);
    expect(error).toMatchObject(expected);
  });
});
