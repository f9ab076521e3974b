import { describe, expect, it } from 'vitest';
import { completionRequest } from '../../wire/api/completions.ts';
import { corpusName, exampleLine } from '../../wire/api/corpora.ts';
import { selectRequest } from '../../wire/api/select.ts';
import { inWords } from '../../wire/words.ts';

const issue = (parsed: {
  success: boolean;
  error?: { issues: readonly { path: PropertyKey[]; message: string }[] };
}) => {
  const [first] = parsed.error?.issues ?? [];
  return first === undefined ? undefined : `${first.path.map(String).join('.')}: ${first.message}`;
};

describe('POST /v1/select', () => {
  const select = (body: object) => issue(selectRequest.safeParse(body, { error: inWords }));
  const good = { corpus: 'c', input: 'x' };

  it('takes what the README shows, and fills in the defaults', () => {
    expect(selectRequest.parse(good)).toMatchObject({
      n: 10,
      lambda: 0.3,
      degree: 6,
      rounds: 3,
      prefix: 4,
      top_k: 50,
      sign: 'plus',
      strategy: 'sift',
      repeat: false,
    });
  });

  it.each<[string, object, RegExp]>([
    ['neither corpus nor candidates', { input: 'x' }, /^corpus: give either/],
    ['both of them', { ...good, candidates: [{ id: 'a', text: 'a' }] }, /^corpus: give either/],
    ['no prompt', { corpus: 'c' }, /^input: give one of/],
    ['two prompts of different kinds', { ...good, vector: [1] }, /^input: give one of/],
    ['a blank prompt', { corpus: 'c', input: ' \n' }, /^input: is empty/],
    [
      'a prompt too long',
      { corpus: 'c', input: 'é'.repeat(150_000) },
      /^input: is 300000 bytes, the limit is 262144 bytes/,
    ],
    ['n = 0', { ...good, n: 0 }, /^n: is 0, it must be at least 1$/],
    ['n = 1.5', { ...good, n: 1.5 }, /^n: is 1.5, it must be a whole number$/],
    ['n too large', { ...good, n: 201 }, /^n: is 201, the limit is 200$/],
    ['n as a text', { ...good, n: '5' }, /^n: is "5", it must be a number$/],
    ['a strategy that is none', { ...good, strategy: 'best' }, /^strategy: is "best", it must be sift or nn or mmr$/],
    ['λ = 0', { ...good, lambda: 0 }, /^lambda: is 0, it must be at least 0.000001$/],
    ['degree 0', { ...good, degree: 0 }, /^degree: is 0, it must be at least 1$/],
    ['degree 1.5', { ...good, degree: 1.5 }, /^degree: is 1.5, it must be a whole number$/],
    ['degree 17', { ...good, degree: 17 }, /^degree: is 17, the limit is 16$/],
    ['top_k beyond Vectorize', { ...good, top_k: 80 }, /^top_k: is 80, the limit is 50$/],
    ['a misspelt field', { ...good, lamda: 1 }, /^: 'lamda' is not known here$/],
    [
      '1,001 candidates',
      { input: 'x', candidates: Array.from({ length: 1001 }, (_, i) => ({ id: `${i}`, text: 'a' })) },
      /^candidates: has 1001 entries, the limit is 1000$/,
    ],
    [
      'a candidate with neither vector nor text',
      { input: 'x', candidates: [{ id: 'a' }] },
      /^candidates.0: needs a vector or a text/,
    ],
    ['a filter on what is not the caller’s', { ...good, filter: { q15: 'x' } }, /filter/],
    ['a filter with an unknown operator', { ...good, filter: { 'meta.lang': { $regex: 'x' } } }, /filter/],
    ['a filter of 2,048 bytes', { ...good, filter: { source: 'x'.repeat(2100) } }, /^filter: must be under 2048 bytes/],
    [
      'a filter on candidates',
      { input: 'x', candidates: [{ id: 'a', text: 'a' }], filter: { source: 'x' } },
      /^filter: needs a 'corpus'/,
    ],
  ])('refuses %s', (_, body, message) => {
    expect(select(body)).toMatch(message);
  });

  it('takes all eight operators', () => {
    const filter = {
      'meta.a': { $eq: 1, $ne: null, $in: ['x'], $nin: [true] },
      'meta.b': { $lt: 1, $lte: 'x', $gt: 0, $gte: 0 },
      source: 's',
    };
    expect(select({ ...good, filter })).toBeUndefined();
  });
});

describe('POST /v1/completions', () => {
  const complete = (body: object) =>
    issue(completionRequest.safeParse({ model: 'base', prompt: 'x', ...body }, { error: inWords }));

  it('takes what SDKs send at neutral values', () => {
    const neutral = {
      n: 1,
      best_of: 1,
      echo: false,
      logprobs: null,
      suffix: null,
      presence_penalty: 0,
      frequency_penalty: 0,
      stop: null,
      seed: null,
      user: 'me',
      temperature: null,
      max_tokens: null,
    };
    expect(complete(neutral)).toBeUndefined();
    expect(completionRequest.parse({ model: 'base', prompt: 'x', ...neutral })).toMatchObject({
      max_tokens: 16,
      temperature: 1,
      stop: [],
    });
  });

  it.each<[string, object, RegExp]>([
    ['n = 2', { n: 2 }, /^n: only 1/],
    ['echo', { echo: true }, /^echo: only false/],
    ['logprobs', { logprobs: 5 }, /^logprobs: only null/],
    ['token ids', { prompt: [1, 2, 3] }, /^prompt: must be one text/],
    ['two prompts', { prompt: ['a', 'b'] }, /^prompt: must be one text/],
    ['five stop texts', { stop: ['a', 'b', 'c', 'd', 'e'] }, /^stop/],
    ['a misspelt sift option', { sift: { corpora: 'x' } }, /corpora/],
    ['a learning rate above one', { sift: { learning_rate: 2 } }, /^sift.learning_rate/],
  ])('refuses %s', (_, body, message) => {
    expect(complete(body)).toMatch(message);
  });
});

describe('names', () => {
  it.each(['a', 'docs-2', 'a.b_c', 'x'.repeat(64)])('%s is a corpus', (name) => {
    expect(corpusName.safeParse(name).success).toBe(true);
  });
  it.each(['', 'A', '-a', '../b', 'a/b', 'ä', 'x'.repeat(65), 'a b'])('%j is none', (name) => {
    expect(corpusName.safeParse(name).success).toBe(false);
  });
  it.each(['$a', 'a.b', 'a"b', ''])('metadata may not be called %j', (name) => {
    expect(exampleLine.safeParse({ text: 'x', metadata: { [name]: 1 } }).success).toBe(false);
  });
});
