// A text's window of tokens: what a long text is cut to must not depend on how much of it was encoded.
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { windowOf } from '../../functions/embedding/window.ts';
import { createEncoder, type Encoder } from '../../tokenizer/encoder.ts';

const at = (path: string): string => new URL(`../../${path}`, import.meta.url).pathname;
const MOST = 64;

describe.each(['models/embedder', 'test/embedder/golden/bert'])('the window of %s', (directory) => {
  let tokenizer: Encoder;
  let text: string;
  beforeAll(async () => {
    tokenizer = createEncoder(JSON.parse(await readFile(at(`${directory}/tokenizer.json`), 'utf8')), {});
    text = await readFile(at('docs/reference/api.md'), 'utf8');
  });
  const specials = (): number => tokenizer.before.length + tokenizer.after.length;
  const whole = (of: string): number[] => tokenizer.encode(of);
  const inner = (ids: number[]): number[] => (specials() === 0 ? ids : ids.slice(1, -1));

  it('holds the first or the last tokens of a long text', () => {
    const window = windowOf(tokenizer, MOST);
    const room = MOST - specials();
    for (let from = 0; from < text.length - 2_000; from += 997) {
      const part = text.slice(from);
      expect(inner(window(part, 'head'))).toEqual(whole(part).slice(0, room));
      // the end of a text may begin inside a word that was cut: all but that word's tokens are the text's own
      expect(inner(window(part, 'tail'))).toEqual(whole(part).slice(-room));
    }
  });

  it('holds all of a short text, and nothing of none', () => {
    const window = windowOf(tokenizer, MOST);
    expect(window('a router', 'head')).toEqual([...tokenizer.before, ...whole('a router'), ...tokenizer.after]);
    expect(inner(window('', 'tail'))).toEqual([]);
  });

  it('finds the text behind white space, and stops early when almost all of the text is white space', () => {
    const window = windowOf(tokenizer, MOST);
    expect(inner(window(`${' '.repeat(2_000)}a router`, 'head'))).toEqual(whole('a router'));
    expect(inner(window(`${' '.repeat(200_000)}a router`, 'head'))).toEqual([]);
  });
});
