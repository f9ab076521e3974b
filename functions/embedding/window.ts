// A text's window of tokens: what the model reads of it. An example is read from its beginning and a prompt from its end;
// what the tokenizer puts around a text ([CLS], [SEP]) and the prefix that the model was trained with stay whole.
import type { Encoder } from '../../tokenizer/encoder.ts';
import type { Keep } from './embedder.ts';

/** Characters of a token, on average: so much of a long text is encoded first, twice as much while that is too little. */
const CHARACTERS_PER_TOKEN = 4;
/** Text with more characters a token is almost all white space: its rest is not read. */
const MOST_CHARACTERS_PER_TOKEN = 64;
/** Tokens beyond the window at the cut, where part of a word may have been encoded: WordPiece has words of 100 characters. */
const SLACK = 128;

type Encoding = Pick<Encoder, 'before' | 'after' | 'encode'>;

interface Prefixes {
  readonly query?: string;
  readonly document?: string;
}

/** `onCut` is called when the window holds a part of the text only, with its own tokens there. */
export type Window = (text: string, keep: Keep, onCut?: (tokens: number) => void) => number[];

interface Encoded {
  readonly ids: number[];
  /** Whether these are the tokens of all of the text. */
  readonly whole: boolean;
}

/** Throws when a prefix leaves no room for a text. */
export const windowOf = (encoder: Encoding, maxTokens: number, prefixes: Prefixes = {}): Window => {
  const { before, after } = encoder;
  const room = maxTokens - before.length - after.length;

  /** The first or last tokens of a text, some more than `most`, or all of them. */
  const encode = (text: string, keep: Keep, most: number): Encoded => {
    for (let size = most * CHARACTERS_PER_TOKEN; ; size *= 2) {
      const part = keep === 'head' ? text.slice(0, size) : text.slice(-size);
      const whole = part.length === text.length;
      // not from the middle of a character on
      const ids = encoder.encode(whole || keep === 'head' ? part : part.replace(/^[\udc00-\udfff]/, ''));
      if (whole || ids.length >= most + SLACK || size >= most * MOST_CHARACTERS_PER_TOKEN) return { ids, whole };
    }
  };

  const within = ({ ids, whole }: Encoded, most: number): boolean => whole && ids.length <= most;

  const ends = (prefix: string): ((text: string) => Encoded) => {
    if (prefix === '') {
      return (text) => {
        const all = encode(text, 'tail', room);
        return { ids: all.ids.slice(-room), whole: within(all, room) };
      };
    }
    // a space at its end would be a token of its own before a text that begins within itself
    const ids = encoder.encode(prefix.trimEnd());
    const rest = room - ids.length;
    if (rest < 1) throw new Error(`its prefix '${prefix}' has ${ids.length} tokens, the window room for ${room}`);
    return (text) => {
      const all = encode(prefix + text, 'head', room);
      if (all.ids.length <= room) return all;
      return { ids: [...ids, ...encode(text, 'tail', rest).ids.slice(-rest)], whole: false };
    };
  };
  const begins =
    (prefix: string) =>
    (text: string): Encoded => {
      const all = encode(prefix + text, 'head', room);
      return { ids: all.ids.slice(0, room), whole: within(all, room) };
    };

  const [head, tail] = [begins(prefixes.document ?? ''), ends(prefixes.query ?? '')];
  return (text, keep, onCut) => {
    const { ids, whole } = keep === 'head' ? head(text) : tail(text);
    // of a text of white space nothing can be lost
    if (!whole && text.trim() !== '') onCut?.(ids.length);
    return [...before, ...ids, ...after];
  };
};
