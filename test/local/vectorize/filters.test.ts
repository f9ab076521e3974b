// Metadata filters against a plain oracle that reads the metadata itself, over random filters of all eight operators.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Started, startLocal, type Vector } from './local.ts';

type Scalar = string | number | boolean | null;
type Types = Record<string, 'string' | 'number' | 'boolean'>;

const INDEXED: Types = { lang: 'string', year: 'number', 'meta.ok': 'boolean', 'meta.tag.name': 'string' };
const LONG = 'long-'.repeat(12); // 60 bytes: what follows decides whether the 64th byte still tells two values apart
const TEXTS = [
  '',
  'de',
  'en',
  'Zebra',
  'zebra',
  'ä',
  '\u{ffff}',
  '\u{1d42b}',
  `${LONG}abcd`,
  `${LONG}abcdX`,
  `${LONG}abcX`,
  `${LONG}abcé`,
];
const NUMBERS = [-1, 0, 1, 1.5, 2024, 1e300];

const text = fc.constantFrom(...TEXTS);
const number = fc.constantFrom(...NUMBERS);
/** Mostly of the type that the index wants, sometimes of another, sometimes absent. */
const mostly = <T>(right: fc.Arbitrary<T>): fc.Arbitrary<T | string | number | string[] | undefined> =>
  fc.oneof(
    { weight: 6, arbitrary: right },
    { weight: 1, arbitrary: fc.constantFrom<string | number | string[] | undefined>('en', 1, ['en'], undefined) },
  );
const metadata = fc.record({
  lang: mostly(text),
  year: mostly(number),
  meta: fc.oneof(fc.record({ ok: mostly(fc.boolean()), tag: fc.record({ name: mostly(text) }) }), fc.constant('flat')),
  unindexed: text,
});

const scalar = fc.oneof(text, number, fc.boolean(), fc.constant<null>(null));
const bound = fc.oneof(text, number);
const condition = fc.oneof(
  scalar,
  scalar.map((value) => ({ $eq: value })),
  scalar.map((value) => ({ $ne: value })),
  fc.array(scalar, { minLength: 1, maxLength: 4 }).map((values) => ({ $in: values })),
  fc.array(scalar, { minLength: 1, maxLength: 4 }).map((values) => ({ $nin: values })),
  fc.tuple(fc.constantFrom('$lt', '$lte', '$gt', '$gte'), bound).map(([operator, value]) => ({ [operator]: value })),
  fc
    .tuple(fc.constantFrom('$lt', '$lte'), bound, fc.constantFrom('$gt', '$gte'), bound)
    .map(([upper, high, lower, low]) => ({ [upper]: high, [lower]: low })),
);
const property = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...Object.keys(INDEXED)) },
  { weight: 1, arbitrary: fc.constantFrom('unindexed', 'meta', 'absent.path') },
);
const filter = fc.dictionary(property, condition, { minKeys: 1, maxKeys: 2 });

