// Decoders of tokenizer.json, as a stream: each token gives bytes, and bytes give text once it is final. So a text can be
// continued from where a prompt ended, whose first token alone loses its space (SentencePiece), and nothing is decoded
// twice. Special tokens are left out of the text and told beside it, for stop strings that name them.
//
// One difference to tokenizers is meant: its ByteFallback turns a whole run of byte tokens to U+FFFD when any of it is
// broken, also what was whole before. A stream has sent that by then, and keeps it.
import { z } from 'zod';
import { byteAlphabet, utf8Bytes, utf8Stream } from './bytes.ts';
import { expression, pattern } from './characters.ts';
import { unknownComponent } from './normalize.ts';

export interface TokenStream {
  /** What the token makes final: text, and the content of a special token, which is no part of the text. */
  push(id: number): { readonly text: string; readonly special: string };
  /** What was held of an open character, when no token will follow. */
  end(): string;
}

/** How a decoder turns a token into bytes, and what happens to the text as a whole. */
export interface Decoder {
  bytes(token: string, first: boolean): Uint8Array;
  /** Byte tokens of SentencePiece: a broken sequence is a U+FFFD for each byte. */
  readonly eachByte: boolean;
  /** Up to `count` of this character are cut off the beginning of the text. */
  readonly strip: { readonly character: string; readonly count: number };
}

const configs = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ByteLevel') }),
  z.object({ type: z.literal('ByteFallback') }),
  z.object({ type: z.literal('Fuse') }),
  z.object({ type: z.literal('Replace'), pattern, content: z.string() }),
  z.object({
    type: z.literal('Metaspace'),
    replacement: z.string().default('▁'),
    prepend_scheme: z.enum(['always', 'first', 'never']).default('always'),
    add_prefix_space: z.boolean().nullish(),
  }),
  z.object({ type: z.literal('Strip'), content: z.string(), start: z.int().min(0), stop: z.int().min(0) }),
  z.object({ type: z.literal('Sequence'), decoders: z.array(z.unknown()) }),
]);
type Config = Exclude<z.output<typeof configs>, { type: 'Sequence' }>;

const flat = (config: unknown): Config[] => {
  const parsed = configs.safeParse(config);
  if (!parsed.success) throw new Error(unknownComponent('decoder', config, parsed.error));
  return parsed.data.type === 'Sequence' ? parsed.data.decoders.flatMap(flat) : [parsed.data];
};

type OnToken = (token: string, first: boolean) => string;

const onToken = (config: Extract<Config, { type: 'Replace' | 'Metaspace' | 'Strip' }>): OnToken => {
  switch (config.type) {
    case 'Replace': {
      const found = expression(config.pattern);
      return (token) => token.replace(found, () => config.content);
    }
    case 'Metaspace': {
      const { replacement, prepend_scheme, add_prefix_space } = config;
      const prefixed = prepend_scheme !== 'never' && add_prefix_space !== false;
      return (token, first) => token.replaceAll(replacement, first && prefixed ? '' : ' ');
    }
    case 'Strip': {
      const { content, start, stop } = config;
      return (token) => {
        const characters = Array.from(token);
        let from = 0;
        while (from < start && characters[from] === content) from++;
        let to = characters.length;
        while (characters.length - to < stop && to > from && characters[to - 1] === content) to--;
        return characters.slice(from, to).join('');
      };
    }
  }
};

const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/;
const NO_STRIP = { character: '', count: 0 };

/** The decoder that a tokenizer.json describes; throws a sentence that names what is not known here. */
export const decoder = (config: unknown): Decoder => {
  if (config === null || config === undefined) {
    return { bytes: (token, first) => utf8Bytes(first ? token : ` ${token}`), eachByte: false, strip: NO_STRIP };
  }
  const tokens: OnToken[] = [];
  let toBytes: (token: string) => Uint8Array = utf8Bytes;
  let eachByte = false;
  let whole = false; // from here on the steps see the whole text
  let strip = NO_STRIP;
  for (const step of flat(config)) {
    if (whole && !(step.type === 'Fuse' || (step.type === 'Strip' && step.stop === 0 && strip.count === 0))) {
      throw new Error(`the decoder ${step.type} after the tokens are joined is not implemented here`);
    }
    if (step.type === 'Fuse') whole = true;
    else if (step.type === 'Strip' && whole) strip = { character: step.content, count: step.start };
    else if (step.type === 'ByteLevel') {
      if (eachByte) throw new Error('the decoder ByteLevel after ByteFallback is not implemented here');
      toBytes = (token) => byteAlphabet.decode(token) ?? utf8Bytes(token);
      whole = true;
    } else if (step.type === 'ByteFallback') {
      eachByte = true;
      toBytes = (token) => {
        const byte = BYTE_TOKEN.exec(token)?.[1];
        return byte === undefined ? utf8Bytes(token) : Uint8Array.of(Number.parseInt(byte, 16));
      };
    } else {
      if (eachByte) throw new Error(`the decoder ${step.type} after ByteFallback is not implemented here`);
      tokens.push(onToken(step));
    }
  }
  return {
    bytes: (token, first) => toBytes(tokens.reduce((text, change) => change(text, first), token)),
    eachByte,
    strip,
  };
};

/** Tokens as they come, after those of `context`, whose text is not given again. */
export const tokenStream = (
  { bytes, eachByte, strip }: Decoder,
  token: (id: number) => { readonly content: string; readonly special: boolean } | undefined,
  context: readonly number[],
): TokenStream => {
  const utf8 = utf8Stream(eachByte);
  let first = true;
  let toStrip = strip.count;
  const cut = (text: string): string => {
    let from = 0;
    while (toStrip > 0 && from < text.length && text.startsWith(strip.character, from)) {
      from += strip.character.length;
      toStrip -= 1;
    }
    if (from < text.length) toStrip = 0; // the text has begun
    return text.slice(from);
  };
  const stream: TokenStream = {
    push(id) {
      const known = token(id);
      if (known === undefined) return { text: '', special: '' }; // a row of the embeddings that has no token
      if (known.special) return { text: '', special: known.content };
      const text = cut(utf8.push(bytes(known.content, first)));
      first = false;
      return { text, special: '' };
    },
    end: () => cut(utf8.end()),
  };
  for (const id of context) stream.push(id);
  return stream;
};
