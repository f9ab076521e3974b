// What the progress line says.
import { describe, expect, it } from 'vitest';
import { noCounts } from '../../../cli/ingest/account.ts';
import { duration, meter, progressLine } from '../../../cli/ingest/meter.ts';

describe('the progress of an ingest', () => {
  const counts = { ...noCounts(), examples: 3_000, created: 1_500, refusedByEdge: 1, refusedHere: 2, resumed: 499 };

  it('tells what is done, the rate, the share and what is left', () => {
    expect(progressLine(counts, { ms: 10_000, bytes: 250, allBytes: 1_000 })).toBe(
      '2,000 done  499 of them before  150/s  25 %  30 s left  3 refused',
    );
  });

  it('tells no share of stdin, and what is waited for', () => {
    const waiting = 'waiting 4 s: busy';
    expect(
      progressLine({ ...noCounts(), examples: 5, created: 5 }, { ms: 1_000, bytes: 9, allBytes: undefined, waiting }),
    ).toBe('5 done  5/s  waiting 4 s: busy');
  });

  it('counts in a dry run what was read', () => {
    expect(progressLine({ ...noCounts(), examples: 5 }, { ms: 1_000, bytes: 1, allBytes: 2, dryRun: true })).toBe(
      '5 read  5/s  50 %  1 s left',
    );
  });

  it.each([
    [0.4, '1 s'],
    [89, '89 s'],
    [91, '2 min'],
    [7_200, '2.0 h'],
  ])('says %d seconds as %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  it('is drawn within the terminal, not too often, and taken away', () => {
    const drawn: string[] = [];
    const line = meter(
      (text) => drawn.push(text),
      () => 'x'.repeat(200),
      () => 80,
    );
    line.update();
    line.update();
    line.clear();
    line.clear();
    expect(drawn).toEqual([`\r\u001b[2K${'x'.repeat(79)}`, '\r\u001b[2K']);
  });
});
