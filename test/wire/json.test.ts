// Bodies built to hurt: whatever their bytes, looking at them is linear and what a schema then walks is bounded.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { completionRequest } from '../../wire/api/completions.ts';
import { selectRequest } from '../../wire/api/select.ts';
import { parseAs } from '../../wire/body.ts';
import { toWire } from '../../wire/faults.ts';
import {
  MAX_JSON_DEPTH,
  MAX_JSON_KEYS,
  MAX_JSON_LIST,
  MAX_JSON_PARTS,
  MAX_MESSAGE_CHARACTERS,
  MAX_PARAM_CHARACTERS,
} from '../../wire/limits.ts';

const utf8 = new TextEncoder();
const parse = (text: string, schema: z.ZodType = z.unknown()) => parseAs(utf8.encode(text), schema);
const messageOf = (text: string, schema?: z.ZodType): string => {
  const parsed = parse(text, schema);
  return parsed.ok ? 'fits' : toWire(parsed.fault).body.error.message;
};

/** The shortest of five runs, in milliseconds. */
const fastest = (work: () => void): number =>
  Math.min(
    ...[0, 1, 2, 3, 4].map(() => {
      const started = performance.now();
      work();
      return performance.now() - started;
    }),
  );

describe('the time a body takes', () => {
  // for 32 times the size a quadratic scan takes 1,024 times as long; a linear one 32 times, and noise
  it.each([
    ['a string of escaped quotes that never ends', (n: number) => `"${'\\"'.repeat(n)}`],
    ['a string of escaped quotes, then rubbish', (n: number) => `["${'\\"'.repeat(n)}" oops`],
    ['backslashes', (n: number) => `"${'\\'.repeat(2 * n)}`],
    ['quotes', (n: number) => '"'.repeat(2 * n)],
    [
      'numbers that JSON does not have',
      (n: number) => `[${'NaN,'.repeat(Math.min(n, MAX_JSON_LIST - 2))} ${' '.repeat(n)}oops`,
    ],
    ['white space before NaN', (n: number) => `[${' '.repeat(n)}NaN`],
    ['colons and white space', (n: number) => `{"a":${' '.repeat(2 * n)}x`],
    ['open lists', (n: number) => '['.repeat(2 * n)],
    ['minus signs', (n: number) => `[${'-'.repeat(2 * n)}Infinity`],
  ])('grows with its size, not with its square: %s', (_, make) => {
    const [small, large] = [make(50_000), make(1_600_000)];
    expect(parse(small).ok).toBe(false);
    const ratio =
      fastest(() => parse(large)) /
      Math.max(
        fastest(() => parse(small)),
        0.5,
      );
    expect(ratio).toBeLessThan(500);
  });
});

describe('what a body may hold', () => {
  const list = (n: number) => `[${Array(n).fill('1').join(',')}]`;
  const object = (n: number) => `{${Array.from({ length: n }, (_, i) => `"k${i}":1`).join(',')}}`;
  const nested = (n: number) => '['.repeat(n) + ']'.repeat(n);
  const strings = (n: number) =>
    `[${Array.from({ length: Math.ceil(n / 1000) }, () => `[${Array(1000).fill('"a"').join(',')}]`).join(',')}]`;

  it.each([
    ['nesting', nested(MAX_JSON_DEPTH), nested(MAX_JSON_DEPTH + 1), /nests deeper than 16 levels/],
    ['a list', list(MAX_JSON_LIST), list(MAX_JSON_LIST + 1), /a list of more than 16384 entries/],
    ['an object', object(MAX_JSON_KEYS), object(MAX_JSON_KEYS + 1), /an object of more than 1024 keys/],
    ['strings', strings(MAX_JSON_PARTS - 1_000), strings(MAX_JSON_PARTS), /more than 65536 strings, lists and objects/],
  ])('is bounded: %s', (_, fits, exceeds, message) => {
    expect(messageOf(fits)).toBe('fits');
    expect(messageOf(exceeds)).toMatch(message);
  });

  it('does not count what strings hold', () => {
    expect(messageOf(JSON.stringify(['[{,:'.repeat(100_000), '\\"[['.repeat(50_000)]))).toBe('fits');
  });

  it.each([
    ['a list of lists in a filter', `{"corpus":"c","input":"x","filter":[${Array(10_000).fill('[]').join(',')}]}`],
    ['many values in a filter', `{"corpus":"c","input":"x","filter":{"source":{"$in":${list(10_000)}}}}`],
    ['many keys in a filter', `{"corpus":"c","input":"x","filter":${object(1_000)}}`],
    ['many blank inputs', `{"corpus":"c","input":[${Array(10_000).fill('""').join(',')}]}`],
    ['many unknown keys', `{"corpus":"c","input":"x",${object(1_000).slice(1)}`],
    ['a key of a megabyte', `{"corpus":"c","input":"x","${'k'.repeat(1 << 20)}":1}`],
    ['a filter on a name of a megabyte', `{"corpus":"c","input":"x","filter":{"meta.${'k'.repeat(1 << 20)}":{}}}`],
    ['a strategy of a megabyte', `{"corpus":"c","input":"x","strategy":"${'s'.repeat(1 << 20)}"}`],
  ])('gives a short answer: %s', (_, text) => {
    const parsed = parse(text, selectRequest);
    if (parsed.ok) throw new Error('it fits');
    const { message, param } = toWire(parsed.fault).body.error;
    expect(message.length).toBeLessThanOrEqual(MAX_MESSAGE_CHARACTERS);
    expect((param ?? '').length).toBeLessThanOrEqual(MAX_PARAM_CHARACTERS);
  });

  it('does not echo a model name of megabytes', () => {
    const text = JSON.stringify({ model: 'm'.repeat(15_000_000), prompt: 'x' });
    expect(messageOf(text, completionRequest)).toBe('model: is 15000000 characters, the limit is 256');
  });

  it('shortens whatever a fault carries, at the border', () => {
    const { message } = toWire({ kind: 'unknown_model', model: 'm'.repeat(5_000), known: ['base'] }).body.error;
    expect(message.length).toBe(MAX_MESSAGE_CHARACTERS);
  });
});
