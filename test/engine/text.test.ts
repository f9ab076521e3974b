// What leaves the engine as text is final: no half characters, no part of a stop string; and what is drawn is drawn right.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sample } from '../../gateway/backends/embedded/sampler.ts';
import { textStream } from '../../gateway/backends/embedded/text.ts';
import { seededRandom } from '../../wire/random.ts';

/** A tokenizer of single bytes: the hardest for UTF-8. */
const decode = (ids: number[]): string => new TextDecoder().decode(Uint8Array.from(ids));
const stream = (text: string, stops: readonly string[]): { pieces: string[]; stopped: boolean } => {
  const out = textStream(decode, stops);
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
    const out = textStream(decode, []);
    out.push(0xe2);
    expect(out.end()).toBe('\uFFFD');
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
