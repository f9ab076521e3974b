// Text to ids and back against tokenizers 0.22 and transformers 5, by component and by whole tokenizers
// (golden/make_tokenizers.py made the values), and what a tokenizer.json is refused for.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { decoder, tokenStream } from '../../gateway/backends/embedded/tokenizer/decode.ts';
import { createTokenizer } from '../../gateway/backends/embedded/tokenizer/index.ts';
import { normalizer } from '../../gateway/backends/embedded/tokenizer/normalize.ts';
import { preTokenizer } from '../../gateway/backends/embedded/tokenizer/split.ts';
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
