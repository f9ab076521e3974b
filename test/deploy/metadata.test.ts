// The metadata indexes that a deployment makes, from what wrangler.toml says and what Vectorize has.
import { describe, expect, it } from 'vitest';
import { type Existing, missingIndexes, wantedIndexes } from '../../cli/deploy/metadata.ts';

const have = (...names: string[]): Existing =>
  names.map((one) => {
    const [propertyName = '', indexType = ''] = one.split(':');
    return { propertyName, indexType };
  });

describe('metadata indexes', () => {
  it('are made for what is not there yet, source first', () => {
    const wanted = wantedIndexes('{"lang":"string","year":"number"}');
    expect(missingIndexes(wanted, [])).toEqual([
      ['source', 'string'],
      ['meta.lang', 'string'],
      ['meta.year', 'number'],
    ]);
    expect(missingIndexes(wanted, have('source:String', 'meta.lang:String'))).toEqual([['meta.year', 'number']]);
    expect(
      missingIndexes(wanted, have('source:String', 'meta.lang:String', 'meta.year:Number', 'other:String')),
    ).toEqual([]);
  });

  it('are not changed, nor more than ten', () => {
    const wanted = wantedIndexes('{"year":"number"}');
    expect(() => missingIndexes(wanted, have('meta.year:String'))).toThrow(
      "'meta.year' is indexed as string, FILTERABLE says number",
    );
    const others = Array.from({ length: 9 }, (_, i) => `o${i}:String`);
    expect(() => missingIndexes(wanted, have(...others))).toThrow(
      /9 properties are indexed and 2 are to come, the limit is 10: delete one of o0/,
    );
  });

  it.each([
    '{"year":"date"}',
    '[]',
    'x',
    JSON.stringify(Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`p${i}`, 'string']))),
  ])('are refused for %s', (json) => {
    expect(() => wantedIndexes(json)).toThrow();
  });
});
