// config.json files in which keys are missing, doubled or at odds: read as transformers reads them, or refused where it
// fails (golden/make_precedence.py made the values).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseConfig } from '../../gateway/backends/embedded/model/config.ts';
import { parameterShapes } from '../../gateway/backends/embedded/model/parameters.ts';
import { angles } from '../../gateway/backends/embedded/model/positions.ts';
import { at } from '../../wire/list.ts';

const rotation = z.object({
  frequencies: z.array(z.number()),
  scale: z.number(),
  cosines: z.array(z.number()).nullable(),
});
const expected = z.object({
  rotations: z.array(rotation.nullable()).min(1),
  rotates: z.array(z.boolean()),
  windows: z.array(z.int().nullable()),
  headSize: z.int(),
  groups: z.int(),
  attention: z.number(),
  epsilon: z.number(),
  tied: z.boolean(),
  biases: z.object({ qkv: z.boolean(), output: z.boolean(), mlp: z.boolean() }),
  silu: z.boolean(),
  bos: z.int().nullable(),
  eos: z.union([z.int(), z.array(z.int())]).nullable(),
  parameters: z.record(z.string(), z.array(z.int())),
});
const schema = z.object({
  positions: z.array(z.int()),
  cases: z.array(
    z.object({ name: z.string(), config: z.record(z.string(), z.unknown()), expected: expected.nullable() }),
  ),
});
const { positions, cases } = schema.parse(
  JSON.parse(readFileSync(new URL('golden/precedence.json', import.meta.url), 'utf8')),
);
const readable = cases.flatMap(({ expected, ...rest }) => (expected === null ? [] : [{ ...rest, expected }]));
const failing = cases.filter(({ expected }) => expected === null);

/** Largest difference, relative to the larger number. */
const difference = (actual: ArrayLike<number>, wanted: readonly number[]): number =>
  actual.length === wanted.length
    ? Math.max(
        ...wanted.map((value, i) => Math.abs((actual[i] ?? Number.NaN) - value) / Math.max(1e-3, Math.abs(value))),
      )
    : Number.POSITIVE_INFINITY;

describe('config.json, read as transformers reads it', () => {
  it.each(readable)('$name ($config.model_type)', ({ config, expected }) => {
    const a = parseConfig(config, 'config.json');
    const used = expected.rotations.flatMap((rotation, i) => (rotation === null ? [] : [{ i, rotation }]));
    for (const { i, rotation } of used) {
      const own = at(a.rotations, i);
      expect(difference(own.frequencies, rotation.frequencies)).toBeLessThan(2e-6);
      expect(own.scale).toBeCloseTo(rotation.scale, 6);
      if (rotation.cosines === null) continue;
      const cosines = positions.flatMap((position) => Array.from(angles(own, position, 1).cos));
      // the angle of position 4,095 is only known to 2 ** -12 in float32
      const worst = Math.max(...rotation.cosines.map((value, n) => Math.abs(at(cosines, n) - value)));
      expect(worst).toBeLessThan(1e-3);
    }
    expect(a.kinds.map(({ rotation }) => rotation !== undefined)).toEqual(expected.rotates);
    const windows = expected.windows.map((window) => (window === null || window >= a.context ? undefined : window));
    expect(a.kinds.map(({ window }) => window)).toEqual(windows);
    expect(a).toMatchObject({ headSize: expected.headSize, groups: expected.groups, tied: expected.tied });
    expect(a.scales.attention).toBeCloseTo(expected.attention, 9);
    expect([a.epsilon, a.activation === 'silu', a.biases]).toEqual([expected.epsilon, expected.silu, expected.biases]);
    const ends = typeof expected.eos === 'number' ? [expected.eos] : (expected.eos ?? []);
    expect(a.ends).toEqual(ends);
    expect(a.start).toBe(expected.bos ?? at(ends, 0));
    const shapes = [...parameterShapes(a)].filter(([name]) => !/layers\.[1-9]/.test(name));
    expect(Object.fromEntries(shapes)).toEqual(expected.parameters);
  });

  it.each(failing)('refuses what transformers cannot read: $name', ({ config }) => {
    expect(() => parseConfig(config, 'config.json')).toThrow(/^config\.json: /);
  });

  it('covers both', () => {
    expect(readable.length).toBeGreaterThan(40);
    expect(failing.length).toBeGreaterThan(5);
  });
});
