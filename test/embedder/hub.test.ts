// Sentence-transformers directories as they come from the hub: what is read of their files, which model is chosen, and what
// is refused by name.
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEmbedder } from '../../functions/embedding/onnx.node.ts';
import { pooled } from '../../functions/embedding/pooling.ts';
import { dot } from '../../functions/vectors/algebra.ts';
import { startEdge } from '../../local/edge.ts';
import { embedderFiles, triedEmbedder, workerFit } from '../../local/embedder.ts';
import { at } from '../../wire/list.ts';
import { edgeAt, GATEWAY_SECRET, KEY } from '../edge/harness.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const GOLDEN = join(ROOT, 'test/embedder/golden');

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'sift-hub-'));
});
afterAll(() => rm(scratch, { recursive: true }));

const module = (name: string, path: string) => ({
  idx: 0,
  name: path,
  path,
  type: `sentence_transformers.models.${name}`,
});
const MODULES = [module('Transformer', ''), module('Pooling', '1_Pooling'), module('Normalize', '2_Normalize')];
const BASE: Readonly<Record<string, unknown>> = {
  'modules.json': MODULES,
  '1_Pooling/config.json': {
    word_embedding_dimension: 8,
    pooling_mode_cls_token: false,
    pooling_mode_mean_tokens: true,
  },
  'config.json': { model_type: 'bert', hidden_size: 8, max_position_embeddings: 64 },
  'sentence_bert_config.json': { max_seq_length: 16, do_lower_case: false },
  'tokenizer_config.json': { model_max_length: 512 },
};
let made = 0;
/** A directory with these files in place of the usual ones; null leaves one out. */
const directory = async (
  changes: Readonly<Record<string, unknown>> = {},
  models: readonly (readonly [from: string, to: string])[] = [['pooled', 'onnx/model.onnx']],
): Promise<string> => {
  made += 1;
  const path = join(scratch, `model-${made}`);
  await mkdir(join(path, '1_Pooling'), { recursive: true });
  await mkdir(join(path, 'onnx'));
  await cp(join(GOLDEN, 'bert/tokenizer.json'), join(path, 'tokenizer.json'));
  for (const [name, json] of Object.entries({ ...BASE, ...changes })) {
    if (json !== null) await writeFile(join(path, name), JSON.stringify(json));
  }
  for (const [from, to] of models) await cp(join(GOLDEN, 'small', `${from}.onnx`), join(path, to));
  return path;
};
const TOKENS = [['positions', 'onnx/model.onnx']] as const;

describe('a directory from the hub', () => {
  it('says window, pooling, dimensions and prompts by its own files', async () => {
    const files = await embedderFiles(
      await directory({ 'config_sentence_transformers.json': { prompts: { query: 'query: ', passage: 'passage: ' } } }),
    );
    expect(files.config).toEqual({
      model: expect.stringMatching(/^model-\d+-[0-9a-f]{8}$/),
      dimensions: 8,
      max_tokens: 16,
      pooling: 'mean',
      prompts: { query: 'query: ', document: 'passage: ' },
    });
  });

  it.each([
    ['pooling_mode of today', { embedding_dimension: 8, pooling_mode: 'lasttoken' }, 'lasttoken'],
    ['a mode of before', { word_embedding_dimension: 8, pooling_mode_cls_token: true }, 'cls'],
    ['none at all', { word_embedding_dimension: 8 }, 'mean'],
  ])('pools by %s', async (_, pooling, mode) => {
    expect((await embedderFiles(await directory({ '1_Pooling/config.json': pooling }))).config.pooling).toBe(mode);
  });

  it.each([
    ['its default prompt, where no other fits', { prompts: { web: 'w: ' }, default_prompt_name: 'web' }, 'w: ', 'w: '],
    ['no prompt of queries before examples', { prompts: { query: 'q: ' }, default_prompt_name: 'query' }, 'q: ', ''],
    ['nothing where a prompt is null', { prompts: { query: null, document: 'd: ' } }, '', 'd: '],
  ])('puts %s', async (_, prompts, query, document) => {
    const files = await embedderFiles(await directory({ 'config_sentence_transformers.json': prompts }));
    expect(files.config.prompts).toEqual({ query, document });
  });

  it('reads the window of the tokenizer or the model where no other is given', async () => {
    const window = async (changes: Readonly<Record<string, unknown>>) =>
      (await embedderFiles(await directory({ 'sentence_bert_config.json': {}, ...changes }))).config.max_tokens;
    expect(await window({})).toBe(64);
    expect(await window({ 'tokenizer_config.json': { model_max_length: 32 } })).toBe(32);
    expect(await window({ 'tokenizer_config.json': { model_max_length: 1e30 } })).toBe(64);
  });

  it('may say more in sift.json, which comes first', async () => {
    const own = { model: 'mine', max_tokens: 12, pooling: 'cls', prompts: { query: 'q ' } };
    const files = await embedderFiles(await directory({ 'sift.json': own, 'modules.json': null }));
    expect(files.config).toMatchObject({ ...own, prompts: { query: 'q ', document: '' } });
  });

  it('has another name and fingerprint with another prompt', async () => {
    const one = await embedderFiles(await directory());
    const other = await embedderFiles(await directory({ 'sift.json': { prompts: { query: 'q ' } } }));
    expect(other.fingerprint).not.toBe(one.fingerprint);
    expect(other.config.model.slice(-8)).not.toBe(one.config.model.slice(-8));
  });

  it.each([
    [
      'Dense',
      { 'modules.json': [...MODULES.slice(0, 2), module('Dense', '2_Dense')] },
      /its module Dense is not implemented/,
    ],
    [
      'a module of its own code',
      { 'modules.json': [{ ...module('x', ''), type: 'custom_st.Transformer' }] },
      /custom_st\.Transformer/,
    ],
    ['a static model', { 'modules.json': [module('StaticEmbedding', '')] }, /first module is StaticEmbedding/],
    [
      'two poolings',
      { '1_Pooling/config.json': { pooling_mode: ['cls', 'mean'] } },
      /pooling cls and mean side by side/,
    ],
    [
      'an unknown pooling',
      { '1_Pooling/config.json': { pooling_mode: 'median' } },
      /pooling median is not implemented/,
    ],
    ['no modules.json', { 'modules.json': null }, /no modules\.json, so its pooling is not known.*sift\.json/],
    ['a misspelt sift.json', { 'sift.json': { poling: 'mean' } }, /sift\.json: .*poling/],
    [
      'a window beyond its positions',
      { 'sentence_bert_config.json': { max_seq_length: 128 } },
      /max_seq_length of 128 tokens is more than the model's 64 positions/,
    ],
    [
      'prompts left out of the pooling',
      {
        '1_Pooling/config.json': { include_prompt: false },
        'config_sentence_transformers.json': { prompts: { query: 'q' } },
      },
      /include_prompt/,
    ],
    ['a cut of dimensions', { 'config_sentence_transformers.json': { truncate_dim: 4 } }, /truncate_dim 4/],
  ])('is refused with %s', async (_, changes, message) => {
    const read = async () => embedderFiles(await directory(changes));
    await expect(read()).rejects.toThrow(message);
  });
});

