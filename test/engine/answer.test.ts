// An answer as its tokens come: what is told of a token goes with the text that its first byte is in; log-probabilities are
// the model's own; penalties are taken off what is sampled from, not off what is told.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { OpenOptions, Piece, Sampling } from '../../gateway/backends/contract.ts';
import { readCheckpoint } from '../../gateway/backends/embedded/model/checkpoint.ts';
import { createModel, type Model } from '../../gateway/backends/embedded/model/model.ts';
import { createPenalties } from '../../gateway/backends/embedded/penalties.ts';
import { createSession } from '../../gateway/backends/embedded/session.ts';
import { createAnswer } from '../../gateway/backends/text/answer.ts';
import { toldAlone, toldOf } from '../../gateway/backends/text/logprobs.ts';
import { readTokenizer } from '../../tokenizer/read.node.ts';
import { at } from '../../wire/list.ts';
import type { TokenLogprob } from '../../wire/tune/responses.ts';

const directory = new URL('golden/chat', import.meta.url).pathname;
const tokenizer = await readTokenizer(directory, 320);
const END = 2;
const greedy: Sampling = { maxTokens: 12, temperature: 0, topP: 1, topK: 0, stop: [], seed: 0 };

const answered = (ids: readonly number[], stop: readonly string[], limit = 1_000) => {
  const answer = createAnswer({ tokenizer, prompt: [], ends: [END], stop, limit, told: true });
  const pieces: Piece[] = [];
  for (const id of ids) {
    const { piece, finish } = answer.push(id, toldAlone(tokenizer, id, -1));
    if (piece !== undefined) pieces.push(piece);
    if (finish !== undefined) return { pieces, end: answer.end(finish) };
  }
  const rest = answer.rest();
  if (rest !== undefined) pieces.push(rest);
  return { pieces, end: answer.end('length') };
};
const textIn = (pieces: readonly Piece[]) => pieces.map(({ text }) => text).join('');
const toldIn = (pieces: readonly Piece[]): TokenLogprob[] => pieces.flatMap(({ logprobs }) => logprobs ?? []);
const bytesIn = (told: readonly TokenLogprob[]) => Buffer.from(told.flatMap(({ bytes }) => bytes)).toString();

describe('what is told of tokens', () => {
  it('joins to the text, wherever characters are split over tokens', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'é', '€', '🌍', ' ', 'hello'), { maxLength: 12 }), (parts) => {
        const ids = tokenizer.encode(parts.join(''));
        const { pieces, end } = answered([...ids, END], ['never to be found']);
        expect(textIn(pieces)).toBe(parts.join(''));
        expect(toldIn(pieces).length).toBe(ids.length);
        expect(bytesIn(toldIn(pieces))).toBe(parts.join(''));
        expect(end).toMatchObject({ completionTokens: ids.length, finishReason: 'stop' });
        for (const { tokens, logprobs } of pieces) expect(logprobs?.length).toBeLessThanOrEqual(tokens);
      }),
    );
  });

  it('is not told of a token that a stop string took away', () => {
    const ids = tokenizer.encode('one two three');
    const { pieces, end } = answered(ids, ['two']);
    expect([textIn(pieces), end.finishReason]).toEqual(['one ', 'stop']);
    expect(bytesIn(toldIn(pieces)).trimEnd()).toBe('one');
  });

  it('waits with its text while that may still become a stop string', () => {
    const { pieces } = answered(tokenizer.encode('one tw'), ['two']);
    expect(textIn(pieces)).toBe('one tw');
    for (const { text, logprobs } of pieces) expect(bytesIn(logprobs ?? [])).toBe(text);
  });

  it('is told of tokens without a text too', () => {
    // <|im_start|> is no part of the text
    const { pieces, end } = answered([1, END], []);
    expect(textIn(pieces)).toBe('');
    expect(toldIn(pieces).map(({ token }) => token)).toEqual(['<|im_start|>']);
    expect(end.completionTokens).toBe(1);
  });
});

