// Text to ids and back against tokenizers 0.22 and transformers 5, by component and by whole tokenizers
// (golden/make_tokenizers.py made the values), and what a tokenizer.json is refused for.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { decoder, tokenStream } from '../../tokenizer/decode.ts';
import { createTokenizer } from '../../tokenizer/index.ts';
import { normalizer } from '../../tokenizer/normalize.ts';
import { preTokenizer } from '../../tokenizer/split.ts';
import { at } from '../../wire/list.ts';

const ids = z.array(z.array(z.int()));
const parsed = z
  .object({
    texts: z.array(z.string()),
    lists: z.array(z.array(z.string())),
    normalizers: z.array(z.object({ config: z.unknown(), out: z.array(z.string()) })),
    pre_tokenizers: z.array(z.object({ config: z.unknown(), out: z.array(z.array(z.string())) })),
    decoders: z.array(z.object({ config: z.unknown(), out: z.array(z.string().nullable()) })),
    models: z.record(z.string(), z.looseObject({ vocab: z.record(z.string(), z.int()) })),
    whole: z.record(
      z.string(),
      z.object({
        model: z.string(),
        parts: z.looseObject({ added_tokens: z.array(z.looseObject({ content: z.string(), id: z.int() })) }),
        config: z.looseObject({}),
        ids,
        decoded: z.array(z.string()),
        drawn: ids,
        drawn_text: z.array(z.string()),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL('golden/tokenizers/golden.json', import.meta.url), 'utf8')));
const { texts, lists, models, whole } = parsed;
const names = (list: readonly { config: unknown; out: unknown }[]) =>
  list.map(({ config, out }) => [JSON.stringify(config).slice(0, 160), config, out] as const);

describe('the normalizer', () => {
  it.each(names(parsed.normalizers))('%s changes a text as tokenizers does', (_, config, out) => {
    const normalize = normalizer(config);
    expect(texts.map(normalize)).toEqual(out);
  });
});

describe('the pre-tokenizer', () => {
  it.each(names(parsed.pre_tokenizers))('%s splits a text as tokenizers does', (_, config, out) => {
    const split = preTokenizer(config);
    const pieces = texts.map((text) => (text === '' ? [] : split({ text, first: true }).map((piece) => piece.text)));
    expect(pieces).toEqual(out);
  });
});

describe('the decoder', () => {
  it.each(names(parsed.decoders))('%s joins tokens as tokenizers does', (_, config, out) => {
    const made = decoder(config);
    const joined = lists.map((tokens) => {
      const stream = tokenStream(made, (id) => ({ content: at(tokens, id), special: false }), []);
      return tokens.map((_token, id) => stream.push(id).text).join('') + stream.end();
    });
    // null: a run of byte tokens that is partly whole and partly broken, which a stream cannot take back
    expect(joined.map((text, i) => ((out as unknown[])[i] === null ? null : text))).toEqual(out);
  });
});

describe.each(Object.entries(whole))('a tokenizer in the shape of %s', (_, golden) => {
  const json = { ...golden.parts, model: models[golden.model] };
  const tokenizer = createTokenizer(json, golden.config, 100_000);

  it('gives the ids of transformers, with what the template puts around', () => {
    const own = texts.map((text) => [...tokenizer.before, ...tokenizer.encode(text), ...tokenizer.after]);
    expect(own).toEqual(golden.ids);
  });

  it('gives the text of transformers, special tokens left out', () => {
    expect(golden.ids.map((list) => tokenizer.decode(list))).toEqual(golden.decoded);
    expect(golden.drawn.map((list) => tokenizer.decode(list))).toEqual(golden.drawn_text);
  });
});

describe('a tokenizer.json', () => {
  const chat = JSON.parse(readFileSync(new URL('golden/chat/tokenizer.json', import.meta.url), 'utf8'));
  const rows = 320;
  const make = (change: object, config: object = {}) => createTokenizer({ ...chat, ...change }, config, rows);
  const token = (id: number, content: string, flags: object = {}) => ({
    ...chat.added_tokens[0],
    id,
    content,
    ...flags,
  });
  const added = (...tokens: object[]) => ({ added_tokens: [...chat.added_tokens, ...tokens] });
  const pieces = (...types: string[]) => ({ type: 'Sequence', pretokenizers: types.map((type) => ({ type })) });

  it.each([
    ['a normalizer', { normalizer: { type: 'ByteLevel' } }, 'the normalizer ByteLevel'],
    [
      'a normalizer in a sequence',
      { normalizer: { type: 'Sequence', normalizers: [{ type: 'Magic' }] } },
      'the normalizer Magic',
    ],
    ['a pre-tokenizer', { pre_tokenizer: { type: 'UnicodeScripts' } }, 'the pre-tokenizer UnicodeScripts'],
    ['a pre-tokenizer in a sequence', { pre_tokenizer: pieces('Whitespace', 'Magic') }, 'the pre-tokenizer Magic'],
    ['a decoder', { decoder: { type: 'CTC' } }, 'the decoder CTC'],
    [
      'a decoder in a sequence',
      { decoder: { type: 'Sequence', decoders: [{ type: 'WordPiece' }] } },
      'the decoder WordPiece',
    ],
    ['a post-processor', { post_processor: { type: 'Other' } }, 'the post-processor Other'],
    ['a model', { model: { type: 'Magic', vocab: { a: 0 } } }, 'the model Magic'],
    [
      'suffixes',
      { model: { ...chat.model, end_of_word_suffix: '</w>' } },
      'the model BPE with end_of_word_suffix "</w>"',
    ],
    [
      'prefixes',
      { model: { ...chat.model, continuing_subword_prefix: '##' } },
      'the model BPE with continuing_subword_prefix "##"',
    ],
    ['dropout', { model: { ...chat.model, dropout: 0.1 } }, 'the model BPE with dropout 0.1'],
    [
      'a pattern',
      { normalizer: { type: 'Replace', pattern: { Regex: '(?i)a' }, content: '' } },
      "the pattern's part (?i)",
    ],
  ])('is refused for %s that is not implemented, by its name', (_, change, what) => {
    expect(() => make(change)).toThrow(`${what} is not implemented here`);
  });

  it('is refused for a pattern that JavaScript cannot take, and for a component without a type', () => {
    expect(() => make({ pre_tokenizer: { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated' } })).toThrow();
    expect(() => make({ normalizer: { kind: 'NFC' } })).toThrow('its normalizer has no type');
    expect(() => make({ pre_tokenizer: { type: 'Split', pattern: { Regex: 'a' }, behavior: 'Whatever' } })).toThrow(
      /^the pre-tokenizer Split: behavior: /,
    );
  });

  it.each([
    [
      'the first id without an embedding',
      token(320, '<tool>'),
      "the token '<tool>' has id 320, but the model has only 320 embeddings",
    ],
    ['an id far away', token(1_000_000, '<tool>'), "the token '<tool>' has id 1000000"],
  ])('is refused for %s', (_, tool, message) => {
    expect(() => make(added(tool))).toThrow(message);
  });

  it('is refused when tokenizer_config.json or a template name a token without an embedding', () => {
    const many = Array.from({ length: 31 }, (_, i) => `<extra ${i}>`);
    expect(() => make({}, { additional_special_tokens: many })).toThrow("the token '<extra 30>' has id 320");
    expect(make({}, { additional_special_tokens: many.slice(1) }).encode('<extra 30>')).toEqual([319]);
    const cls = { type: 'BertProcessing', cls: ['a', 320], sep: ['b', 1] };
    expect(() => make({ post_processor: cls })).toThrow('a token of its template has id 320');
  });

  it('is refused when merges make a token without an embedding, but may list one that nothing makes', () => {
    const model = (vocab: object, merges: object[] = []) => ({
      model: { ...chat.model, vocab: { ...chat.model.vocab, ...vocab }, merges: [...chat.model.merges, ...merges] },
    });
    expect(() => make(model({ zq: 330 }, [['z', 'q']]))).toThrow("the token 'zq' has id 330");
    expect(() => make(model({ 漢: 330 }))).toThrow("the token '漢' has id 330");
    expect(make(model({ zq: 330 })).encode('zq')).toHaveLength(2);
    const ignoring = model({ zq: 330 });
    expect(() => make({ model: { ...ignoring.model, ignore_merges: true } })).toThrow("the token 'zq' has id 330");
  });

  it('may have fewer tokens than the model has embeddings, whose ids are no text', () => {
    const tokenizer = make({});
    const ids = tokenizer.encode('hi');
    expect(tokenizer.decode([...ids, 319, 300, ...ids])).toBe('hihi');
  });

  it('gives an added token the id that tokenizers gives it, whatever the file says', () => {
    expect(make(added(token(300, '<tool>'))).encode('<tool>')).toEqual([290]);
  });

  it('takes time in proportion to a text of white space, of marks, or of added tokens', () => {
    const tokenizer = createTokenizer(
      {
        ...chat,
        normalizer: { type: 'Strip', strip_left: true, strip_right: true },
        ...added(token(290, '<w>', { single_word: true, lstrip: true, rstrip: true, special: false })),
      },
      {},
      rows,
    );
    const kinds = [' ', '\n', '<w>', '<w> ', ' <w>', 'a<w>', '\u0301', '\ufffd', "'", '!'];
    for (const unit of kinds) {
      const text = `x${unit.repeat(200_000 / unit.length)}x`;
      const started = performance.now();
      tokenizer.encode(text);
      // a generous bound: what is quadratic takes minutes here
      expect(performance.now() - started, JSON.stringify(unit)).toBeLessThan(15_000);
    }
  });
});
