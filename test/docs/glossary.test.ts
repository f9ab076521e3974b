// The glossary is in order, gives each word once, and gives no word that nobody uses.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { pageText } from './blocks.ts';

const words = Array.from(pageText('glossary').matchAll(/^\| (?!word |-)(.+?) \|/gm), ([, word = '']) => word);

const others = readdirSync(fileURLToPath(new URL('../../docs', import.meta.url)), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md') && name !== 'glossary.md')
  .map((name) => pageText(name.slice(0, -'.md'.length)).toLowerCase());

describe('the glossary', () => {
  it('is in order, and gives each word once', () => {
    const plain = words.map((word) => word.toLowerCase());
    expect(plain).toEqual([...new Set(plain)].sort());
    expect(words.length).toBeGreaterThan(50);
  });

  it('gives words that other pages use', () => {
    const unused = words.filter((word) =>
      word
        .toLowerCase()
        .replace(/ \(.*\)$/, '')
        .split(', ')
        .some((one) => !others.some((text) => text.includes(one) || text.includes(one.replaceAll(' ', '-')))),
    );
    expect(unused).toEqual([]);
  });
});
