// Which Accept headers ask for an answer line by line.
import { describe, expect, it } from 'vitest';
import { wantsLines } from '../../functions/http/lines.ts';

describe('Accept', () => {
  it.each([
    ['application/x-ndjson', true],
    ['Application/X-NDJSON; charset=utf-8', true],
    ['application/json, application/x-ndjson;q=0.5', true],
    ['application/x-ndjson;q=0', false],
    ['application/x-ndjson; q=0.000', false],
    ['application/x-ndjson-seq', false],
    ['text/application/x-ndjson', false],
    ['*/*', false],
    ['', false],
    [undefined, false],
    [null, false],
  ])('%j asks for lines: %s', (accept, lines) => {
    expect(wantsLines(accept)).toBe(lines);
  });
});
