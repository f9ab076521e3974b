// Each limit of a request at its edge: the limit itself is taken, one more is refused with both figures or the bound.
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { chatRequest } from '../../wire/api/chat.ts';
import { completionRequest } from '../../wire/api/completions.ts';
import { corpusName, exampleLine, pageQuery, uploadQuery } from '../../wire/api/corpora.ts';
import { embeddingsRequest } from '../../wire/api/embeddings.ts';
import { scoreRequest } from '../../wire/api/score.ts';
import { selectRequest } from '../../wire/api/select.ts';
import {
  MAX_CANDIDATES,
  MAX_COMPLETION_LOGPROBS,
  MAX_CORPUS_NAME,
  MAX_DEGREE,
  MAX_EMBEDDINGS,
  MAX_LAMBDA,
  MAX_LOGPROBS,
  MAX_MESSAGES,
  MAX_MODEL_NAME,
  MAX_NEW_TOKENS,
  MAX_PAGE,
  MAX_PICKS,
  MAX_PROMPT_BYTES,
  MAX_PROMPTS,
  MAX_QUERIES,
  MAX_ROUNDS,
  MAX_SAMPLES,
  MAX_SEPARATOR_BYTES,
  MAX_SOURCE,
  MAX_STEPS,
  MAX_STRIPES,
  MAX_TEMPLATE_BYTES,
  MAX_TEXT_BYTES,
  MIN_LAMBDA,
  VECTORIZE_TOP_K_FULL,
} from '../../wire/limits.ts';
import { scoreRequest as gatewayScore, tuneRequest } from '../../wire/tune/requests.ts';
import { inWords } from '../../wire/words.ts';

const select = (body: object) => [selectRequest, { corpus: 'c', input: 'x', ...body }] as const;
const complete = (body: object) => [completionRequest, { model: 'm:sift', prompt: 'x', ...body }] as const;
const chat = (body: object) =>
  [chatRequest, { model: 'm:sift', messages: [{ role: 'user', content: 'x' }], ...body }] as const;
const embed = (body: object) => [embeddingsRequest, { model: 'm', input: 'x', ...body }] as const;
const said = (content: string) => ({ role: 'user', content });
const score = (body: object) => [scoreRequest, { model: 'm', context: 'x', text: 'y', ...body }] as const;
const tune = (body: object) => [tuneRequest, { model: 'm', prompt: 'x', ...body }] as const;
const text = (bytes: number) => 'x'.repeat(bytes);
/** Two bytes a character: a limit in bytes is not one in characters. */
const wide = (bytes: number) => 'é'.repeat(bytes / 2);
const list = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
const candidates = (count: number) => Array.from({ length: count }, (_, i) => ({ id: `${i}`, vector: [1] }));
const pick = { id: 'p', text: 't' };

type Asked = readonly [schema: z.ZodType, value: unknown];

