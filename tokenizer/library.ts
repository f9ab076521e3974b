// The two pieces of @huggingface/tokenizers that are used: byte-pair encoding, and Oniguruma's expressions translated to
// JavaScript's. Its declarations do not resolve under NodeNext (relative imports without an extension), so these are ours.
import * as library from '@huggingface/tokenizers';

interface Pieces {
  /** Tokens of pieces of text. */
  readonly BPE: new (config: {
    readonly type: 'BPE';
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (readonly [string, string])[];
    readonly unk_token: string | null;
    readonly fuse_unk: boolean;
    readonly byte_fallback: boolean;
    readonly ignore_merges: boolean;
  }) => { _call(pieces: readonly string[]): string[] };
  readonly ReplaceNormalizer: new (config: {
    readonly type: 'Replace';
    readonly pattern: { readonly String: string } | { readonly Regex: string };
    readonly content: string;
  }) => { readonly pattern: RegExp | null };
}

export const { BPE, ReplaceNormalizer } = library as unknown as Pieces;
