// Sampling draws what its definition draws: everything sorted, cut to top-k, cut to top-p, one token by weight.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sample } from '../../gateway/backends/embedded/sampler.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';

interface Shape {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
}

/** The definition, literally: the candidates with their weights. */
const defined = (logits: Float32Array, { temperature, topK, topP }: Shape): { id: number; weight: number }[] => {
  const highest = Math.max(...logits);
  let order = Array.from(logits, (logit, id) => ({ id, logit, weight: Math.exp((logit - highest) / temperature) }));
  const cutsByCount = topK > 0 && topK < logits.length;
  if (cutsByCount || topP < 1) order.sort((a, b) => b.logit - a.logit || a.id - b.id);
  if (cutsByCount) order = order.slice(0, topK);
  if (topP < 1) {
    const total = order.reduce((sum, { weight }) => sum + weight, 0);
    let reached = 0;
    const cut = order.findIndex(({ weight }) => {
      reached += weight;
      return reached >= topP * total;
    });
    if (cut >= 0) order = order.slice(0, cut + 1);
  }
  return order;
};

const drawn = (candidates: readonly { id: number; weight: number }[], u: number): number | undefined => {
  let rest = u * candidates.reduce((sum, { weight }) => sum + weight, 0);
  return candidates.find(({ weight }) => {
    rest -= weight;
    return rest < 0;
  })?.id;
};

const UNIFORM = [0, 1e-9, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999, 1 - 2 ** -32];
const same = (logits: Float32Array, shape: Shape): void => {
  const candidates = defined(logits, shape);
  for (const u of UNIFORM)
    expect(
      sample(logits, shape, () => u),
      `at ${u}`,
    ).toBe(drawn(candidates, u));
};

const values = fc.oneof(
  fc.array(fc.float({ min: -50, max: 50, noNaN: true }), { minLength: 1, maxLength: 60 }),
  // many ties, zeros of both signs
  fc.array(fc.constantFrom(0, -0, 1, -1, 2.5, -30), { minLength: 1, maxLength: 60 }),
  // one far from the rest, so that the histogram has one bucket for most of them
  fc
    .array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 60 })
    .map((rest) => [-3e38, ...rest, 1.5]),
);

describe('sampling', () => {
  it('draws what sorting the whole vocabulary draws', () => {
    fc.assert(
      fc.property(
        values,
        fc.constantFrom(1e-8, 0.01, 0.3, 0.7, 1, 2, 1e6),
        fc.oneof(fc.constantFrom(0, 1, 2, 59, 60, 61, 1000), fc.integer({ min: 1, max: 70 })),
        fc.oneof(fc.constantFrom(0, 0.5, 0.9, 1), fc.double({ min: 0, max: 1, noNaN: true })),
        (logits, temperature, topK, topP) => same(Float32Array.from(logits), { temperature, topK, topP }),
      ),
      { numRuns: 2_000 },
    );
  });

  it('does so over a vocabulary of 50,000, peaked and flat', () => {
    const random = seededRandom(3);
    for (const spread of [0, 1, 12]) {
      const logits = Float32Array.from({ length: 50_000 }, () => spread * (random() + random() + random() - 1.5));
      for (const [topK, topP] of [
        [0, 0.9],
        [0, 0.1],
        [40, 1],
        [40, 0.8],
        [60_000, 0.5],
        [50_000, 1],
      ] as const) {
        same(logits, { temperature: 0.8, topK, topP });
      }
    }
  });

  it('takes the highest logit at temperature 0, the first of several, and with top_p 0 or top_k 1', () => {
    const logits = Float32Array.of(1, 7, 3, 7);
    for (const shape of [
      { temperature: 0, topK: 0, topP: 1 },
      { temperature: 1, topK: 1, topP: 1 },
      { temperature: 1, topK: 0, topP: 0 },
      { temperature: 1e-8, topK: 1, topP: 0 },
    ]) {
      expect(sample(logits, shape, () => 0.999)).toBe(1);
    }
  });

  it('sorts the candidates only, where few of a large vocabulary are candidates', () => {
    const random = seededRandom(4);
    const logits = Float32Array.from({ length: 50_000 }, () => 4 * (random() + random() + random() - 1.5));
    for (let id = 0; id < 50; id++) logits[id * 997] = 14 + id / 10;
    const { sort } = Uint32Array.prototype;
    const sorted: number[] = [];
    Uint32Array.prototype.sort = function (compare) {
      sorted.push(this.length);
      return sort.call(this, compare) as typeof this;
    };
    try {
      for (const [topK, topP] of [
        [0, 0.9],
        [40, 1],
        [40, 0.9],
      ] as const) {
        sample(logits, { temperature: 0.7, topK, topP }, () => 0.5);
      }
    } finally {
      Uint32Array.prototype.sort = sort;
    }
    expect(sorted).toHaveLength(3);
    for (const length of sorted) expect(length).toBeLessThan(200);
    expect(at(sorted, 0)).toBeGreaterThan(0);
  });
});
