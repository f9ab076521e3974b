import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunk } from '../../start/chunk.ts';

const options = { target: 40, most: 80 };
const someText = fc
  .array(
    fc.oneof(fc.constantFrom('\n\n', '\n', '# Head\n', ' ', '  \n\n'), fc.string({ unit: 'grapheme', maxLength: 120 })),
  )
  .map((parts) => parts.join(''));

describe('chunk', () => {
  it('loses nothing: the chunks, joined, are the text, and each starts where it says', () => {
    fc.assert(
      fc.property(someText, (text) => {
        const chunks = chunk(text, options);
        expect(chunks.map((part) => part.text).join('')).toBe(text);
        for (const part of chunks) expect(text.startsWith(part.text, part.start)).toBe(true);
      }),
    );
  });

  it('never makes a chunk longer than the most, nor an empty one, nor splits a surrogate pair', () => {
    fc.assert(
      fc.property(someText, (text) => {
        for (const part of chunk(text, options)) {
          expect(part.text.length).toBeGreaterThan(0);
          expect(part.text.length).toBeLessThanOrEqual(options.most);
          if (text.isWellFormed()) expect(part.text.isWellFormed()).toBe(true);
        }
      }),
    );
  });

  it('cuts at paragraphs and keeps a heading with what follows it', () => {
    const paragraph = 'word '.repeat(7).trim();
    const text = `# One\n\n${paragraph}\n\n${paragraph}\n\n# Two\n\n${paragraph}\n`;
    expect(chunk(text, options).map((part) => part.text)).toEqual([
      `# One\n\n${paragraph}\n\n`,
      `${paragraph}\n\n`,
      `# Two\n\n${paragraph}\n`,
    ]);
  });

  it('gives nothing for nothing', () => {
    expect(chunk('')).toEqual([]);
  });
});
