import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunk, overlapping } from '../../corpus/chunk.ts';

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

describe('overlapping', () => {
  it('covers every character, begins at lines a stride apart, and splits no surrogate pair', () => {
    fc.assert(
      fc.property(someText, fc.integer({ min: 1, max: 60 }), (text, stride) => {
        const chunks = overlapping(text, stride, options);
        let covered = 0;
        for (const [i, part] of chunks.entries()) {
          expect(text.startsWith(part.text, part.start)).toBe(true);
          expect(part.text.length).toBeGreaterThan(0);
          expect(part.text.length).toBeLessThanOrEqual(options.most);
          expect(part.start).toBeLessThanOrEqual(covered);
          covered = Math.max(covered, part.start + part.text.length);
          const before = chunks[i - 1];
          if (before !== undefined) expect(part.start).toBeGreaterThan(before.start);
          if (text.isWellFormed()) expect(part.text.isWellFormed()).toBe(true);
        }
        expect(covered).toBe(text.length);
      }),
    );
  });

  it('repeats most of a chunk in the next', () => {
    const text = Array.from({ length: 12 }, (_, i) => `line ${String.fromCharCode(97 + i)}..\n`).join('');
    expect(overlapping(text, 18, options).map((part) => [part.start, part.text.length])).toEqual([
      [0, 45],
      [18, 45],
      [36, 45],
      [54, 45],
      [72, 36],
    ]);
  });
});
