// Bytes of a file as text. What an editor of the last forty years may have written is read; what is no text is refused.
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeText } from '../../corpus/decode.ts';

const TEXT = 'Grüße aus Köln: 5 € für „Tee“ – naïve café, façade.\nZweite Zeile, mit Tab\tund Ende.\n';
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const utf16 = (text: string, little: boolean): Uint8Array => {
  const bytes = new Uint8Array(2 * text.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < text.length; i++) view.setUint16(2 * i, text.charCodeAt(i), little);
  return bytes;
};
const joined = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));
/** Latin-1 has no €, no curly quotes and no dash. */
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

describe('text', () => {
  it.each([
    ['UTF-8', utf8(TEXT), 'UTF-8'],
    ['UTF-8 with a byte order mark', joined([0xef, 0xbb, 0xbf], utf8(TEXT)), 'UTF-8'],
    ['UTF-16, low byte first', joined([0xff, 0xfe], utf16(TEXT, true)), 'UTF-16LE'],
    ['UTF-16, high byte first', joined([0xfe, 0xff], utf16(TEXT, false)), 'UTF-16BE'],
  ])('in %s is read exactly, without the mark', (_, bytes, encoding) => {
    expect(decodeText(bytes)).toEqual({ text: TEXT, encoding });
  });

  it('in Latin-1 is read, and said to be Windows-1252', () => {
    const text = 'Une leçon à l’école'.replace('’', "'");
    expect(decodeText(latin1(text))).toEqual({ text, encoding: 'Windows-1252' });
  });

  it('in Windows-1252 keeps its euro, quotes and dashes', () => {
    const bytes = joined(utf8('price '), [0x80], utf8(' 5 '), [0x96], utf8(' '), [0x93], utf8('tea'), [0x94]);
    expect(decodeText(bytes)).toEqual({ text: 'price € 5 – “tea”', encoding: 'Windows-1252' });
  });

  it('with colours of a terminal, form feeds and few control characters is text', () => {
    expect(decodeText(utf8(`\u001b[31mred\u001b[0m\f${'plain text '.repeat(20)}\u0001`))).toMatchObject({
      encoding: 'UTF-8',
    });
  });

  it('of any kind comes back from UTF-8 as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        fc.pre(text.trim() !== '' && !/[\p{Cc}\ufeff]/u.test(text) && text.isWellFormed());
        expect(decodeText(utf8(text))).toEqual({ text, encoding: 'UTF-8' });
      }),
    );
  });
});

describe('refused:', () => {
  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(), 'empty'],
    ['white space', utf8(' \n\t '), 'empty'],
    ['a mark alone', joined([0xff, 0xfe]), 'empty'],
    ['zeros', new Uint8Array(64), 'binary'],
    ['text with a zero in it', utf8('before\0after'), 'binary'],
    ['UTF-16 without a mark', utf16(TEXT, true), 'binary'],
    ['UTF-16 with zeros', joined([0xff, 0xfe], utf16('a\0b', true)), 'binary'],
    ['half a pair at the end of UTF-16', joined([0xff, 0xfe], utf16('a\ud83d', true)), 'damaged UTF-16'],
    ['an odd number of bytes in UTF-16', joined([0xff, 0xfe], utf16('ab', true), [0x41]), 'damaged UTF-16'],
    ['UTF-32', joined([0xff, 0xfe, 0, 0], [0x41, 0, 0, 0]), 'UTF-32'],
    ['UTF-8 that was cut in a character', utf8(TEXT).subarray(0, utf8(TEXT).lastIndexOf(0xc3) + 1), 'damaged UTF-8'],
    ['UTF-8 with one broken byte', joined(utf8(TEXT), [0xff], utf8(TEXT)), 'damaged UTF-8'],
    [
      'Russian in KOI8-R',
      joined(...Array.from({ length: 40 }, () => [0xf0, 0xd2, 0xc9, 0xd7, 0xc5, 0xd4, 0x20])),
      'an unknown encoding',
    ],
    ['control characters', utf8('\u0001\u0002\u0003\u0004 abc'), 'binary'],
  ])('%s', (_, bytes, refused) => {
    expect(decodeText(bytes)).toEqual({ refused });
  });

  it('compressed data, with zeros or without', () => {
    const packed = gzipSync(utf8(Array.from({ length: 20_000 }, (_, i) => Math.sin(i).toString(36)).join('')));
    expect(decodeText(packed)).toEqual({ refused: 'binary' });
    expect(decodeText(packed.filter((byte) => byte !== 0))).toEqual({ refused: 'binary' });
  });
});