describe('a limit takes its edge and refuses one more', () => {
  it.each<[string, Asked, Asked]>([
    ['picks', select({ n: MAX_PICKS }), select({ n: MAX_PICKS + 1 })],
    ['the least λ', select({ lambda: MIN_LAMBDA }), select({ lambda: MIN_LAMBDA / 2 })],
    ['the largest λ', select({ lambda: MAX_LAMBDA }), select({ lambda: MAX_LAMBDA + 1 })],
    ['the degree', select({ degree: MAX_DEGREE }), select({ degree: MAX_DEGREE + 1 })],
    ['rounds', select({ rounds: MAX_ROUNDS }), select({ rounds: MAX_ROUNDS + 1 })],
    ['top_k', select({ top_k: VECTORIZE_TOP_K_FULL }), select({ top_k: VECTORIZE_TOP_K_FULL + 1 })],
    ['stripes of a selection', select({ stripes: MAX_STRIPES }), select({ stripes: MAX_STRIPES + 1 })],
    ['residual_picks', select({ residual_picks: MAX_PICKS }), select({ residual_picks: MAX_PICKS + 1 })],
    ['prompts', select({ input: list(MAX_QUERIES, 'x') }), select({ input: list(MAX_QUERIES + 1, 'x') })],
    [
      'prompt vectors',
      select({ input: undefined, vectors: list(MAX_QUERIES, [1]) }),
      select({ input: undefined, vectors: list(MAX_QUERIES + 1, [1]) }),
    ],
    [
      'candidates',
      select({ corpus: undefined, candidates: candidates(MAX_CANDIDATES) }),
      select({ corpus: undefined, candidates: candidates(MAX_CANDIDATES + 1) }),
    ],
    [
      'characters of a candidate’s id',
      select({ corpus: undefined, candidates: [{ id: text(512), vector: [1] }] }),
      select({ corpus: undefined, candidates: [{ id: text(513), vector: [1] }] }),
    ],
    ['bytes of an input', select({ input: text(MAX_PROMPT_BYTES) }), select({ input: text(MAX_PROMPT_BYTES + 1) })],
    ['bytes of a wide input', select({ input: wide(MAX_PROMPT_BYTES) }), select({ input: wide(MAX_PROMPT_BYTES + 2) })],
    [
      'bytes of a prompt',
      complete({ prompt: wide(MAX_PROMPT_BYTES) }),
      complete({ prompt: wide(MAX_PROMPT_BYTES + 2) }),
    ],
    [
      'prompts of a completion',
      complete({ prompt: list(MAX_PROMPTS, 'x') }),
      complete({ prompt: list(MAX_PROMPTS + 1, 'x') }),
    ],
    ['samples', complete({ n: MAX_SAMPLES }), complete({ n: MAX_SAMPLES + 1 })],
    ['samples of a chat', chat({ n: MAX_SAMPLES }), chat({ n: MAX_SAMPLES + 1 })],
    [
      'log-probabilities',
      complete({ logprobs: MAX_COMPLETION_LOGPROBS }),
      complete({ logprobs: MAX_COMPLETION_LOGPROBS + 1 }),
    ],
    [
      'log-probabilities of a chat',
      chat({ logprobs: true, top_logprobs: MAX_LOGPROBS }),
      chat({ logprobs: true, top_logprobs: MAX_LOGPROBS + 1 }),
    ],
    ['a penalty', chat({ frequency_penalty: -2 }), chat({ frequency_penalty: -2.01 })],
    [
      'messages',
      chat({ messages: list(MAX_MESSAGES, said('x')) }),
      chat({ messages: list(MAX_MESSAGES + 1, said('x')) }),
    ],
    [
      'bytes of all messages',
      chat({ messages: list(2, said(wide(MAX_PROMPT_BYTES / 2))) }),
      chat({ messages: [...list(2, said(wide(MAX_PROMPT_BYTES / 2))), said('x')] }),
    ],
    [
      'texts to select for',
      complete({ sift: { input: list(MAX_QUERIES, 'x') } }),
      complete({ sift: { input: list(MAX_QUERIES + 1, 'x') } }),
    ],
    ['texts to embed', embed({ input: list(MAX_EMBEDDINGS, 'x') }), embed({ input: list(MAX_EMBEDDINGS + 1, 'x') })],
    ['bytes of a text to embed', embed({ input: text(MAX_TEXT_BYTES) }), embed({ input: text(MAX_TEXT_BYTES + 1) })],
    ['tokens to generate', complete({ max_tokens: MAX_NEW_TOKENS }), complete({ max_tokens: MAX_NEW_TOKENS + 1 })],
    ['temperature', complete({ temperature: 2 }), complete({ temperature: 2.01 })],
    ['top_p', complete({ top_p: 1 }), complete({ top_p: 1.01 })],
    ['stop texts', complete({ stop: list(4, 's') }), complete({ stop: list(5, 's') })],
    ['a model’s name', complete({ model: text(MAX_MODEL_NAME) }), complete({ model: text(MAX_MODEL_NAME + 1) })],
    ['LoRA’s rank', complete({ sift: { rank: 256 } }), complete({ sift: { rank: 257 } })],
    ['the learning rate', complete({ sift: { learning_rate: 1 } }), complete({ sift: { learning_rate: 1.01 } })],
    ['bytes of a context', score({ context: wide(MAX_PROMPT_BYTES) }), score({ context: wide(MAX_PROMPT_BYTES + 2) })],
    ['bytes of a scored text', score({ text: wide(MAX_TEXT_BYTES) }), score({ text: wide(MAX_TEXT_BYTES + 2) })],
    [
      'bytes of a template',
      complete({ sift: { template: `{examples}{prompt}${wide(MAX_TEMPLATE_BYTES - 18)}` } }),
      complete({ sift: { template: `{examples}{prompt}${wide(MAX_TEMPLATE_BYTES - 16)}` } }),
    ],
    [
      'bytes of an example’s template',
      score({ sift: { example_template: `{text}${wide(MAX_TEMPLATE_BYTES - 6)}` } }),
      score({ sift: { example_template: `{text}${wide(MAX_TEMPLATE_BYTES - 4)}` } }),
    ],
    [
      'bytes between two examples',
      complete({ sift: { separator: wide(MAX_SEPARATOR_BYTES) } }),
      complete({ sift: { separator: wide(MAX_SEPARATOR_BYTES + 2) } }),
    ],
    [
      'characters of an own pick’s source',
      score({ picks: [{ ...pick, source: text(MAX_SOURCE) }] }),
      score({ picks: [{ ...pick, source: text(MAX_SOURCE + 1) }] }),
    ],
    ['own picks', score({ picks: list(MAX_STEPS, pick) }), score({ picks: list(MAX_STEPS + 1, pick) })],
    ['steps at the gateway', tune({ picks: list(MAX_STEPS, pick) }), tune({ picks: list(MAX_STEPS + 1, pick) })],
    [
      'bytes of a pick at the gateway',
      tune({ picks: [{ id: 'p', text: wide(MAX_TEXT_BYTES) }] }),
      tune({ picks: [{ id: 'p', text: wide(MAX_TEXT_BYTES + 2) }] }),
    ],
    [
      'tokens to generate at the gateway',
      tune({ sampling: { max_tokens: MAX_NEW_TOKENS } }),
      tune({ sampling: { max_tokens: MAX_NEW_TOKENS + 1 } }),
    ],
    [
      'bytes of a scored text at the gateway',
      [gatewayScore, { model: 'm', text: wide(MAX_TEXT_BYTES) }],
      [gatewayScore, { model: 'm', text: wide(MAX_TEXT_BYTES + 2) }],
    ],
    ['a corpus’ name', [corpusName, text(MAX_CORPUS_NAME)], [corpusName, text(MAX_CORPUS_NAME + 1)]],
    ['entries of a page', [pageQuery, { limit: `${MAX_PAGE}` }], [pageQuery, { limit: `${MAX_PAGE + 1}` }]],
    [
      'stripes of an upload',
      [uploadQuery, { stripes: `${MAX_STRIPES}` }],
      [uploadQuery, { stripes: `${MAX_STRIPES + 1}` }],
    ],
    [
      'characters of a source',
      [exampleLine, { text: 'x', source: text(512) }],
      [exampleLine, { text: 'x', source: text(513) }],
    ],
  ])('%s', (_, [schema, edge], [, beyond]) => {
    expect(schema.safeParse(edge).error?.issues).toBeUndefined();
    const message = schema.safeParse(beyond, { error: inWords }).error?.issues[0]?.message ?? 'it is taken';
    expect(message).toMatch(/limit|must be|at least/);
    expect(message.length).toBeLessThan(150);
  });
});
