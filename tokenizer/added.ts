// Added tokens: the words that are one token wherever they stand in a text, looked for before the model sees it, as
// tokenizers 0.22 does: the longest at the leftmost place, `single_word` only between characters of no word, `lstrip` and
// `rstrip` with the white space beside them. The library knows no single_word and trims where it should swallow.
import { spaceAfter, spaceBefore, wordAfter, wordBefore } from './characters.ts';
import type { Normalize } from './normalize.ts';

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Looked for in the text as the normalizer leaves it, not in the text as it came. */
  readonly normalized: boolean;
  readonly special: boolean;
}

/** A stretch of a text: an added token, or text that the model has to split. */
export type Section = { readonly id: number } | { readonly text: string; readonly first: boolean };

interface Node {
  readonly next: Map<string, Node>;
  token?: AddedToken;
}

const trieOf = (tokens: Iterable<readonly [content: string, token: AddedToken]>): Node => {
  const root: Node = { next: new Map() };
  for (const [content, token] of tokens) {
    let node = root;
    for (let i = 0; i < content.length; i++) {
      const unit = content.charAt(i);
      const child = node.next.get(unit) ?? { next: new Map() };
      node.next.set(unit, child);
      node = child;
    }
    if (node !== root) node.token ??= token;
  }
  return root;
};

const longestAt = (root: Node, text: string, from: number): { token: AddedToken; end: number } | undefined => {
  let found: { token: AddedToken; end: number } | undefined;
  let node: Node | undefined = root.next.get(text.charAt(from));
  for (let end = from + 1; node !== undefined; end++) {
    if (node.token !== undefined) found = { token: node.token, end };
    node = end < text.length ? node.next.get(text.charAt(end)) : undefined;
  }
  return found;
};

/** Cuts a text at the tokens of a trie; `first` says whether it begins where the whole text begins. */
const sections = (root: Node, text: string, first: boolean): Section[] => {
  if (root.next.size === 0) return text === '' ? [] : [{ text, first }];
  const out: Section[] = [];
  let done = 0;
  const upTo = (end: number): void => {
    if (end > done) out.push({ text: text.slice(done, end), first: first && done === 0 });
  };
  for (let at = 0; at < text.length; ) {
    const match = longestAt(root, text, at);
    if (match === undefined) {
      at += 1;
      continue;
    }
    const { token } = match;
    let [start, end] = [at, match.end];
    at = end; // the search goes on behind the match, whatever it swallows
    if (token.single_word && (wordBefore(text, start) || wordAfter(text, end))) continue;
    if (token.lstrip) start = Math.max(done, spaceBefore(text, start));
    if (token.rstrip) end = spaceAfter(text, end);
    upTo(start);
    out.push({ id: token.id });
    done = end;
  }
  upTo(text.length);
  return out;
};

/** Splits a text into added tokens and normalized text between them. */
export const addedTokens = (tokens: readonly AddedToken[], normalize: Normalize): ((text: string) => Section[]) => {
  const raw = trieOf(tokens.filter(({ normalized }) => !normalized).map((token) => [token.content, token]));
  const changed = trieOf(
    tokens.filter(({ normalized }) => normalized).map((token) => [normalize(token.content), token]),
  );
  return (text) =>
    sections(raw, text, true).flatMap((section) =>
      'id' in section ? [section] : sections(changed, normalize(section.text), section.first),
    );
};
