import { describe, expect, it } from 'vitest';
import { isUnit, normalise, squaredNorm } from '../../functions/vectors/algebra.ts';
import { parseVector } from '../../functions/vectors/input.ts';
import { unwrap } from '../../wire/faults.ts';

const base64 = (values: readonly number[]): string =>
  Buffer.from(new Uint8Array(Float32Array.from(values).buffer)).toString('base64');

const place = { param: 'vector' };
const faultOf = (input: string | unknown[], dimensions?: number, at: { param: string; line?: number } = place) => {
  const parsed = parseVector(input, dimensions, at);
  return parsed.ok ? undefined : parsed.fault;
};

describe('a caller’s vector', () => {
  it('is the same as numbers and as base64 of float32', () => {
    const values = [0.25, -1.5, 3e-20, 7];
    const numbers = unwrap(parseVector(values, 4, place));
    expect([...numbers]).toEqual([...new Float32Array(values)]);
    expect([...unwrap(parseVector(base64(values), 4, place))]).toEqual([...numbers]);
  });

  it.each<[string, string | unknown[], Record<string, unknown>]>([
    ['a NaN in base64', base64([1, 2, Number.NaN]), { kind: 'bad_vector', index: 2, value: 'NaN' }],
    [
      'an infinity in base64',
      base64([1, Number.POSITIVE_INFINITY, 0]),
      { kind: 'bad_vector', index: 1, value: 'Infinity' },
    ],
    ['a number beyond float32', [1, 1e39, 0], { kind: 'bad_vector', index: 1, value: 'Infinity' }],
    ['null, which JSON makes of NaN', [1, 2, null], { kind: 'bad_vector', index: 2, value: 'null' }],
    ['text among the numbers', [1, '2', 3], { kind: 'bad_vector', index: 1, value: '"2"' }],
    ['all zeros', [0, -0, 0], { kind: 'zero_vector' }],
    ['too short', [1, 2], { kind: 'wrong_dimensions', got: 2, want: 3 }],
    ['too long', [1, 2, 3, 4], { kind: 'wrong_dimensions', got: 4, want: 3 }],
    ['empty', [], { kind: 'wrong_dimensions', got: 0, want: 3 }],
    ['no base64', '€€€€', { kind: 'bad_field' }],
    ['base64 of half a float', Buffer.from([1, 2, 3]).toString('base64'), { kind: 'bad_field' }],
  ])('is refused when it is %s', (_, input, fault) => {
    expect(faultOf(input, 3)).toMatchObject({ param: 'vector', ...fault });
  });

  it('is refused with the line it stands on', () => {
    expect(faultOf([1, null], 2, { param: 'vector', line: 17 })).toMatchObject({
      kind: 'bad_vector',
      index: 1,
      line: 17,
    });
    expect(faultOf('?', 2, { param: 'vector', line: 17 })).toMatchObject({ kind: 'bad_json', line: 17 });
  });
});

describe('normalise', () => {
  it.each([
    ['ordinary', [3, 4]],
    ['tiny', [1e-30, -1e-30]],
    ['huge', [3e38, 1e38]],
    ['subnormal', [1e-42, 0]],
  ])('brings %s values to length one', (_, values) => {
    const unit = normalise(Float32Array.from(values));
    expect(squaredNorm(unit)).toBeCloseTo(1, 5);
    expect(isUnit(unit)).toBe(true);
  });
});