describe('log-probabilities', () => {
  it('are the softmax of the logits, the likeliest first, of equal ones the lower id', () => {
    const logits = fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 5, maxLength: 40 });
    fc.assert(
      fc.property(logits, fc.integer({ min: 0, max: 20 }), (values, most) => {
        const row = Float32Array.from(values);
        const total = Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0));
        const told = toldOf(tokenizer, row, 3, most);
        expect(told.logprob).toBeCloseTo(at(values, 3) - total, 5);
        const order = values.map((value, id) => ({ value, id })).toSorted((a, b) => b.value - a.value || a.id - b.id);
        const wanted = order.slice(0, most).map(({ id }) => Array.from(tokenizer.bytesOf(id, false)));
        expect(told.top.map(({ bytes }) => bytes)).toEqual(wanted);
      }),
    );
  });

  it('are numbers that JSON holds, whatever they are', () => {
    const row = Float32Array.from([0, Number.NEGATIVE_INFINITY, -1e30]);
    expect(toldOf(tokenizer, row, 1, 3)).toMatchObject({ logprob: -9_999, top: [{}, { logprob: -9_999 }, {}] });
  });

  it('of a part of a character have its bytes', () => {
    const [first = 0, second = 0] = tokenizer.encode('é');
    expect(toldAlone(tokenizer, first, -1)).toEqual({ token: '�', bytes: [0xc3], logprob: -1, top: [] });
    expect(toldAlone(tokenizer, second, -1).bytes).toEqual([0xa9]);
  });
});

describe('penalties', () => {
  it('come off a token once for being there, and as often as it was', () => {
    const penalties = createPenalties({ ...greedy, presencePenalty: 0.5, frequencyPenalty: 0.25 });
    const logits = Float32Array.from([1, 2, 3]);
    expect(penalties.of(logits)).toBe(logits);
    for (const token of [2, 2, 0]) penalties.add(token);
    expect([...penalties.of(logits)]).toEqual([0.25, 2, 2]);
    expect([...logits]).toEqual([1, 2, 3]);
    const reward = createPenalties({ ...greedy, presencePenalty: -2 });
    reward.add(0);
    reward.add(0);
    expect([...reward.of(logits)]).toEqual([3, 2, 3]);
  });
});

describe('a generation', () => {
  let model: Model;
  beforeAll(async () => {
    const checkpoint = await readCheckpoint(directory);
    model = createModel({ ...checkpoint, architecture: { ...checkpoint.architecture, ends: [] } }, 1);
  });
  const options: OpenOptions = {
    model: 'm',
    method: 'full',
    rank: 8,
    seed: 1,
    reuseGradients: false,
    optimiser: { learningRate: 5e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
  };
  const say = async (prompt: string, sampling: Sampling) =>
    toldIn(await Array.fromAsync(createSession(model, options).generate(prompt, sampling, () => false)));

  it('draws by penalised logits, and tells the model’s own', async () => {
    const vocabulary = 320;
    for (const [presencePenalty, frequencyPenalty] of [
      [0, 0],
      [2, 0],
      [0, 1],
      [-2, 0],
      [1.5, 0.5],
    ] as const) {
      const sampling = { ...greedy, maxTokens: 24, logprobs: vocabulary, presencePenalty, frequencyPenalty };
      const seen = new Map<string, number>();
      for (const { bytes, logprob, top } of await say('hello', sampling)) {
        const taken = (one: readonly number[]): number => {
          const count = seen.get(one.join()) ?? 0;
          return count === 0 ? 0 : presencePenalty + count * frequencyPenalty;
        };
        // rows of the embeddings without a token have no bytes
        const named = top.filter((one) => one.bytes.length > 0);
        const best = Math.max(...named.map((one) => one.logprob - taken(one.bytes)));
        expect(logprob - taken(bytes)).toBeCloseTo(best, 4);
        expect(top.reduce((sum, one) => sum + Math.exp(one.logprob), 0)).toBeCloseTo(1, 4);
        seen.set(bytes.join(), (seen.get(bytes.join()) ?? 0) + 1);
      }
    }
    const [plain, penalised] = [
      await say('hello', { ...greedy, maxTokens: 24, logprobs: 0 }),
      await say('hello', { ...greedy, maxTokens: 24, logprobs: 0, frequencyPenalty: 2 }),
    ];
    expect(bytesIn(penalised)).not.toBe(bytesIn(plain));
  });

  it('tells what a score of its text says', async () => {
    const turn = '<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n';
    // a score begins with the start token, which a prompt of this model does not
    const told = await say(`<|endoftext|>${turn}`, { ...greedy, maxTokens: 3, logprobs: 0 });
    const nats = told.reduce((sum, { logprob }) => sum - logprob, 0);
    const { bits, tokens } = await createSession(model, options).score(turn, bytesIn(told));
    expect(tokens).toBe(told.length);
    expect(bits).toBeCloseTo(nats / Math.LN2, 4);
  });
});
