import { describe, expect, it } from 'vitest';
import { twinsOf } from '../../corpus/twins.ts';

const words = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `word${from + i}`).join(' ');

describe('the twins of a document', () => {
  const page = { path: 'page', text: words(0, 200) };
  const twins = (documents: readonly { path: string; text: string }[]): string[] | undefined =>
    twinsOf([page.text], documents)[0];

  it('are itself and its near copies, whatever their white space, length or order', () => {
    const wrapped = { path: 'wrapped', text: page.text.replaceAll(' word', '\n\t word') };
    const longer = { path: 'longer', text: `${page.text} ${words(1_000, 2_000)}` };
    const part = { path: 'part', text: words(50, 40) };
    expect(twins([wrapped, longer, page, part])).toEqual(['wrapped', 'longer', 'page', 'part']);
  });

  it('are not what only shares a passage with it, nor what is too short to tell', () => {
    const sibling = { path: 'sibling', text: `${words(0, 60)} ${words(5_000, 140)}` };
    const short = { path: 'short', text: words(0, 7) };
    expect(twins([page, sibling, short])).toEqual(['page']);
  });

  it('are found for several texts at once, and for one that is no document', () => {
    const other = { path: 'other', text: words(9_000, 100) };
    expect(twinsOf([words(40_000, 50), other.text, page.text], [page, other])).toEqual([[], ['other'], ['page']]);
  });
});