// The oracle: bytes for strings, the declared type or nothing for values.
const cut = (value: Scalar): Scalar => {
  if (typeof value !== 'string' || Buffer.byteLength(value) <= 64) return value;
  let kept = '';
  for (const character of value)
    if (Buffer.byteLength(kept + character) <= 64) kept += character;
    else break;
  return kept;
};
const seen = (data: unknown, path: string): Scalar => {
  const type = INDEXED[path];
  let value = data;
  for (const key of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[key];
  return type !== undefined && typeof value === type ? cut(value as Scalar) : null;
};
const compare = (a: Scalar, b: Scalar): number => {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return Number.NaN;
};
const allows = (value: Scalar, operator: string, operand: unknown): boolean => {
  if (operator === '$in' || operator === '$nin') {
    return (operand as Scalar[]).some((one) => cut(one) === value) === (operator === '$in');
  }
  const other = cut(operand as Scalar);
  switch (operator) {
    case '$eq':
      return value === other;
    case '$ne':
      return value !== other;
    case '$lt':
      return compare(value, other) < 0;
    case '$lte':
      return compare(value, other) <= 0;
    case '$gt':
      return compare(value, other) > 0;
    default:
      return compare(value, other) >= 0;
  }
};
const oracle = (data: unknown, wanted: Record<string, unknown>): boolean =>
  Object.entries(wanted).every(([path, one]) => {
    const operations = typeof one === 'object' && one !== null ? Object.entries(one) : [['$eq', one] as const];
    return operations.every(([operator, operand]) => allows(seen(data, path), operator, operand));
  });

const D = 4;
const COUNT = 90; // fewer than the topK of 100, so that every match comes back
const documents: Vector[] = fc.sample(metadata, { numRuns: COUNT, seed: 20261124 }).map((data, i) => ({
  id: `d${i}`,
  values: [1, i / COUNT, 0, 0],
  namespace: i % 3 === 0 ? 'third' : 'rest',
  metadata: data,
}));

let local: Started;
beforeAll(async () => {
  const list = Object.entries(INDEXED).map(([path, type]) => `${path}:${type}`);
  local = await startLocal({ DIMENSIONS: String(D), METADATA_INDEXES: list.join(', ') });
  await local.index.upsert(documents);
});
afterAll(() => local?.stop());

const found = async (options: object): Promise<string[]> => {
  const { matches } = await local.index.query([1, 0, 0, 0], { topK: 100, ...options });
  return matches.map((match) => match.id).sort();
};
const expected = (keep: (vector: Vector) => boolean): string[] =>
  documents
    .filter(keep)
    .map((vector) => vector.id)
    .sort();

describe('metadata filters', () => {
  it('agree with the oracle on random filters of all operators', async () => {
    let some = 0;
    await fc.assert(
      fc.asyncProperty(filter, async (wanted) => {
        const want = expected((vector) => oracle(vector.metadata, wanted));
        if (want.length > 0 && want.length < COUNT) some += 1;
        expect(await found({ filter: wanted })).toEqual(want);
      }),
      { numRuns: 400, seed: 7 },
    );
    expect(some).toBeGreaterThan(100); // filters that match all or nothing would prove little
  });

  it('narrow a namespace, which is applied first', async () => {
    const wanted = { lang: { $gt: 'b' } };
    const want = expected((vector) => vector.namespace === 'third' && oracle(vector.metadata, wanted));
    expect(want.length).toBeGreaterThan(0);
    expect(await found({ namespace: 'third', filter: wanted })).toEqual(want);
    expect(await found({ namespace: 'nowhere' })).toEqual([]);
  });

  it('find nothing by a property that has no index', async () => {
    expect(documents.some((vector) => vector.metadata?.unindexed === 'de')).toBe(true);
    expect(await found({ filter: { unindexed: 'de' } })).toEqual([]);
  });

  it('see strings up to their 64th byte only, cut at a character', async () => {
    await local.index.upsert([
      { id: 'x1', values: [1, 0, 0, 0], namespace: 'cut', metadata: { lang: `${'x'.repeat(64)}one` } },
      { id: 'x2', values: [1, 0, 0, 0], namespace: 'cut', metadata: { lang: `${'x'.repeat(64)}two` } },
      { id: 'x3', values: [1, 0, 0, 0], namespace: 'cut', metadata: { lang: `${'x'.repeat(63)}é` } },
    ]);
    expect(await found({ namespace: 'cut', filter: { lang: `${'x'.repeat(64)}three` } })).toEqual(['x1', 'x2']);
    expect(await found({ namespace: 'cut', filter: { lang: `${'x'.repeat(63)}é` } })).toEqual(['x3']);
    const { matches } = await local.index.query([1, 0, 0, 0], { namespace: 'cut', returnMetadata: 'indexed' });
    const kept = matches.map((match) => String(match.metadata?.lang).length).sort();
    expect(kept).toEqual([63, 64, 64]);
    await local.index.deleteByIds(['x1', 'x2', 'x3']);
  });
});