describe('the model of a directory', () => {
  it('is the first of a documented order, or the one that was named', async () => {
    const path = await directory({}, [
      ['pooled', 'onnx/model_quantized.onnx'],
      ['half', 'onnx/model_fp16.onnx'],
      ['zeros', 'onnx/model_O4.onnx'],
    ]);
    expect((await embedderFiles(path)).model).toBe(join(path, 'onnx/model_fp16.onnx'));
    const chosen = await embedderFiles(join(path, 'onnx/model_O4.onnx'));
    expect([chosen.directory, chosen.model]).toEqual([path, join(path, 'onnx/model_O4.onnx')]);
    await rename(join(path, 'onnx/model_O4.onnx'), join(path, 'model.onnx'));
    expect((await embedderFiles(path)).model).toBe(join(path, 'model.onnx'));
  });

  it.each([
    ['there is none', [], /has no ONNX model .*training\/embedder_onnx\.py/],
    [
      'there are others only',
      [
        ['half', 'onnx/model_a.onnx'],
        ['half', 'onnx/model_b.onnx'],
      ],
      /choose one of onnx\/model_/,
    ],
  ] as const)('is asked for when %s', async (_, models, message) => {
    const read = async () => embedderFiles(await directory({}, models));
    await expect(read()).rejects.toThrow(message);
  });

  it('may be a pointer of Git LFS, which is said', async () => {
    const path = await directory();
    await writeFile(
      join(path, 'onnx/model.onnx'),
      'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n',
    );
    await expect(embedderFiles(path)).rejects.toThrow(/pointer of Git LFS/);
  });

  it('may keep its weights beside it', async () => {
    const path = await directory({}, [['external', 'onnx/model.onnx']]);
    await expect(embedderFiles(path)).rejects.toThrow(/external\.onnx_data is missing/);
    await cp(join(GOLDEN, 'small/external.onnx_data'), join(path, 'onnx/external.onnx_data'));
    const before = await embedderFiles(path);
    const [vector] = await (await readEmbedder(path)).embed(['cookie'], 'head');
    const edge = await startEdge({
      root: ROOT,
      state: join(scratch, 'state'),
      embedder: before,
      port: 0,
      apiKey: KEY,
      gatewayUrl: 'http://127.0.0.1:9',
      gatewaySecret: GATEWAY_SECRET,
      defaultCorpus: '',
    });
    try {
      const caller = edgeAt(new URL(edge.url));
      await caller.upload('own', [{ id: 'router', text: 'the router' }]);
      const answer = await caller.send('/v1/select', {
        body: { corpus: 'own', input: 'cookie', n: 1, strategy: 'nn' },
      });
      const { picks } = (await answer.json()) as { picks: { similarity: number }[] };
      const [router] = await (await readEmbedder(path)).embed(['the router'], 'head');
      expect(at(picks, 0).similarity).toBeCloseTo(dot(vector ?? [], router ?? []), 3);
    } finally {
      await edge.close();
    }
    await writeFile(join(path, 'onnx/external.onnx_data'), Buffer.alloc(80 * 8 * 4, 1));
    expect((await embedderFiles(path)).fingerprint).not.toBe(before.fingerprint);
  });
});

