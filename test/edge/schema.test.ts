import { describe, expect, it } from 'vitest';
import { completionRequest } from '../../wire/api/completions.ts';
import { corpusName, exampleLine } from '../../wire/api/corpora.ts';
import { selectRequest } from '../../wire/api/select.ts';
import { siftFields } from '../../wire/api/sift.ts';
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
      residual_picks: 4,
      top_k: 50,
      residual_sign: 'plus',
      strategy: 'sift',
      repeat: false,
    });
  });

  it.each<[string, object, RegExp]>([
    ['neither corpus nor candidates', { input: 'x' }, /^corpus: give one of/],
    ['both of them', { ...good, candidates: [{ id: 'a', text: 'a' }] }, /^corpus: give one of/],
    ['no prompt', { corpus: 'c' }, /^input: give one of/],
    ['two prompts of different kinds', { ...good, vector: [1] }, /^input: give one of/],
    ['a blank prompt', { corpus: 'c', input: ' \n' }, /^input: is empty/],
    [
      'a prompt too long',
      { corpus: 'c', input: 'é'.repeat(150_000) },
      /^input: is 300000 bytes, the limit is 262144 bytes/,
    ],
    ['several corpora and one', { ...good, corpora: ['a'] }, /^corpus: give one of/],
    ['a corpus twice', { corpora: ['a', 'a'], input: 'x' }, /^corpora: names a corpus twice$/],
    ['a list of prompts and one', { ...good, inputs: ['x'] }, /^input: give one of/],
    ['no field', { ...good, fields: [] }, /^fields: is empty$/],
    ['an unknown field', { ...good, fields: ['id', 'colour'] }, /^fields.1: is "colour", it must be id or text or/],
    ['max_bytes 0', { ...good, max_bytes: 0 }, /^max_bytes: is 0, it must be at least 1$/],
    ['n = 0', { ...good, n: 0 }, /^n: is 0, it must be at least 1$/],
    ['n = 1.5', { ...good, n: 1.5 }, /^n: is 1.5, it must be a whole number$/],
    ['n too large', { ...good, n: 201 }, /^n: is 201, the limit is 200$/],
    ['n as a text', { ...good, n: '5' }, /^n: is "5", it must be a number$/],
    ['an unknown strategy', { ...good, strategy: 'best' }, /^strategy: is "best", it must be sift or nn or mmr$/],
    ['λ = 0', { ...good, lambda: 0 }, /^lambda: is 0, it must be at least 0.000001$/],
    ['degree 0', { ...good, degree: 0 }, /^degree: is 0, it must be at least 1$/],
    ['degree 1.5', { ...good, degree: 1.5 }, /^degree: is 1.5, it must be a whole number$/],
    ['degree 17', { ...good, degree: 17 }, /^degree: is 17, the limit is 16$/],
    ['min_similarity in words', { ...good, min_similarity: 'high' }, /^min_similarity: must be a number or "auto"$/],
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
    [
      'a filter on what is not the caller’s',
      { ...good, filter: { q15: 'x' } },
      /^filter\.q15: is no property of an example: a filter is on 'source' or 'meta\.NAME'/,
    ],
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

  it('takes the older names of residual_picks and residual_sign for one version', () => {
    expect(selectRequest.parse({ ...good, prefix: 7, sign: 'both' })).toMatchObject({
      residual_picks: 7,
      residual_sign: 'both',
    });
    expect(selectRequest.parse({ ...good, prefix: 7, residual_picks: 3 })).toMatchObject({ residual_picks: 3 });
  });

  it.each<[string, object]>([
    ['a value', { source: 's', 'meta.lang': 'en', 'meta.n': 1, 'meta.ok': true }],
    ['null, for examples without the property', { 'meta.lang': null, source: { $ne: null } }],
    ['null in lists', { 'meta.lang': { $in: ['en', null] }, source: { $nin: [null] } }],
    [
      'one operator',
      { 'meta.a': { $eq: 1 }, 'meta.b': { $in: ['x'] }, 'meta.c': { $nin: [true] }, 'meta.d': { $gte: 0 } },
    ],
    ['an upper with a lower bound', { 'meta.a': { $lt: 1, $gte: 0 }, 'meta.b': { $gt: 'a', $lte: 'x' } }],
    ['nested names', { 'meta.a.b': 1, 'meta.a-b c': 1, 'meta.ä': 1 }],
  ])('takes a filter on %s', (_, filter) => {
    expect(select({ ...good, filter })).toBeUndefined();
  });

  // whatever Vectorize would refuse: its error names its own terms, and comes as a failure of the index
  it.each<[string, unknown]>([
    ['nothing', {}],
    ['no operator', { 'meta.lang': {} }],
    ['an empty list', { 'meta.lang': { $in: [] } }],
    ['an empty exclusion', { 'meta.lang': { $nin: [] } }],
    ['two operators that do not go together', { 'meta.lang': { $eq: 'en', $ne: 'de' } }],
    ['two lower bounds', { 'meta.lang': { $gt: 'a', $gte: 'b' } }],
    ['two upper bounds', { 'meta.lang': { $lt: 'a', $lte: 'b' } }],
    ['three operators', { 'meta.lang': { $lt: 'a', $gt: 'b', $ne: 'c' } }],
    ['a bound that is null', { 'meta.n': { $lt: null } }],
    ['a bound that is true', { 'meta.n': { $lt: true } }],
    ['a name with a bar', { 'meta.a|b': 'x' }],
    ['a name with a quote', { 'meta.a"b': 'x' }],
    ['an empty name', { 'meta.': 'y' }],
    ['an empty part of a name', { 'meta..x': 'y' }],
    ['a name that ends in a dot', { 'meta.x.': 'y' }],
    ['a name that begins with a dollar', { 'meta.$x': 'y' }],
    ['a part that begins with a dollar', { 'meta.a.$x': 'y' }],
    ['a name of 513 characters', { [`meta.${'x'.repeat(513)}`]: 1 }],
    ['a part of the source', { 'source.a': 'y' }],
    ['a list', { source: ['a'] }],
    ['lists in lists', { source: { $in: [['a']] } }],
    ['an object in a list', { source: { $in: [{ $eq: 'a' }] } }],
    ['operators in operators', { source: { $eq: { $eq: 'a' } } }],
    ['a list in place of the filter', [{ source: 'a' }]],
    ['a text in place of the filter', 'source = a'],
  ])('refuses a filter of %s', (_, filter) => {
    expect(select({ ...good, filter })).toMatch(/^filter/);
  });

  it('takes filters up to 2,047 bytes', () => {
    const bytes = (n: number) => ({ source: 'x'.repeat(n - JSON.stringify({ source: '' }).length) });
    expect(select({ ...good, filter: bytes(2047) })).toBeUndefined();
    expect(select({ ...good, filter: bytes(2048) })).toMatch(/^filter: must be under 2048 bytes/);
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

  it.each(
    [
      'max_tokens temperature top_p top_k seed stop stream stream_options user metadata store service_tier n best_of echo',
      'logprobs logit_bias suffix presence_penalty frequency_penalty sift prompt',
    ].flatMap((names) => names.split(' ')),
  )('takes null for %s, as for an absent field', (name) => {
    expect(completionRequest.parse({ model: 'base:sift', prompt: 'x', seed: 1, [name]: null })).toMatchObject({
      max_tokens: 16,
      stop: [],
      sift: { selection: { n: 10 } },
    });
  });

  it('takes null for every field of sift', () => {
    const names = Object.keys(siftFields.omit({ system_template: true }).shape);
    const nothing = Object.fromEntries([...names, 'input', 'vector'].map((name) => [name, null]));
    const absent = completionRequest.parse({ model: 'base:sift', prompt: 'x' });
    expect(completionRequest.parse({ model: 'base:sift', prompt: 'x', sift: nothing })).toEqual(absent);
  });

  it.each<[string, object]>([
    ['an empty logit_bias', { logit_bias: {} }],
    ['store, metadata, user and service_tier', { store: false, metadata: { a: 'b' }, user: 'u', service_tier: 'auto' }],
    ['further members of stream_options', { stream_options: { include_usage: true, include_obfuscation: false } }],
    ['no prompt', { prompt: undefined }],
    ['an empty prompt', { prompt: '' }],
    ['a blank prompt', { prompt: ' \n' }],
    ['a prompt in a list', { prompt: ['x'] }],
    ['20 prompts', { prompt: Array.from({ length: 20 }, () => 'x') }],
    ['samples, and as many to choose from', { n: 2, best_of: 2 }],
    ['penalties', { presence_penalty: -2, frequency_penalty: 2 }],
    ['log-probabilities', { logprobs: 5 }],
    ['a prompt to be cut', { truncate: 'start' }],
    ['something else to select for', { model: 'base:sift', sift: { input: ['a', 'b'] } }],
    ['a vector to select for', { model: 'base:sift', sift: { vector: [1, 2], input: null } }],
    ['top_p = 0', { top_p: 0 }],
    ['four stop texts', { stop: ['a', 'b', 'c', 'd'] }],
  ])('takes %s', (_, body) => {
    expect(complete(body)).toBeUndefined();
  });

  it.each([0, 1, 4294967295, 4294967296, -1, 1764021234567, -(2 ** 63), 2 ** 63])('takes the seed %d', (seed) => {
    const parsed = completionRequest.parse({ model: 'base', prompt: 'x', seed }).seed ?? -1;
    expect(Number.isInteger(parsed) && parsed >= 0 && parsed <= 0xffff_ffff).toBe(true);
    if (seed >= 0 && seed <= 0xffff_ffff) expect(parsed).toBe(seed);
  });

  it('folds seeds that differ in their upper half alone to different ones', () => {
    const fold = (seed: number) => completionRequest.parse({ model: 'base', prompt: 'x', seed }).seed;
    expect(new Set([1, 2 ** 32 + 1, 2 ** 33 + 1, 2 ** 40 + 1].map(fold)).size).toBe(4);
  });

  it.each<[string, object, RegExp]>([
    ['nine samples', { n: 9 }, /^n: is 9, the limit is 8$/],
    ['best_of that is not n', { n: 2, best_of: 3 }, /^best_of: is 3, it must be n \(2\)/],
    ['echo', { echo: true }, /^echo: is not supported: only null or false/],
    ['six logprobs', { logprobs: 6 }, /^logprobs: is 6, the limit is 5$/],
    ['a suffix', { suffix: 'x' }, /^suffix: is not supported: only null or "" is accepted/],
    ['logit_bias', { logit_bias: { 50256: -100 } }, /^logit_bias: is not supported: only null or {}/],
    ['a penalty of 2.5', { presence_penalty: 2.5 }, /^presence_penalty: is 2.5, the limit is 2$/],
    ['token ids', { prompt: [1, 2, 3] }, /^prompt: .*token ids are not supported/],
    ['lists of token ids', { prompt: [[1, 2], [3]] }, /^prompt: .*token ids are not supported/],
    ['no prompt in a list', { prompt: [] }, /^prompt: is empty$/],
    ['21 prompts', { prompt: Array.from({ length: 21 }, () => 'x') }, /^prompt: has 21 entries, the limit is 20$/],
    ['sift for a model that does not tune', { sift: {} }, /^sift: is for models whose name ends in ':sift': 'base'/],
    ['a system_template', { model: 'base:sift', sift: { system_template: '{examples}' } }, /'system_template' is not/],
    ['two things to select for', { model: 'base:sift', sift: { input: 'a', vector: [1] } }, /^sift.input: give either/],
    ['five stop texts', { stop: ['a', 'b', 'c', 'd', 'e'] }, /^stop/],
    ['a seed that is no whole number', { seed: 1.5 }, /^seed: is 1.5, it must be a whole number of 64 bits/],
    ['a seed of more than 64 bits', { seed: 1e30 }, /^seed: is 1e\+30/],
    ['a prompt with half a surrogate pair', { prompt: 'a\ud83d' }, /^prompt: .*half of a surrogate pair/],
    ['a model name of 257 characters', { model: 'm'.repeat(257) }, /^model: is 257 characters, the limit is 256/],
    ['a misspelt sift option', { model: 'base:sift', sift: { corpora: 'x' } }, /corpora/],
    ['a learning rate above one', { model: 'base:sift', sift: { learning_rate: 2 } }, /^sift.learning_rate/],
  ])('refuses %s', (_, body, message) => {
    expect(complete(body)).toMatch(message);
  });
});

describe('names', () => {
  it.each(['a', 'docs-2', 'a.b_c', 'x'.repeat(64)])('%s is a corpus name', (name) => {
    expect(corpusName.safeParse(name).success).toBe(true);
  });
  it.each(['', 'A', '-a', '../b', 'a/b', 'ä', 'x'.repeat(65), 'a b'])('%j is not a corpus name', (name) => {
    expect(corpusName.safeParse(name).success).toBe(false);
  });
  it.each(['$a', 'a.b', 'a"b', ''])('metadata may not be called %j', (name) => {
    expect(exampleLine.safeParse({ text: 'x', metadata: { [name]: 1 } }).success).toBe(false);
  });
});
