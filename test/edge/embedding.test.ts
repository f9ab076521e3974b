import { describe, expect, it, vi } from 'vitest';
import type { Embedder } from '../../functions/embedding/embedder.ts';
import { noEmbedder } from '../../functions/embedding/none.ts';
import { sentenceEmbedder } from '../../functions/embedding/sentence.ts';
import type { Session } from '../../functions/embedding/session.ts';
import { workersAi } from '../../functions/embedding/workers-ai.ts';
import { promptVectors } from '../../functions/select/prompt.ts';
import { squaredNorm } from '../../functions/vectors/algebra.ts';
import { at } from '../../wire/list.ts';

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
  it('without any known token is rejected', async () => {
    const silent: Embedder = { name: 'silent', dimensions: 4, embed: async () => [new Float32Array(4)] };
    const ask = async () => promptVectors({ input: '\u200b' }, undefined, () => silent);
    await expect(ask()).rejects.toThrow('input: holds nothing that the embedder knows');
  });
});

describe('a text too long for the model', () => {
  it('is read from its end if it is a prompt, since the model continues there', async () => {
    const kept: string[] = [];
    const noting: Embedder = {
      name: 'noting',
      dimensions: 2,
      embed: async (texts, keep) => {
        kept.push(keep);
        return texts.map(() => Float32Array.of(1, 0));
      },
    };
    await promptVectors({ input: 'x' }, undefined, () => noting);
    await promptVectors({ input: ['x', 'y'] }, undefined, () => noting);
    expect(kept).toEqual(['tail', 'tail']);
  });
});

describe('the runs of a model', () => {
  /** Every character is a token; the vector says how many tokens a text has. */
  const tokenizer = {
    before: [1],
    after: [2],
    encode: (text: string) => Array.from(text, (c) => c.charCodeAt(0)),
  };
  const counting = () => {
    const shapes: (readonly [number, number])[] = [];
    const session: Session = {
      inputNames: ['input_ids', 'attention_mask'],
      outputNames: ['sentence_embedding'],
      run: async (feeds, shape) => {
        shapes.push(shape);
        const [batch, width] = shape;
        const data = new Float32Array(batch * 2);
        for (let row = 0; row < batch; row++) {
          const mask = feeds.attention_mask?.subarray(row * width, (row + 1) * width) ?? [];
          data.set([Number([...mask].reduce((sum, one) => sum + one, 0n)), 1], row * 2);
        }
        return { data, dims: [batch, 2] };
      },
    };
    const config = { model: 'm', dimensions: 2, max_tokens: 512, pooling: 'built-in' } as const;
    return {
      shapes,
      embedder: sentenceEmbedder(
        config,
        () => tokenizer as never,
        async () => session,
      ),
    };
  };

  it('hold 32 texts and 4,096 tokens at most, and every text gets its own vector', async () => {
    const { shapes, embedder } = counting();
    const texts = Array.from({ length: 200 }, (_, i) => 'x'.repeat((i * 37) % 600));
    const vectors = await embedder.embed(texts, 'head');
    for (const [i, vector] of vectors.entries()) {
      const tokens = Math.min(512, at(texts, i).length + 2);
      expect(at(vector, 0) / at(vector, 1)).toBeCloseTo(tokens, 0);
    }
    expect(Math.max(...shapes.map(([batch]) => batch))).toBe(32);
    expect(Math.max(...shapes.map(([batch, width]) => batch * width))).toBeLessThanOrEqual(4096);
    expect(shapes.reduce((sum, [batch]) => sum + batch, 0)).toBe(200);
  });

  it('leave room in between: timers of others run', async () => {
    const { shapes, embedder } = counting();
    let others = 0;
    const ticking = setInterval(() => {
      others += 1;
    }, 0);
    await embedder.embed(
      Array.from({ length: 320 }, () => 'x'.repeat(400)),
      'head',
    );
    clearInterval(ticking);
    expect(shapes.length).toBeGreaterThan(30);
    expect(others).toBeGreaterThan(10);
  });

  it('have no pause where there is one: a prompt waits for nobody', async () => {
    vi.useFakeTimers();
    try {
      // with the clock stopped a pause would never end
      expect(await counting().embedder.embed(['a prompt'], 'tail')).toHaveLength(1);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('without an embedder', () => {
  it('a text is refused with what to do instead', async () => {
    const embed = async () => noEmbedder(8).embed(['x'], 'head');
    await expect(embed()).rejects.toThrow(/send vectors instead of text/);
  });
});
