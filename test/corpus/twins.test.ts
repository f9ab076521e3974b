import { describe, expect, it } from 'vitest';
import { withoutTwins } from '../../corpus/twins.ts';

const words = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `word${from + i}`).join(' ');
const kept = (documents: readonly { path: string; text: string }[], path: string): string[] =>
  withoutTwins(documents, path).map((document) => document.path);

describe('a document kept out of a corpus', () => {
  const page = { path: 'page', text: words(0, 200) };

  it('takes its near copies with it, whatever their white space, length or order of arrival', () => {
    const wrapped = { path: 'wrapped', text: page.text.replaceAll(' word', '\n\t word') };
    const longer = { path: 'longer', text: `${page.text} ${words(1_000, 2_000)}` };
    const part = { path: 'part', text: words(50, 40) };
    expect(kept([wrapped, longer, page, part], 'page')).toEqual([]);
  });

  it('leaves what only shares a passage with it, and what is too short to tell', () => {
    const sibling = { path: 'sibling', text: `${words(0, 60)} ${words(5_000, 140)}` };
    const short = { path: 'short', text: words(0, 7) };
    expect(kept([page, sibling, short], 'page')).toEqual(['sibling', 'short']);
  });

  it('leaves everything when it is not in the corpus itself', () => {
    expect(kept([page], 'elsewhere')).toEqual(['page']);
  });
});
