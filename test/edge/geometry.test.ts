// What is measured of an embedder's geometry, and the sample it is measured on.
import { describe, expect, it } from 'vitest';
import { geometryOf } from '../../functions/corpora/geometry.ts';
import { markOf, Offer, Sample, type Sampled } from '../../functions/corpora/sample.ts';
import { dot, less, normalise } from '../../functions/vectors/algebra.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { FakeStorage } from './objects.ts';
import { randomUnit } from './vectors.ts';

const spread = (count: number, dimensions: number, seed = 1): Float32Array[] => {
  const next = seededRandom(seed);
  return Array.from({ length: count }, () => randomUnit(dimensions, next));
};

/** The same vectors with one direction added to all of them. */
const shifted = (rows: readonly Float32Array[], length: number): Float32Array[] => {
  const direction = randomUnit(at(rows, 0).length, seededRandom(77));
  return rows.map((row) => normalise(row.map((value, i) => value + length * (direction[i] ?? Number.NaN))));
};

describe('the geometry of a corpus', () => {
  it('is not told of fewer than 50 vectors', () => {
    expect(geometryOf(spread(49, 8))).toBeUndefined();
    expect(geometryOf(spread(50, 8))?.sample).toBe(50);
  });

  it('has the quantiles of all pairs, and of each vector’s nearest', () => {
    const rows = spread(51, 8);
    const pairs = rows.flatMap((a, i) => rows.slice(0, i).map((b) => dot(a, b))).sort((a, b) => a - b);
    const nearest = rows.map((a) => Math.max(...rows.filter((b) => b !== a).map((b) => dot(a, b))));
    nearest.sort((a, b) => a - b);
    const found = geometryOf(rows);
    // 1275 pairs: the median is the 638th
    expect(found?.random.p50).toBeCloseTo(at(pairs, 637), 6);
    expect(found?.nearest.p50).toBeCloseTo(at(nearest, 25), 6);
    expect(found?.random.p05).toBeGreaterThan(at(pairs, 63) - 1e-6);
    expect(found?.random.p05).toBeLessThan(at(pairs, 64) + 1e-6);
  });

  it('finds no mean where directions are evenly spread, however few the vectors', () => {
    const found = geometryOf(spread(50, 256));
    // the mean of 50 unit vectors that have nothing in common is still 0.14 long
    expect(found?.meanLength).toBeLessThan(0.05);
    expect(found?.centred).toBeUndefined();
  });

  it('finds a direction that all share, and what cosines are without it', () => {
    const rows = spread(200, 64);
    const plain = geometryOf(rows);
    const found = geometryOf(shifted(rows, 2.1));
    expect(found?.meanLength).toBeCloseTo(2.1 / Math.hypot(1, 2.1), 1);
    expect(found?.random.p50).toBeGreaterThan(0.75);
    expect(found?.centred?.random.p95).toBeCloseTo(plain?.random.p95 ?? Number.NaN, 1);
    expect(found?.centred?.nearest.p50).toBeCloseTo(plain?.nearest.p50 ?? Number.NaN, 1);
  });

  it('has the same centred cosines as the vectors less their mean', () => {
    const rows = shifted(spread(60, 16), 2);
    const found = geometryOf(rows);
    const centred = rows.map((row) => less(row, found?.mean ?? row));
    const pairs = centred.flatMap((a, i) => centred.slice(0, i).map((b) => dot(a, b))).sort((a, b) => a - b);
    const nearest = centred.map((a) => Math.max(...centred.filter((b) => b !== a).map((b) => dot(a, b))));
    // 1770 pairs and 60 vectors: each median lies between two
    expect(found?.centred?.random.p50).toBeCloseTo((at(pairs, 884) + at(pairs, 885)) / 2, 5);
    const [below = 0, above = 0] = nearest.sort((a, b) => a - b).slice(29, 31);
    expect(found?.centred?.nearest.p50).toBeCloseTo((below + above) / 2, 5);
  });

  it('leaves a shorter mean in, as texts about one subject have with any embedder', () => {
    const found = geometryOf(shifted(spread(200, 64), 0.7));
    expect(found?.meanLength).toBeGreaterThan(0.5);
    expect(found?.centred).toBeUndefined();
  });

  it('counts copies once: a text that fills most of a corpus is no direction of all vectors', () => {
    const others = spread(60, 64);
    const next = seededRandom(4);
    const copies = Array.from({ length: 190 }, () => {
      const noise = randomUnit(64, next);
      return normalise(at(others, 0).map((value, i) => value + 0.01 * (noise[i] ?? Number.NaN)));
    });
    expect(geometryOf([...copies, ...others])).toMatchObject({ sample: 60 });
    expect(geometryOf([...copies, ...others])?.meanLength).toBeLessThan(0.1);
    expect(geometryOf([...copies, ...others.slice(0, 40)])).toBeUndefined();
  });
});

describe('the sample of a corpus', () => {
  const sampled = (id: string, q15 = `row of ${id}`): Sampled => ({ id, mark: markOf(id), q15 });
  const ids = Array.from({ length: 3_000 }, (_, i) => `package/README.md#${i}`);
  const keep = (order: readonly string[], batch: number, most: number): string[] => {
    const sample = new Sample(new FakeStorage().sql);
    const offer = new Offer(most);
    for (let from = 0; from < order.length; from += batch) {
      const some = order.slice(from, from + batch).map((id) => sampled(id));
      sample.take(
        some.filter(({ mark }) => offer.takes(mark)),
        most,
      );
    }
    return sample.rows();
  };
  const smallest = [...ids].sort((a, b) => markOf(a) - markOf(b)).slice(0, 40);

  it('is the same in whatever order and in whatever batches examples come', () => {
    const expected = smallest.map((id) => `row of ${id}`);
    expect(keep(ids, 200, 40)).toEqual(expected);
    expect(keep([...ids].reverse(), 7, 40)).toEqual(expected);
  });

  it('takes ids that count upwards from everywhere', () => {
    const places = smallest.map((id) => ids.indexOf(id));
    expect(places.filter((place) => place < 1_500).length).toBeGreaterThan(10);
    expect(places.filter((place) => place >= 1_500).length).toBeGreaterThan(10);
    expect(places.filter((place) => place % 2 === 0).length).toBeGreaterThan(10);
  });

  it('is sent little: some multiples of its size over a whole upload', () => {
    const offer = new Offer(40);
    const sent = ids.filter((id) => offer.takes(markOf(id)));
    // 40·(1 + ln(3000/40)) = 213 are expected
    expect(sent.length).toBeLessThan(300);
    expect(sent).toEqual(expect.arrayContaining(smallest));
  });

  it('holds an example once, with its last vector, and forgets it with the example', () => {
    const sample = new Sample(new FakeStorage().sql);
    sample.take([sampled('a', 'first'), sampled('b', 'other'), sampled('a', 'last')]);
    expect(sample.rows().sort()).toEqual(['last', 'other']);
    sample.forget('a');
    expect(sample.rows()).toEqual(['other']);
    const offer = new Offer(1);
    expect([offer.takes(5), offer.takes(5), offer.takes(9), offer.takes(3), offer.takes(5)]).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
  });

  it('makes no table by being looked at', () => {
    const storage = new FakeStorage();
    const sample = new Sample(storage.sql);
    expect(sample.rows()).toEqual([]);
    sample.forget('a');
    sample.empty();
    sample.take([]);
    expect(storage.tables()).toEqual([]);
  });
});