describe('the trial at start', () => {
  const trial = (model: string, changes: Readonly<Record<string, unknown>> = {}) =>
    directory(changes, [[model, 'onnx/model.onnx']]).then(triedEmbedder);

  it('takes a model that answers in half precision', async () => {
    expect((await trial('half')).notes).toEqual([]);
    const embedder = await readEmbedder(await directory({}, [['half', 'onnx/model.onnx']]));
    const [vector] = await embedder.embed(['the router'], 'head');
    expect(Math.hypot(...(vector ?? []))).toBeCloseTo(1, 5);
  });

  it('takes a model that asks for positions, and one that pools by itself', async () => {
    expect((await trial('positions')).notes).toEqual([]);
    const read = async () => trial('pooled', { 'sentence_bert_config.json': { max_seq_length: 32 } });
    // it takes the mean over padding too: its vectors depend on the other texts of a run
    const { config, notes } = await read();
    expect(config.one_at_a_time).toBe(true);
    expect(notes).toEqual([expect.stringMatching(/depend on the other texts of a run \(a cosine of 0\.\d{4}/)]);
  });

  it.each([
    ['zeros', {}, /zeros\b|vector of zeros for 'The router/],
    ['nan', {}, /a vector with NaN in it/],
    [
      'positions',
      { 'sentence_bert_config.json': { max_seq_length: 30 } },
      /a text of 30 tokens fails, one of 24 does not/,
    ],
    ['half', { '1_Pooling/config.json': { word_embedding_dimension: 16 } }, /×8, for 'mean' pooling .*×16 is needed/],
    [
      'half',
      { '1_Pooling/config.json': { word_embedding_dimension: 8 }, 'sift.json': { pooling: 'built-in' } },
      /no output 'sentence_embedding', but last_hidden_state/,
    ],
  ])('refuses %s in one sentence with the figure', async (model, changes, message) => {
    await expect(trial(model, changes)).rejects.toThrow(message);
  });

  it('says that a tokenizer is not computed here, by its file', async () => {
    const path = await directory();
    await writeFile(
      join(path, 'tokenizer.json'),
      JSON.stringify({ normalizer: null, pre_tokenizer: null, post_processor: null, model: { type: 'Magic' } }),
    );
    await expect(triedEmbedder(path)).rejects.toThrow(/tokenizer\.json: the model Magic/);
  });
});

describe('a prefix', () => {
  it('stands before a query and an example, and stays whole before the end of a long text', async () => {
    const prompts = { query: 'the router ', document: 'cookie ' };
    const plain = await readEmbedder(await directory({ 'sift.json': { prompts: {} } }, TOKENS));
    const prefixed = await readEmbedder(await directory({ 'sift.json': { prompts } }, TOKENS));
    expect(await prefixed.embed(['path'], 'tail')).toEqual(await plain.embed(['the router path'], 'tail'));
    expect(await prefixed.embed(['path'], 'head')).toEqual(await plain.embed(['cookie path'], 'head'));
    // 16 tokens: [CLS], two of the prefix, twelve of the text's end, [SEP]
    const words = ['path', ...Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? 'value' : 'server'))];
    expect(await prefixed.embed([words.join(' ')], 'tail')).toEqual(
      await plain.embed([`the router ${words.slice(-12).join(' ')}`], 'tail'),
    );
  });

  it('that leaves no room is refused', async () => {
    const path = await directory({ 'sift.json': { prompts: { query: 'router '.repeat(20) } } }, TOKENS);
    await expect(triedEmbedder(path)).rejects.toThrow(/has 20 tokens, the window room for 14/);
  });
});

describe('pooling', () => {
  const hidden = Float32Array.of(1, -4, 3, 2, -5, 6, 99, 99);
  it.each([
    ['cls', [1, -4]],
    ['lasttoken', [-5, 6]],
    ['max', [3, 6]],
    ['mean', [-1, 4]],
    ['mean_sqrt_len_tokens', [-1, 4]],
    ['weightedmean', [1 + 6 - 15, -4 + 4 + 18]],
  ] as const)('%s is over a text’s own tokens', (mode, want) => {
    expect([...pooled(hidden, 2, 3, mode)]).toEqual(want);
  });
});

describe('a Worker of Cloudflare’s', () => {
  it('takes a small model; of a large one the figure is said', async () => {
    const files = await embedderFiles(await directory());
    expect(await workerFit(files)).toBeUndefined();
    await writeFile(files.model, Buffer.alloc(26_000_000));
    expect(await workerFit(files)).toMatch(/model of 26 MB does not fit .* 128 MB/);
    await writeFile(files.model, randomBytes(8_000_000));
    expect(await workerFit(files)).toMatch(/upload is some \d+ MB compressed/);
  });
});
