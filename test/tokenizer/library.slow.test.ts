// Text to ids against the tokenizers library, for what embedders use: WordPiece, Unigram and WordLevel with their
// normalizers, on hostile texts and over every code point (training/tokenizer_goldens.py made the values).

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createEncoder } from '../../tokenizer/encoder.ts';
import { normalizer } from '../../tokenizer/normalize.ts';
import { preTokenizer } from '../../tokenizer/split.ts';
import { MAX_REMEMBERED_PIECES } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';

const read = (name: string): unknown =>
  JSON.parse(gunzipSync(readFileSync(new URL(`golden/${name}.json.gz`, import.meta.url))).toString('utf8'));
const components = z
  .object({
    texts: z.array(z.string()),
    nmt_nfkc: z.string(),
    normalizers: z.array(z.object({ config: z.unknown(), out: z.array(z.string()), points: z.string() })),
    pre_tokenizers: z.array(z.object({ config: z.unknown(), out: z.array(z.array(z.string())), points: z.string() })),
  })
  .parse(read('components'));
const { made_with: _, ...tokenizers } = z
  .looseObject({ made_with: z.string() })
  .catchall(z.object({ parts: z.looseObject({ normalizer: z.unknown() }), ids: z.array(z.array(z.int())) }))
  .parse(read('whole'));
const { texts } = components;

const BLOCK = 0x4000;
/** Planes with characters: 4 to 13 have none, 15 and 16 are for private use. */
const ASSIGNED = (_block: string, i: number): boolean => i < 16 || (i >= 56 && i < 60) || i === 67;
/** A hash for each 16,384 code points, every one between x and y. */
const hashes = (change: (text: string) => string): string[] => {
  const all: string[] = [];
  const blocks = Array.from({ length: 0x110000 / BLOCK }, (_, i) => String(i * BLOCK)).filter(ASSIGNED);
  for (const block of blocks.map(Number)) {
    const points = Array.from({ length: BLOCK }, (_, i) => block + i).filter((c) => c < 0xd800 || c > 0xdfff);
    const text = points.map((c) => `x${String.fromCodePoint(c)}y`).join(' ');
    all.push(text === '' ? '' : createHash('sha256').update(change(text)).digest('hex').slice(0, 8));
  }
  return all;
};

/** SentencePiece's map is in the file once. */
const configOf = (config: unknown): unknown =>
  config === 'nmt_nfkc' ? { type: 'Precompiled', precompiled_charsmap: components.nmt_nfkc } : config;
const named = <T extends { config: unknown }>(list: readonly T[]) =>
  list.map((one) => [JSON.stringify(one.config).slice(0, 140), one] as const);

describe.each(named(components.normalizers))('the normalizer %s', (_name, { config, out, points }) => {
  const normalize = normalizer(configOf(config));
  it('changes texts as tokenizers does', () => expect(texts.map(normalize)).toEqual(out));
  it('changes every character as tokenizers does', () =>
    expect(hashes(normalize)).toEqual(points.split(' ').filter(ASSIGNED)));
});

describe.each(named(components.pre_tokenizers))('the pre-tokenizer %s', (_name, { config, out, points }) => {
  const split = preTokenizer(config);
  const pieces = (text: string) => (text === '' ? [] : split({ text, first: true }).map((piece) => piece.text));
  it('splits texts as tokenizers does', () => expect(texts.map(pieces)).toEqual(out));
  it('splits at every character as tokenizers does', () => {
    expect(hashes((text) => pieces(text).join('\n'))).toEqual(points.split(' ').filter(ASSIGNED));
  });
});

describe.each(Object.entries(tokenizers))('a tokenizer in the shape of %s', (_name, { parts, ids }) => {
  const encoder = createEncoder({ ...parts, normalizer: configOf(parts.normalizer) }, {});
  it('gives the ids of tokenizers', () => {
    const own = texts.map((text) => [...encoder.before, ...encoder.encode(text), ...encoder.after]);
    for (const [i, text] of texts.entries()) expect(own[i], JSON.stringify(text)).toEqual(at(ids, i));
  });
});

describe('a lone surrogate', () => {
  it('counts as U+FFFD, which is what a text with it is on the wire', () => {
    const { parts } = z.object({ parts: z.looseObject({}) }).parse(tokenizers.bert_cased);
    const encoder = createEncoder(parts, {});
    expect(encoder.encode('the\ud800 router\udc00')).toEqual(encoder.encode('the\ufffd router\ufffd'));
    const { parts: pieces } = z.object({ parts: z.looseObject({}) }).parse(tokenizers.ties);
    const unigram = createEncoder(pieces, {});
    expect(unigram.encode('a\ud83d')).toEqual(unigram.encode('a\ufffd'));
  });
});

describe('tokenizer_config.json', () => {
  it('decides whether BERT lowers case and strips accents, as in transformers', () => {
    const { parts } = z.object({ parts: z.looseObject({}) }).parse(tokenizers.bert);
    const lower = createEncoder(parts, {});
    const cased = createEncoder(parts, { do_lower_case: false, strip_accents: false });
    expect(lower.encode('The Router')).toEqual(lower.encode('the router'));
    expect(cased.encode('The Router')).not.toEqual(lower.encode('the router'));
    expect(createEncoder(parts, { do_lower_case: true }).encode('The')).toEqual(lower.encode('the'));
  });
});

describe('a tokenizer.json is refused by name', () => {
  const bert = z.object({ parts: z.looseObject({ model: z.looseObject({}) }) }).parse(tokenizers.bert).parts;
  const xlmr = z.object({ parts: z.looseObject({ model: z.looseObject({}) }) }).parse(tokenizers.xlm_r).parts;
  it.each([
    ['WordPiece without its unknown token', { model: { ...bert.model, unk_token: '<none>' } }, /'<none>'.*vocabulary/],
    ['Unigram without an unknown token', { model: { ...xlmr.model, unk_id: null } }, /unk_id/],
    ['Unigram with an unknown token outside', { model: { ...xlmr.model, unk_id: 1e6 } }, /unk_id 1000000/],
    [
      'a map that is cut off',
      { normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAEAAA==' } },
      /precompiled/i,
    ],
    ['a map that is none', { normalizer: { type: 'Precompiled', precompiled_charsmap: '!' } }, /precompiled/i],
    ['UnicodeScripts', { pre_tokenizer: { type: 'UnicodeScripts' } }, /pre-tokenizer UnicodeScripts/],
    ['another model', { model: { type: 'Magic', vocab: {} } }, /model Magic/],
  ])('%s', (_name, change, message) => {
    expect(() => createEncoder({ ...bert, ...change }, {})).toThrow(message);
  });
});

describe('pieces that are remembered', () => {
  it('have the ids that they have alone, also after more pieces than are kept', () => {
    const parts = JSON.parse(readFileSync(new URL('../../models/base/tokenizer.json', import.meta.url), 'utf8'));
    const used = createEncoder(parts, {});
    const words = Array.from({ length: MAX_REMEMBERED_PIECES + 500 }, (_, i) =>
      ` word${i.toString(36)}é`.slice(0, 4 + (i % 9)),
    );
    const first = words.map((word) => used.encode(word));
    expect(words.map((word) => used.encode(word))).toEqual(first);
    const fresh = createEncoder(parts, {});
    expect(words.toReversed().map((word) => fresh.encode(word))).toEqual(first.toReversed());
    expect(used.encode('x'.repeat(500))).toEqual(fresh.encode('x'.repeat(500)));
  });
});
