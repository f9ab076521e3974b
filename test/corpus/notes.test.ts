// Names of files as a terminal shows them: a name may be anything but '/' and zero.
import { expect, it } from 'vitest';
import { nameOnOneLine } from '../../corpus/notes.ts';

it.each([
  ['docs/guide.md', 'docs/guide.md'],
  ['Grüße 日本.md', 'Grüße 日本.md'],
  ['a\nb', '"a\\nb"'],
  ['\u001b[31mred', '"\\u001b[31mred"'],
  [
    'the control sequence introducer in one character \u009b31m',
    '"the control sequence introducer in one character \\u009b31m"',
  ],
  ['txt.\u202eexe', '"txt.\\u202eexe"'],
  ['a tag \u{e0001}', '"a tag \\u{e0001}"'],
  ['broken \ufffd', '"broken \ufffd"'],
])('shows %j on one line, and obeys nothing of it', (name, shown) => {
  expect(nameOnOneLine(name)).toBe(shown);
});
