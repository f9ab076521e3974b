// What npm start says of the files that it was given, before it serves.
import { expect, it } from 'vitest';
import { describeFiles } from '../../cli/describe.ts';

it('names what it passed over and why, and what it read in another encoding', () => {
  const notes = [
    { path: 'b.txt', reason: 'a broken link', taken: false },
    { path: 'old.txt', reason: 'read as Windows-1252', taken: true },
  ];
  const gathered = { documents: [{ path: 'a.md', text: 'text' }], notes };
  expect(describeFiles('own-1', gathered, { corpus: 'docs', verbose: false })).toEqual([
    'corpus own-1: 1 document, 1 file passed over',
    '  1 file passed over: a broken link (b.txt)',
    '  1 file: read as Windows-1252 (old.txt)',
  ]);
  // of the starter corpus most is passed over on purpose
  expect(describeFiles('starter', gathered, { verbose: false })).toEqual([
    'corpus starter: 1 document, 1 file passed over',
  ]);
});
