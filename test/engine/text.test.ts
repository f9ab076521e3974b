// What leaves the engine as text is final: no half characters, no part of a stop string; and what is drawn is drawn right.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sample } from '../../gateway/backends/embedded/sampler.ts';
import { textStream } from '../../gateway/backends/text/stream.ts';
import { utf8Stream } from '../../tokenizer/bytes.ts';
import type { TokenStream } from '../../tokenizer/decode.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';

/** A tokenizer of single bytes, the hardest for UTF-8; ids from 256 on are special tokens. */
const byteTokens = (specials: readonly string[] = [], eachByte = false): TokenStream => {
  const utf8 = utf8Stream(eachByte);
  return {
    push: (id) =>
      id < 256 ? { text: utf8.push(Uint8Array.of(id)), special: '' } : { text: '', special: at(specials, id - 256) },
    end: () => utf8.end(),
  };
};
const stream = (text: string, stops: readonly string[]): { pieces: string[]; stopped: boolean } => {
  const out = textStream(byteTokens(), stops);
  const pieces: string[] = [];
  for (const byte of new TextEncoder().encode(text)) {
    const { text: piece, stopped } = out.push(byte);
    pieces.push(piece);
    if (stopped) return { pieces, stopped };
  }
  pieces.push(out.end());
  return { pieces, stopped: false };
};

