// Tokens become text that is final. Held back until it is: a character still open at the end, and the longest end of the
// text that could still become a stop string. A stop string may name special tokens, which are no part of the text: it is
// looked for in the text with their content as well.
import type { TokenStream } from '../../../tokenizer/decode.ts';

export interface TextStream {
  /** The text that this token makes final; `stopped` once a stop string is complete (its text is not emitted). */
  push(token: number): { text: string; stopped: boolean };
  /** What was held back, when no token will follow. */
  end(): string;
}

/** Length of the longest end of `text` that is a proper beginning of one of `stops`. */
const pendingLength = (text: string, stops: readonly string[]): number => {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
};

/** Where the first of `stops` begins in a text; Infinity where none does. */
const firstStop = (text: string, stops: readonly string[]): number =>
  Math.min(...stops.map((stop) => text.indexOf(stop)).map((at) => (at < 0 ? Number.POSITIVE_INFINITY : at)));

/** Held text with the special tokens in it. */
interface Held {
  /** Everything, special tokens with their content. */
  raw: string;
  /** One character for each of `raw`: whether it is of a special token. */
  hidden: boolean[];
}
const visible = ({ raw, hidden }: Held): string =>
  raw
    .split('')
    .filter((_, i) => hidden[i] === false)
    .join('');
/** The number of visible characters before a place of `raw`. */
const visibleBefore = ({ hidden }: Held, at: number): number => hidden.slice(0, at).filter((is) => !is).length;
/** The place in `raw` of a visible character. */
const placeOf = ({ raw, hidden }: Held, character: number): number => {
  let seen = -1;
  const at = hidden.findIndex((is) => {
    if (!is) seen += 1;
    return seen === character;
  });
  return at < 0 ? raw.length : at;
};

export const textStream = (tokens: TokenStream, stops: readonly string[]): TextStream => {
  let held: Held = { raw: '', hidden: [] };

  const release = (text: string, special: string): { text: string; stopped: boolean } => {
    if (stops.length === 0) return { text, stopped: false };
    held.raw += text + special;
    for (let i = 0; i < text.length; i++) held.hidden.push(false);
    for (let i = 0; i < special.length; i++) held.hidden.push(true);
    const shown = visible(held);
    const inRaw = firstStop(held.raw, stops);
    const stop = Math.min(
      firstStop(shown, stops),
      inRaw === Number.POSITIVE_INFINITY ? inRaw : visibleBefore(held, inRaw),
    );
    if (stop !== Number.POSITIVE_INFINITY) {
      held = { raw: '', hidden: [] };
      return { text: shown.slice(0, stop), stopped: true };
    }
    const rawKept = held.raw.length - pendingLength(held.raw, stops);
    const cut = Math.min(shown.length - pendingLength(shown, stops), visibleBefore(held, rawKept));
    const from = Math.min(rawKept, placeOf(held, cut));
    held = { raw: held.raw.slice(from), hidden: held.hidden.slice(from) };
    return { text: shown.slice(0, cut), stopped: false };
  };

  return {
    push(token) {
      const { text, special } = tokens.push(token);
      return release(text, special);
    },
    end() {
      const { text, stopped } = release(tokens.end(), '');
      const rest = stopped ? text : text + visible(held);
      held = { raw: '', hidden: [] };
      return rest;
    },
  };
};
