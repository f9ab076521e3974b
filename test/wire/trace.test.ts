// W3C Trace Context, case by case after the specification's own conformance suite (trace-context/test/test.py).
import { describe, expect, it } from 'vitest';
import { MAX_TRACESTATE_CHARACTERS } from '../../wire/limits.ts';
import { traceOf, trailOf } from '../../wire/trace.ts';

const TRACE = '12345678901234567890123456789012';
const PARENT = '1234567890123456';
const valid = `00-${TRACE}-${PARENT}-01`;

describe('a traceparent that is continued', () => {
  it.each([
    ['version 00', valid],
    ['with spaces around it', ` ${valid}\t`],
    ['a later version', `cc-${TRACE}-${PARENT}-01`],
    ['a later version that says more', `cc-${TRACE}-${PARENT}-01-what-the-future-will-be-like`],
    ['flags that are not known', `00-${TRACE}-${PARENT}-ff`],
  ])('%s', (_, header) => {
    const trace = traceOf(header, null);
    expect(trace).toMatchObject({ traceId: TRACE, parentId: PARENT, sampled: true });
    expect(trace.spanId).toMatch(/^[0-9a-f]{16}$/);
    expect(trace.spanId).not.toBe(PARENT);
    // what goes on is version 00, with our span and with the flag that we know
    expect(trailOf('id', trace).traceparent).toBe(`00-${TRACE}-${trace.spanId}-01`);
  });

  it('says that the caller does not record it', () => {
    expect(trailOf('id', traceOf(`00-${TRACE}-${PARENT}-00`, null)).traceparent).toMatch(/-00$/);
  });

  it('has a span of its own each time', () => {
    expect(traceOf(valid, null).spanId).not.toBe(traceOf(valid, null).spanId);
  });
});

describe('a traceparent that is passed over, and its tracestate with it', () => {
  it.each([
    ['none', undefined],
    ['an empty one', ''],
    ['two of them, as headers are joined', `${valid}, ${valid}`],
    ['version ff', `ff-${TRACE}-${PARENT}-01`],
    ['version 00 that says more', `${valid}-what-the-future-will-be-like`],
    ['version 00 that is longer', `${valid}.`],
    ['a later version that goes on without a dash', `cc-${TRACE}-${PARENT}-01.what-the-future-will-be-like`],
    ['a version of one digit', `0-${TRACE}-${PARENT}-01`],
    ['a version that is no number', `.0-${TRACE}-${PARENT}-01`],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${PARENT}-01`],
    ['a trace id in capitals', `00-${'A'.repeat(32)}-${PARENT}-01`],
    ['a short trace id', `00-${TRACE.slice(1)}-${PARENT}-01`],
    ['a long trace id', `00-${TRACE}0-${PARENT}-01`],
    ['a parent of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['a parent that is no number', `00-${TRACE}-.${PARENT.slice(1)}-01`],
    ['a short parent', `00-${TRACE}-${PARENT.slice(1)}-01`],
    ['flags of one digit', `00-${TRACE}-${PARENT}-1`],
    ['flags that are no number', `00-${TRACE}-${PARENT}-.0`],
    ['no dashes', `00${TRACE}${PARENT}01`],
  ])('%s', (_, header) => {
    const trace = traceOf(header, 'foo=1');
    expect(trace.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(trace.traceId).not.toBe(TRACE);
    expect(trace).toMatchObject({ parentId: undefined, state: undefined });
    expect(trailOf('id', trace)).not.toHaveProperty('tracestate');
  });
});

describe('a tracestate', () => {
  const stateOf = (header: string): string | undefined => traceOf(valid, header).state;
  const members = (count: number): string => Array.from({ length: count }, (_, i) => `bar${i}=${i}`).join(',');

  it.each([
    ['one member', 'foo=1', 'foo=1'],
    ['spaces and empty members', ' foo=1 , ,bar=2,', 'foo=1,bar=2'],
    ['a vendor of a tenant', 'fw529a3039@dt=FfIxm', 'fw529a3039@dt=FfIxm'],
    ['spaces inside a value', 'foo=a b', 'foo=a b'],
    ['32 members', members(32), members(32)],
  ])('goes on: %s', (_, header, out) => {
    expect(stateOf(header)).toBe(out);
  });

  it.each([
    ['an empty one', ''],
    ['33 members', members(33)],
    ['a key twice', 'foo=1,foo=2'],
    ['a key in capitals', 'FOO=1'],
    ['a key with a space', 'foo =1'],
    ['a key that is too long', `${'z'.repeat(257)}=1`],
    ['a system that is too long', `t@${'v'.repeat(15)}=1`],
    ['two @', 'foo@bar@baz=1'],
    ['no value', 'foo='],
    ['no sign', 'foo'],
    ['an = in the value', 'foo=bar=baz'],
    ['a value that is too long', `foo=${'v'.repeat(257)}`],
    ['a control character', 'foo=\u0007'],
  ])('ends here: %s', (_, header) => {
    expect(stateOf(header)).toBeUndefined();
    // the trace itself goes on
    expect(traceOf(valid, header).traceId).toBe(TRACE);
  });

  it('that is too long loses its long members first, and then its last', () => {
    const long = `long=${'v'.repeat(200)}`;
    const short = Array.from({ length: 30 }, (_, i) => `k${i}=${'v'.repeat(14)}`);
    const state = stateOf([long, ...short].join(',')) ?? '';
    expect(state.length).toBeLessThanOrEqual(MAX_TRACESTATE_CHARACTERS);
    expect(state.startsWith('k0=')).toBe(true);
    expect(state).not.toContain('long=');
    // as many as there is room for
    expect(state.split(',').length).toBe(27); // ten of 17 characters, the others of 18, and commas
  });
});
