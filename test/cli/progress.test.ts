// The progress line: how much time is left, by what was done so far and by the limit that the work has.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { progress } from '../../cli/progress.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const lines = (limitMs?: number) => {
  const written: string[] = [];
  const out = { isTTY: false, write: (text: string) => written.push(text) > 0 };
  return {
    written,
    bar: progress('probing', 10, { out, logged: true, ...(limitMs === undefined ? {} : { limitMs }) }),
  };
};

it('says what is left at the present pace', () => {
  const { bar, written } = lines();
  bar.update(0);
  vi.advanceTimersByTime(20_000);
  bar.update(2);
  bar.update(10);
  expect(written.map((line) => line.replace(/[█░ ]+/, ' ').trim())).toEqual([
    'probing 0/10  0.0 s',
    'probing 2/10  20.0 s  80 s left',
    'probing 10/10  20.0 s',
  ]);
});

it('is for a terminal alone, where nobody asks for a log', () => {
  const written: string[] = [];
  const on = (isTTY: boolean) => ({ out: { isTTY, write: (text: string) => written.push(text) > 0 } });
  const silent = progress('probing', 10, on(false));
  silent.update(5);
  silent.end();
  expect(written).toEqual([]);
  const shown = progress('probing', 10, on(true));
  shown.update(10);
  shown.end();
  expect(written.join('')).toBe('\r\u001b[2Kprobing ████████████████████████████ 10/10  0.0 s\n');
});

it('says no more than the limit leaves, and that from the beginning', () => {
  const { bar, written } = lines(60_000);
  bar.update(0);
  vi.advanceTimersByTime(20_000);
  bar.update(2);
  vi.advanceTimersByTime(50_000);
  bar.update(3);
  expect(written.map((line) => line.replace(/^[^/]*/, '').trim())).toEqual([
    '/10  0.0 s  at most 60 s left',
    '/10  20.0 s  40 s left',
    '/10  70.0 s  0 s left',
  ]);
});
