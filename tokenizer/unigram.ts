// Unigram: of all ways to cut a piece into tokens the one with the largest sum of scores, found from left to right as
// tokenizers 0.22 does (float64, the earlier way wins a tie). A character that is no token by itself may be the unknown
// token, at 10 below the lowest score; neighbours of that kind are one unknown together, or their bytes.
// Tokens are sorted once and narrowed by halves: a trie of 250,000 tokens would take some 100 MB.
import { z } from 'zod';
import { at } from '../wire/list.ts';
import { utf8Bytes } from './bytes.ts';
import { modelProblem, type Vocabulary } from './vocabulary.ts';

const UNKNOWN_PENALTY = 10;

const schema = z.object({
  vocab: z.custom<[string, number][]>(
    (list) =>
      Array.isArray(list) &&
      list.every((entry) => Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number'),
    'is not a list of tokens and scores',
  ),
  unk_id: z.int().min(0),
  byte_fallback: z.boolean().default(false),
});

interface Sorted {
  readonly tokens: readonly string[];
  readonly ids: readonly number[];
  /** Where the tokens that begin with a code unit lie. */
  readonly from: ReadonlyMap<number, readonly [from: number, to: number]>;
}

const sorted = (ids: ReadonlyMap<string, number>): Sorted => {
  const entries = Array.from(ids).filter(([token]) => token !== '');
  entries.sort(([a], [b]) => (a < b ? -1 : 1)); // by code units, as charCodeAt compares below
  const from = new Map<number, [number, number]>();
  for (const [i, [token]] of entries.entries()) {
    const range = from.get(token.charCodeAt(0));
    if (range === undefined) from.set(token.charCodeAt(0), [i, i + 1]);
    else range[1] = i + 1;
  }
  return { tokens: entries.map(([token]) => token), ids: entries.map(([, id]) => id), from };
};

/** The first of `from` to `to` whose unit at `depth` is `least` or more; a token that ends there has none. */
const firstAtLeast = (tokens: readonly string[], from: number, to: number, depth: number, least: number): number => {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const token = at(tokens, middle);
    if (token.length > depth && token.charCodeAt(depth) >= least) high = middle;
    else low = middle + 1;
  }
  return low;
};

/** Calls back with every token that the text holds at `start`, the shortest first. */
const eachTokenAt = (
  { tokens, ids, from }: Sorted,
  text: string,
  start: number,
  found: (end: number, id: number) => void,
) => {
  let [low, high] = from.get(text.charCodeAt(start)) ?? [0, 0];
  for (let depth = 1; low < high; depth++) {
    if (at(tokens, low).length === depth) {
      found(start + depth, at(ids, low));
      low += 1;
    }
    if (start + depth >= text.length) return;
    const unit = text.charCodeAt(start + depth);
    low = firstAtLeast(tokens, low, high, depth, unit);
    high = firstAtLeast(tokens, low, high, depth, unit + 1);
  }
};

/** Throws a sentence that names what is wrong. */
export const unigram = (config: unknown): Vocabulary => {
  const parsed = schema.safeParse(config);
  if (!parsed.success) throw modelProblem(parsed.error);
  const { vocab, unk_id: unknown, byte_fallback } = parsed.data;
  if (unknown >= vocab.length) throw new Error(`its unk_id ${unknown} is outside its vocabulary of ${vocab.length}`);
  const ids = new Map(vocab.map(([token], id) => [token, id] as const));
  const scores = Float64Array.from(vocab, ([, score]) => score);
  const penalty = scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY;
  const tokens = sorted(ids);

  /** Ids of a stretch without a token of its own. */
  const outside = (text: string): number[] => {
    const bytes = Array.from(utf8Bytes(text), (byte) =>
      ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
    );
    const known = bytes.filter((id) => id !== undefined);
    return byte_fallback && known.length === bytes.length ? known : [unknown];
  };

  return {
    ids,
    encode(piece) {
      const length = piece.length;
      const score = new Float64Array(length + 1);
      const start = new Int32Array(length + 1).fill(-1);
      const token = new Int32Array(length + 1);
      const offer = (from: number, to: number, id: number, sum: number): void => {
        if ((start[to] ?? 0) >= 0 && sum <= (score[to] ?? 0)) return;
        score[to] = sum;
        start[to] = from;
        token[to] = id;
      };
      for (let from = 0; from < length; ) {
        const next = from + ((piece.codePointAt(from) ?? 0) > 0xffff ? 2 : 1);
        const here = score[from] ?? 0;
        let single = false;
        eachTokenAt(tokens, piece, from, (end, id) => {
          offer(from, end, id, (scores[id] ?? 0) + here);
          if (end === next) single = true;
        });
        if (!single) offer(from, next, unknown, penalty + here);
        from = next;
      }
      const out: number[][] = [];
      for (let end = length; end > 0; ) {
        const last = end;
        // a run of unknown characters is one
        do end = at(start, end);
        while (token[last] === unknown && end > 0 && token[end] === unknown);
        const text = piece.slice(end, last);
        const id = ids.get(text);
        out.push(id === undefined ? outside(text) : [id]);
      }
      return out.reverse().flat();
    },
    producible: () => ids,
  };
};
