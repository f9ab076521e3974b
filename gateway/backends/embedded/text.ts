// Tokens become text that is final. Held back until it is: a UTF-8 sequence still open at the end (the decoder shows it
// as U+FFFD), and the longest end of the text that could still become a stop string.

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

export const textStream = (decode: (ids: number[]) => string, stops: readonly string[]): TextStream => {
  // a window of tokens is decoded again with each push: from `start`, of which the first `read` were emitted already,
  // so that a decoder which treats the first token of a text differently never shows it
  let ids: number[] = [];
  let read = 0;
  let held = '';

  const fresh = (): string => {
    const before = decode(ids.slice(0, read));
    const now = decode(ids);
    if (now.endsWith('\uFFFD')) return ''; // an open sequence, unless it never closes: end() tells
    const text = now.slice(before.length);
    ids = ids.slice(read);
    read = ids.length;
    return text;
  };

  const release = (text: string): { text: string; stopped: boolean } => {
    held += text;
    let first = -1;
    for (const stop of stops) {
      const at = held.indexOf(stop);
      if (at >= 0 && (first < 0 || at < first)) first = at;
    }
    if (first >= 0) {
      const out = held.slice(0, first);
      held = '';
      return { text: out, stopped: true };
    }
    const keep = pendingLength(held, stops);
    const out = held.slice(0, held.length - keep);
    held = held.slice(held.length - keep);
    return { text: out, stopped: false };
  };

  return {
    push(token) {
      ids.push(token);
      return release(fresh());
    },
    end() {
      const open = decode(ids).slice(decode(ids.slice(0, read)).length);
      const { text } = release(open);
      const rest = text + held;
      held = '';
      return rest;
    },
  };
};
