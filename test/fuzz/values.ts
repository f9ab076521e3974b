// What a fuzzed request is made of: odd values, and mutations of a value that was good.
import { at } from '../../wire/list.ts';

export type Random = () => number;

export const whole = (random: Random, below: number): number => Math.floor(random() * below);
export const choose = <T>(random: Random, from: readonly T[]): T => at(from, whole(random, from.length));

const nested = (depth: number): unknown => {
  let value: unknown = 0;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
};

const STRINGS = [
  '',
  ' ',
  '\n',
  '\u0000',
  '\ufeff',
  '\u2028',
  '\ud83d',
  'x\ude00y',
  '💥'.repeat(50),
  'é'.repeat(2_000),
  'x'.repeat(70_000),
  '../../etc/passwd',
  '__proto__',
  'constructor',
  '<script>alert(1)</script>',
  "'; DROP TABLE corpus; --",
  '{{7*7}}',
  '%00',
  'base',
  'base:sift',
  'starter',
  ':sift',
  'AAAAAA==',
  '////',
  '<|im_end|>',
  '<s>',
];

const NUMBERS = [
  0,
  -0,
  1,
  -1,
  0.5,
  2,
  10,
  200,
  201,
  1_000,
  1e9,
  -1e9,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 63,
  1e308,
  -1e308,
  5e-324,
  1e-60,
  1e-8,
  1e39,
];

/** A value of no kind in particular. */
export const oddValue = (random: Random): unknown => {
  switch (whole(random, 10)) {
    case 0:
      return null;
    case 1:
      return random() < 0.5;
    case 2:
      return [];
    case 3:
      return {};
    case 4:
      return Array.from({ length: whole(random, 40) }, () => choose(random, [...NUMBERS, ...STRINGS, null]));
    case 5:
      return nested(1 + whole(random, 30));
    case 6:
    case 7:
      return choose(random, NUMBERS);
    default:
      return choose(random, STRINGS);
  }
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value with one thing in it changed, at any depth. */
export const mutated = (random: Random, value: unknown): unknown => {
  if (Array.isArray(value) && value.length > 0 && random() < 0.8) {
    const copy = [...value];
    const place = whole(random, copy.length);
    const what = random();
    if (what < 0.2) copy.splice(place, 1);
    else if (what < 0.4) copy.splice(place, 0, copy[place]);
    else copy[place] = mutated(random, copy[place]);
    return copy;
  }
  if (isObject(value) && random() < 0.9) {
    const names = Object.keys(value);
    const copy = { ...value };
    const name = names.length === 0 ? 'a' : choose(random, names);
    const what = random();
    if (what < 0.1) delete copy[name];
    else if (what < 0.2) copy[choose(random, STRINGS).slice(0, 100)] = oddValue(random);
    else copy[name] = mutated(random, copy[name]);
    return copy;
  }
  // half the time something of the same kind, which a route may well accept
  if (typeof value === 'number' && random() < 0.5) return choose(random, [0, 1, 2, 3, 0.1, 0.5, 1e-4]);
  if (typeof value === 'string' && random() < 0.5) return `${value} ${whole(random, 100)}`;
  return oddValue(random);
};

/** JSON text of a value, now and then broken as text. */
export const asText = (random: Random, value: unknown): string | Uint8Array => {
  const text = JSON.stringify(value) ?? 'null';
  const place = whole(random, text.length);
  switch (whole(random, 14)) {
    case 0:
      return text.slice(0, place);
    case 1:
      return `${text.slice(0, place)}${choose(random, ['NaN', ',', '}', ']', '"', '\\', 'Infinity', '\u0000'])}${text.slice(place)}`;
    case 2: {
      const bytes = new TextEncoder().encode(text);
      const broken = bytes.slice();
      broken[whole(random, Math.max(1, broken.length))] = whole(random, 256);
      return broken;
    }
    default:
      return text;
  }
};
