// A language model's tokenizer: text to ids and back, exactly as transformers 5 and tokenizers 0.22 do it. Checked at load
// against the model's embeddings.
import { z } from 'zod';
import { utf8Bytes } from './bytes.ts';
import { decoder, type TokenStream, tokenStream } from './decode.ts';
import { createEncoder } from './encoder.ts';

export interface Tokenizer {
  /** What the template puts before and after a text. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Tokens that are no part of a text, such as those around a message. */
  readonly specials: readonly { readonly id: number; readonly content: string }[];
  /** Ids of a text without its template; `restore` is for what stands between added tokens, once these were found. */
  encode(text: string, restore?: (text: string) => string): number[];
  /** Ids as text, special tokens left out. */
  decode(ids: readonly number[]): string;
  /** The text of further ids after those of `context`, as they come. */
  stream(context: readonly number[]): TokenStream;
  /** UTF-8 bytes that an id stands for, a special token with its content; `first`: where a text begins with it. */
  bytesOf(id: number, first: boolean): Uint8Array;
  /** How many these are for each id of a text: where in it a token lies. */
  byteLengths(ids: readonly number[]): number[];
}

/** What the encoder does not read, or has already checked. */
const rest = z.looseObject({
  decoder: z.unknown(),
  added_tokens: z.array(z.object({ content: z.string(), id: z.int() })).default([]),
});

/** Throws a sentence on what is not computed here as transformers computes it, or does not fit `rows` embeddings. */
export const createTokenizer = (json: unknown, configJson: unknown, rows: number): Tokenizer => {
  const { before, after, encode, model, added } = createEncoder(json, configJson);
  const file = rest.parse(json);
  const decode = decoder(file.decoder);

  const outside = (what: string, id: number): never => {
    throw new Error(`${what} has id ${id}, but the model has only ${rows} embeddings`);
  };
  for (const { content, id } of [...file.added_tokens, ...added]) {
    if (id >= rows && content !== '') outside(`the token '${content}'`, id);
  }
  for (const [token, id] of model.producible()) if (id >= rows) outside(`the token '${token}'`, id);
  for (const id of [...before, ...after]) if (id >= rows) outside('a token of its template', id);

  const byId = new Map<number, { content: string; special: boolean }>();
  for (const [content, id] of model.ids) byId.set(id, { content, special: false });
  for (const { content, id, special } of added) byId.set(id, { content, special });
  const stream = (context: readonly number[]): TokenStream => tokenStream(decode, (id) => byId.get(id), context);

  const bytesOf = (id: number, first: boolean): Uint8Array => {
    const token = byId.get(id);
    if (token === undefined) return new Uint8Array();
    return token.special ? utf8Bytes(token.content) : decode.bytes(token.content, first);
  };

  return {
    before,
    after,
    specials: added.filter(({ special }) => special),
    encode,
    decode(ids) {
      const tokens = stream([]);
      let text = '';
      for (const id of ids) text += tokens.push(id).text;
      return text + tokens.end();
    },
    stream,
    bytesOf,
    byteLengths: (ids) => ids.map((id, i) => bytesOf(id, i === 0).length),
  };
};
