import { describe, expect, it } from 'vitest';
import type { Embedder } from '../../functions/embedding/embedder.ts';
import { noEmbedder } from '../../functions/embedding/none.ts';
import { workersAi } from '../../functions/embedding/workers-ai.ts';
import { promptVectors } from '../../functions/select/prompt.ts';
import { squaredNorm } from '../../functions/vectors/algebra.ts';

const MODEL = '@cf/baai/bge-base-en-v1.5';

/** In place of the AI binding: vectors that tell the length of their text. */
const service = (answer?: (text: string[]) => unknown) => {
  const calls: { model: string; text: string[] }[] = [];
  return {
    calls,
    run: async (model: string, { text }: { text: string[] }) => {
      calls.push({ model, text });
      return answer === undefined ? { data: text.map((one) => [one.length, 1]) } : answer(text);
    },
  };
};

describe('Workers AI', () => {
  it('gives one unit vector a text, in order, a hundred texts a call', async () => {
    const ai = service();
    const texts = Array.from({ length: 250 }, (_, i) => 'x'.repeat(i + 1));
    const vectors = await workersAi(ai, MODEL, 2).embed(texts, 'head');
    expect(ai.calls.map(({ model, text }) => [model, text.length])).toEqual([
      [MODEL, 100],
      [MODEL, 100],
      [MODEL, 50],
    ]);
    for (const [i, vector] of vectors.entries()) {
      expect(squaredNorm(vector)).toBeCloseTo(1, 5);
      expect((vector[0] ?? 0) / (vector[1] ?? 1)).toBeCloseTo(i + 1, 2);
    }
  });

  it('reads an example’s beginning and a prompt’s end', async () => {
    const ai = service();
    const long = `begin${' '.repeat(10_000)}end`;
    await workersAi(ai, MODEL, 2).embed([long], 'head');
    await workersAi(ai, MODEL, 2).embed([long], 'tail');
    expect(ai.calls[0]?.text[0]?.startsWith('begin')).toBe(true);
    expect(ai.calls[1]?.text[0]?.endsWith('end')).toBe(true);
  });

  it.each<[string, (text: string[]) => unknown, RegExp]>([
    ['too few vectors', () => ({ data: [] }), /did not answer with 1 vectors/],
    ['no vectors at all', () => ({ error: 'busy' }), /did not answer with 1 vectors/],
    ['a vector of another length', () => ({ data: [[1, 2, 3]] }), /has 3 dimensions, this needs 2/],
    ['a value that is no number', () => ({ data: [[1, null]] }), /\[1\] is null/],
    ['zeros', () => ({ data: [[0, 0]] }), /all zeros/],
  ])('is not believed when it answers with %s', async (_, answer, message) => {
    const embed = async () => workersAi(service(answer), MODEL, 2).embed(['x'], 'head');
    await expect(embed()).rejects.toThrow(message);
  });

  it('says what it failed with', async () => {
    const broken = service(() => {
      throw new Error('3040: capacity');
    });
    const embed = async () => workersAi(broken, MODEL, 2).embed(['x'], 'head');
    await expect(embed()).rejects.toThrow(/could not be embedded: Workers AI: .*3040/);
  });
});

describe('a prompt', () => {
  it('of which the embedder knows nothing is refused as such', async () => {
    const silent: Embedder = { name: 'silent', dimensions: 4, embed: async () => [new Float32Array(4)] };
    const ask = async () => promptVectors({ input: '\u200b' }, undefined, () => silent);
    await expect(ask()).rejects.toThrow('input: holds nothing that the embedder knows');
  });
});

describe('without an embedder', () => {
  it('a text is refused with what to do instead', async () => {
    const embed = async () => noEmbedder(8).embed(['x'], 'head');
    await expect(embed()).rejects.toThrow(/send vectors instead of text/);
  });
});