describe('textStream', () => {
  it('gives back any text byte by byte, never a broken character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const { pieces } = stream(text, []);
        expect(pieces.join('')).toBe(text);
        for (const piece of pieces) if (!text.includes('\uFFFD')) expect(piece).not.toContain('\uFFFD');
      }),
    );
  });

  it('ends before the first stop string and never emits a part of it', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\n') }),
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\n'), minLength: 1, maxLength: 4 }), {
          minLength: 1,
          maxLength: 3,
        }),
        (text, stops) => {
          const { pieces, stopped } = stream(text, stops);
          const ends = stops
            .map((stop) => text.indexOf(stop) + stop.length)
            .filter((_, i) => text.includes(stops[i] ?? ''));
          expect(stopped).toBe(ends.length > 0);
          if (!stopped) {
            expect(pieces.join('')).toBe(text);
            return;
          }
          // the stop that is complete first ends the text; of those complete at once, the one that begins first
          const seen = text.slice(0, Math.min(...ends));
          const begin = Math.min(...stops.map((stop) => seen.indexOf(stop)).filter((at) => at >= 0));
          expect(pieces.join('')).toBe(text.slice(0, begin));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('lets an end that only looked like a stop string go', () => {
    expect(stream('one STO', ['STOP']).pieces.join('')).toBe('one STO');
  });

  it('shows an open sequence at the end as what it is', () => {
    const out = textStream(byteTokens(), []);
    out.push(0xe2);
    expect(out.end()).toBe('\uFFFD');
  });

  it('decodes any bytes as the Web does, and emits all but an open sequence of at most three bytes at once', () => {
    const byte = fc.oneof(
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom(0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 0xed, 0xa0, 0xc3, 0xa9, 0xf4, 0x90, 0xe0),
    );
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 40 }), (bytes) => {
        const out = textStream(byteTokens(), []);
        const web = new TextDecoder('utf-8', { ignoreBOM: true });
        const streaming = new TextDecoder('utf-8', { ignoreBOM: true });
        let text = '';
        let given = '';
        for (const one of bytes) {
          // the Web's streaming decoder gives what can no longer change
          text += out.push(one).text;
          given += streaming.decode(Uint8Array.of(one), { stream: true });
          expect(text).toBe(given);
        }
        expect(text + out.end()).toBe(web.decode(Uint8Array.from(bytes)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('emits a run of broken sequences as it comes', () => {
    const out = textStream(byteTokens(), ['never']);
    const pieces = [0xff, 0xff, 0xc3, 0xc3, 0xe2, 0x82, 0x41, 0xf0, 0x9f, 0x98].map((byte) => out.push(byte).text);
    expect(pieces).toEqual(['\uFFFD', '\uFFFD', '', '\uFFFD', '\uFFFD', '', '\uFFFDA', '', '', '']);
    expect(out.end()).toBe('\uFFFD');
  });

  it('gives one U+FFFD for each broken byte of a byte-fallback tokenizer', () => {
    const out = textStream(byteTokens([], true), []);
    const pieces = [0xe2, 0x82, 0xac, 0xe2, 0x82, 0x41, 0xe2, 0x82].map((byte) => out.push(byte).text);
    expect(pieces).toEqual(['', '', '€', '', '', '\uFFFD\uFFFDA', '', '']);
    expect(out.end()).toBe('\uFFFD\uFFFD');
  });
});

describe('a stop string that names special tokens', () => {
  const specials = ['<|end|>', '<|start|>'];
  /** Words of text and of special tokens, a byte of text at a time. */
  const run = (parts: readonly string[], stops: readonly string[]) => {
    const out = textStream(byteTokens(specials), stops);
    let text = '';
    for (const part of parts) {
      const special = specials.indexOf(part);
      for (const id of special < 0 ? new TextEncoder().encode(part) : [256 + special]) {
        const piece = out.push(id);
        text += piece.text;
        if (piece.stopped) return { text, stopped: true };
      }
    }
    return { text: text + out.end(), stopped: false };
  };

  it.each([
    ['the token itself', ['hello', '<|end|>', ' more'], ['<|end|>'], { text: 'hello', stopped: true }],
    ['the token with text after it', ['a', '<|end|>', '\nb'], ['<|end|>\n'], { text: 'a', stopped: true }],
    ['the token with text before it', ['a.', '<|end|>', 'b'], ['.<|end|>'], { text: 'a', stopped: true }],
    ['two tokens', ['a', '<|end|>', '<|start|>', 'b'], ['<|end|><|start|>'], { text: 'a', stopped: true }],
    ['a beginning that does not go on', ['a', '<|end|>', 'b'], ['<|end|>\n'], { text: 'ab', stopped: false }],
    ['a beginning at the end', ['a', '<|end|>'], ['<|end|>\n'], { text: 'a', stopped: false }],
    ['the same written out in text', ['a<|end|>b'], ['<|end|>'], { text: 'a', stopped: true }],
    ['text on both sides of a hidden token', ['ab', '<|end|>', 'cd'], ['bc'], { text: 'a', stopped: true }],
    ['nothing but hidden tokens', ['<|end|>', '<|end|>', '<|start|>'], ['x'], { text: '', stopped: false }],
  ])('is found: %s', (_, parts, stops, expected) => {
    expect(run(parts, stops)).toEqual(expected);
  });

  it('ends where the text with special tokens has it, and never emits a part of it', () => {
    const part = fc.constantFrom('a', 'b', 'é', ...specials);
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 12 }),
        fc.array(
          fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
          { minLength: 1, maxLength: 2 },
        ),
        (parts, stops) => {
          const hide = (text: string) => specials.reduce((shown, special) => shown.replaceAll(special, ''), text);
          // the first prefix of the tokens that holds a stop string, seen with or without the special tokens
          const ends = parts.findIndex((_, i) => {
            const raw = parts.slice(0, i + 1).join('');
            return stops.some((stop) => raw.includes(stop) || hide(raw).includes(stop));
          });
          if (ends < 0) {
            expect(run(parts, stops)).toEqual({ text: hide(parts.join('')), stopped: false });
            return;
          }
          const raw = parts.slice(0, ends + 1).join('');
          const places = stops.flatMap((stop) => {
            const inRaw = raw.indexOf(stop);
            const inShown = hide(raw).indexOf(stop);
            return [...(inRaw < 0 ? [] : [hide(raw.slice(0, inRaw)).length]), ...(inShown < 0 ? [] : [inShown])];
          });
          expect(run(parts, stops)).toEqual({ text: hide(raw).slice(0, Math.min(...places)), stopped: true });
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('sample', () => {
  const logits = Float32Array.of(1, 3, 2, -1);
  const share = (sampling: { temperature: number; topK: number; topP: number }): number[] => {
    const random = seededRandom(1);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 20_000; i++) {
      const id = sample(logits, sampling, random);
      counts[id] = (counts[id] ?? 0) + 1 / 20_000;
    }
    return counts;
  };
  const softmax = (temperature: number, kept: number[]): number[] => {
    const weights = Array.from(logits, (logit, id) => (kept.includes(id) ? Math.exp(logit / temperature) : 0));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  };

  it.each([
    ['the whole softmax', { temperature: 1, topK: 0, topP: 1 }, softmax(1, [0, 1, 2, 3])],
    ['a sharper one at low temperature', { temperature: 0.5, topK: 0, topP: 1 }, softmax(0.5, [0, 1, 2, 3])],
    ['the two best at top-k 2', { temperature: 1, topK: 2, topP: 1 }, softmax(1, [1, 2])],
    ['the smallest set that reaches top-p', { temperature: 1, topK: 0, topP: 0.7 }, softmax(1, [1, 2])],
    ['the best alone at a tiny top-p', { temperature: 1, topK: 0, topP: 1e-9 }, [0, 1, 0, 0]],
    ['the best alone at temperature 0', { temperature: 0, topK: 0, topP: 1 }, [0, 1, 0, 0]],
  ])('draws from %s', (_, sampling, expected) => {
    for (const [id, probability] of share(sampling).entries()) {
      expect(Math.abs(probability - (expected[id] ?? 0))).toBeLessThan(0.015);
    }
  });

  it('is repeated by its seed', () => {
    const draw = (seed: number) => {
      const random = seededRandom(seed);
      return Array.from({ length: 30 }, () => sample(logits, { temperature: 1, topK: 0, topP: 1 }, random));
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });
});
