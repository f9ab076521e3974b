// Byte-pair encoding, done by the library. What the library leaves out (suffixes and prefixes of subwords, dropout) is
// refused by name: none of the families' checkpoints needs them.
import { z } from 'zod';
import { MAX_REMEMBERED_PIECE, MAX_REMEMBERED_PIECES } from '../wire/limits.ts';
import { BPE } from './library.ts';
import { modelProblem, type Vocabulary, wordIds } from './vocabulary.ts';

const schema = z.object({
  type: z.literal('BPE').nullish(),
  vocab: wordIds,
  merges: z.union([z.array(z.string()), z.array(z.tuple([z.string(), z.string()]))]),
  dropout: z.number().nullish(),
  unk_token: z.string().nullish(),
  continuing_subword_prefix: z.string().nullish(),
  end_of_word_suffix: z.string().nullish(),
  fuse_unk: z.boolean().default(false),
  byte_fallback: z.boolean().default(false),
  ignore_merges: z.boolean().default(false),
});

/** Throws a sentence that names what is not known here. */
export const bytePairs = (config: unknown): Vocabulary => {
  const parsed = schema.safeParse(config);
  if (!parsed.success) throw modelProblem(parsed.error);
  const model = parsed.data;
  for (const [name, value] of [
    ['continuing_subword_prefix', model.continuing_subword_prefix],
    ['end_of_word_suffix', model.end_of_word_suffix],
    ['dropout', model.dropout],
  ] as const) {
    if (value) throw new Error(`the model BPE with ${name} ${JSON.stringify(value)} is not implemented here`);
  }
  const merges = model.merges.map((pair): [string, string] => {
    const [left, right] = typeof pair === 'string' ? pair.split(' ') : pair;
    if (left === undefined || right === undefined) throw new Error(`its merge '${pair}' is not a pair`);
    return [left, right];
  });
  const ids = model.vocab;
  const unknown = model.unk_token === null || model.unk_token === undefined ? undefined : ids.get(model.unk_token);
  const bpe = new BPE({
    type: 'BPE',
    vocab: Object.fromEntries(ids),
    merges,
    fuse_unk: model.fuse_unk,
    byte_fallback: model.byte_fallback,
    ignore_merges: model.ignore_merges,
    unk_token: unknown === undefined ? null : (model.unk_token ?? null),
  });
  const encode = (piece: string): number[] =>
    bpe._call([piece]).map((token) => {
      const id = ids.get(token);
      if (id === undefined) throw new Error(`the model gave '${token}', which is no token of its vocabulary`);
      return id;
    });
  // words come again and again: most pieces of a text are known after some thousand words
  const known = new Map<string, readonly number[]>();
  return {
    ids,
    encode(piece) {
      const before = known.get(piece);
      if (before !== undefined) return before;
      const made = encode(piece);
      if (piece.length > MAX_REMEMBERED_PIECE) return made;
      if (known.size >= MAX_REMEMBERED_PIECES) known.clear();
      known.set(piece, made);
      return made;
    },
    *producible() {
      const made = new Set(merges.map(([left, right]) => left + right));
      for (const [token, id] of ids) {
        const byte = model.byte_fallback && /^<0x[0-9A-F]{2}>$/.test(token);
        const single = Array.from(token).length === 1;
        if (model.ignore_merges || made.has(token) || byte || single || id === unknown) yield [token, id];
      }
    },
  };
};
