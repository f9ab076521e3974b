// An edge without an embedder: callers bring vectors, for examples and for what is to be selected for.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Edge, startEdge } from './harness.ts';
import { type OpenAiGateway, openAiGateway } from './openai-gateway.ts';

let gateway: OpenAiGateway;
let edge: Edge;
const DIMENSIONS = 256;
const axis = (i: number): number[] => Array.from({ length: DIMENSIONS }, (_, j) => (i === j ? 1 : 0));
beforeAll(async () => {
  gateway = await openAiGateway();
  edge = await startEdge({ vars: { GATEWAY_URL: gateway.url, EMBEDDER: 'none', DIMENSIONS: String(DIMENSIONS) } });
  await edge.upload(
    'docs',
    ['router', 'cookie', 'cats'].map((id, i) => ({ id, text: `About ${id}.`, vector: axis(i) })),
  );
});
afterAll(async () => {
  await edge?.close();
  await gateway?.close();
});

const ask = async (path: string, body?: object) => {
  const response = await edge.send(path, body === undefined ? {} : { body });
  return { status: response.status, value: JSON.parse(await response.text()) };
};
const subjects = [
  ['/v1/completions', { prompt: 'x' }],
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }] }],
] as const;

it.each(subjects)('%s selects for sift.vector', async (path, subject) => {
  const vector = axis(1);
  for (const sent of [vector, Buffer.from(new Float32Array(vector).buffer).toString('base64')]) {
    const { value } = await ask(path, { ...subject, model: 'base:sift', sift: { corpus: 'docs', n: 1, vector: sent } });
    expect(value.sift.picks.map(({ id }: { id: string }) => id)).toEqual(['cookie']);
  }
});

it.each(subjects)('%s says what is missing where only a text is there', async (path, subject) => {
  const { status, value } = await ask(path, { ...subject, model: 'base:sift', sift: { corpus: 'docs', n: 1 } });
  expect([status, value.error.code]).toEqual([501, 'not_configured']);
  expect(value.error.message).toMatch(/an embedder .*vectors/);
});

it('has no embeddings and lists no model for them', async () => {
  const { status, value } = await ask('/v1/embeddings', { model: 'none', input: 'x' });
  expect([status, value.error.message]).toEqual([501, 'an embedder is not configured on this server']);
  const { value: list } = await ask('/v1/models');
  expect(list.data.map(({ id }: { id: string }) => id)).toEqual(['base', 'base:sift']);
});
