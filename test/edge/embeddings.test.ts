// POST /v1/embeddings by the bundled embedder, on an edge without a gateway.
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embeddingsResponse } from '../../wire/api/embeddings.ts';
import { MAX_EMBEDDINGS, MAX_EMBEDDINGS_BYTES } from '../../wire/limits.ts';
import { DIMENSIONS, type Edge, KEY, startEdge } from './harness.ts';

let edge: Edge;
let openai: OpenAI;
let model: string;
beforeAll(async () => {
  edge = await startEdge();
  openai = new OpenAI({ apiKey: KEY, baseURL: new URL('/v1', edge.url).href, maxRetries: 0 });
  model = (await openai.models.list()).data[0]?.id ?? '';
});
afterAll(() => edge?.close());

const embed = async (body: object) => {
  const response = await edge.send('/v1/embeddings', { body: { model, input: 'A router', ...body } });
  return { status: response.status, value: JSON.parse(await response.text()) };
};
const vectorsOf = async (input: string | string[], more: object = {}): Promise<number[][]> =>
  embeddingsResponse.parse((await embed({ input, ...more })).value).data.map(({ embedding }) => embedding as number[]);

it('is the one model of an edge without a gateway', async () => {
  const { data } = await openai.models.list();
  expect(data).toMatchObject([{ id: model, kind: 'embed', dimensions: DIMENSIONS }]);
  expect((await openai.models.retrieve(model)).id).toBe(model);
  await expect(openai.models.retrieve('base')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
});

describe('with OpenAI’s client', () => {
  it('gives a vector of length one for each text, in order', async () => {
    const input = Array.from({ length: 150 }, (_, i) => `text number ${i}`);
    const answer = await openai.embeddings.create({ model, input });
    expect(answer.data.map(({ index }) => index)).toEqual(input.map((_, i) => i));
    for (const { embedding } of answer.data) {
      expect(embedding).toHaveLength(DIMENSIONS);
      expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
    }
    const alone = await openai.embeddings.create({ model, input: 'text number 149' });
    expect(alone.data[0]?.embedding).toEqual(answer.data[149]?.embedding);
  });

  it('gives the same numbers as floats and as base64, which it asks for by itself', async () => {
    const floats = await openai.embeddings.create({ model, input: 'A router', encoding_format: 'float' });
    const base64 = (await embed({ encoding_format: 'base64' })).value.data[0].embedding;
    const bytes = Buffer.from(base64, 'base64');
    const numbers = Array.from({ length: DIMENSIONS }, (_, i) => bytes.readFloatLE(4 * i));
    expect(numbers).toEqual(floats.data[0]?.embedding);
    expect((await openai.embeddings.create({ model, input: 'A router' })).data[0]?.embedding).toEqual(numbers);
  });

  it('counts the tokens that were read', async () => {
    const one = await openai.embeddings.create({ model, input: 'router' });
    const two = await openai.embeddings.create({ model, input: ['router', 'router'] });
    expect(one.usage.prompt_tokens).toBeGreaterThan(0);
    expect(two.usage.total_tokens).toBe(2 * one.usage.total_tokens);
    // of a long text the window is read, and the answer says so
    const { value } = await embed({ input: ['router', 'router '.repeat(5_000)] });
    expect(value.usage.prompt_tokens).toBe(one.usage.prompt_tokens + 512);
    expect(value.data.map(({ truncated }: { truncated?: true }) => truncated)).toEqual([undefined, true]);
  });

  it('reads a long text from its beginning, or as a prompt from its end', async () => {
    const filler = 'router '.repeat(5_000);
    const [front, back] = [`cats sleep ${filler}`, `${filler} cats sleep`];
    const filled = (await vectorsOf(filler))[0];
    expect((await vectorsOf(front))[0]).not.toEqual(filled);
    expect((await vectorsOf(back))[0]).toEqual(filled);
    expect((await vectorsOf(back, { input_type: 'query' }))[0]).not.toEqual(filled);
  });
});

describe('what cannot be embedded', () => {
  it.each<[string, object, number, object]>([
    ['an empty text', { input: '' }, 400, { code: 'empty_text', param: 'input', message: 'input is empty' }],
    [
      'an empty text among others',
      { input: ['a', 'b', 'c', ''] },
      400,
      { code: 'empty_text', param: 'input[3]', message: 'input[3] is empty' },
    ],
    ['nothing', { input: [] }, 400, { param: 'input', message: 'input: is empty' }],
    ['no input', { input: undefined }, 400, { param: 'input', message: 'input: is missing' }],
    ['token ids', { input: [1, 2] }, 400, { param: 'input', message: expect.stringContaining('token ids are not') }],
    ['lists of token ids', { input: [[1, 2]] }, 400, { message: expect.stringContaining('token ids are not') }],
    ['other dimensions', { dimensions: 64 }, 400, { param: 'dimensions', message: expect.stringContaining('is 64') }],
    ['another format', { encoding_format: 'int8' }, 400, { param: 'encoding_format' }],
    ['a field that nobody knows', { colour: 'red' }, 400, { message: expect.stringContaining("'colour'") }],
    [
      'one text too many',
      { input: Array.from({ length: MAX_EMBEDDINGS + 1 }, () => 'x') },
      400,
      { message: `input: has ${MAX_EMBEDDINGS + 1} entries, the limit is ${MAX_EMBEDDINGS}` },
    ],
    [
      'more than all texts may hold',
      { input: Array.from({ length: 9 }, () => 'x'.repeat(MAX_EMBEDDINGS_BYTES / 8)) },
      413,
      { code: 'too_large', param: 'input' },
    ],
    ['another model', { model: 'text-embedding-3-small' }, 404, { code: 'model_not_found', param: 'model' }],
  ])('%s is refused by name', async (_, body, status, error) => {
    const { status: got, value } = await embed(body);
    expect([got, value.error]).toEqual([status, expect.objectContaining(error)]);
    if (status === 404) expect(value.error.message).toContain(model);
  });

  it('is nothing that asks for nothing', async () => {
    const neutral = { dimensions: DIMENSIONS, user: null, encoding_format: null, input_type: null };
    expect((await embed(neutral)).status).toBe(200);
    expect((await embed({ ...neutral, dimensions: null, user: 'me' })).status).toBe(200);
  });
});

it('leaves others their turn while many texts are embedded', async () => {
  const order: string[] = [];
  const input = Array.from({ length: 400 }, (_, i) => `text ${i} `.repeat(90));
  const many = embed({ input }).then(({ status }) => order.push(`many ${status}`));
  const health = edge.send('/health', { key: null }).then(({ status }) => order.push(`health ${status}`));
  await Promise.all([many, health]);
  expect(order).toEqual(['health 200', 'many 200']);
});
