// GATEWAYS as an operator writes it, and what is said of what is wrong: which entry, which field.
import { expect, it } from 'vitest';
import { toWire } from '../../wire/faults.ts';
import { parseGateways } from '../../wire/gateways.ts';
import { MAX_GATEWAYS } from '../../wire/limits.ts';

const eu = { name: 'eu', url: 'https://eu.example.com', region: 'weur' };
const us = { name: 'us', url: 'https://us.example.com/base/', region: 'enam', weight: 2.5 };

it('takes a list as JSON text or as wrangler hands a TOML table on', () => {
  const parsed = {
    ok: true,
    value: [
      { ...eu, weight: 1 },
      { ...us, url: 'https://us.example.com/base' },
    ],
  };
  expect(parseGateways(JSON.stringify([eu, us]))).toEqual(parsed);
  expect(parseGateways([eu, us])).toEqual(parsed);
});

it.each<[unknown, string]>([
  ['[{', 'it is not JSON'],
  ['"eu"', 'a list'],
  ['[]', 'at least 1'],
  [Array.from({ length: MAX_GATEWAYS + 1 }, () => eu), `the limit is ${MAX_GATEWAYS}`],
  [[eu, 7], 'entry 2: '],
  [[eu, { ...us, region: 'mars' }], 'entry 2 \'us\': region is "mars", it must be wnam or enam or'],
  [[{ ...eu, name: 'E U' }], 'entry 1: name must be of small letters'],
  [[{ ...eu, name: 'x'.repeat(33) }], 'entry 1: name is 33 characters, the limit is 32'],
  [[{ ...eu, name: undefined }], 'entry 1: name is missing'],
  [[eu, { ...us, name: 'eu' }], "entry 2 'eu': name is taken"],
  [[{ ...eu, weight: 0 }], "entry 1 'eu': weight is 0, it must be above 0"],
  [[{ ...eu, weight: 1001 }], "entry 1 'eu': weight is 1001, the limit is 1000"],
  [[{ ...eu, place: 'x' }], "entry 1 'eu': 'place' is not known here"],
  ...['eu.example.com', 'ftp://eu.example.com', 'https://u:secret@eu.example.com', 'https://eu.example.com/?a=1'].map(
    (url): [unknown, string] => [[{ ...eu, url }], "entry 1 'eu': url must be an address"],
  ),
])('says what is wrong with %j', (value, words) => {
  const parsed = parseGateways(value);
  if (parsed.ok) throw new Error('it was taken');
  const { message } = toWire(parsed.fault).body.error;
  expect(message).toContain('GATEWAYS (');
  expect(message).toContain(words);
  // whoever has a key may read it
  expect(message).not.toContain('example.com');
  expect(message).not.toContain('secret');
});
