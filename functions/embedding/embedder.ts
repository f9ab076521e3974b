// How texts become vectors: unit length, always. Which way is chosen by the EMBEDDER variable (choose.ts).

/** What is kept of a text longer than the model reads: an example's beginning, a prompt's end. */
export type Keep = 'head' | 'tail';

/** Told of each text of which only a part is read, by its place; with the tokens that are read, where tokens are counted. */
export type OnCut = (index: number, tokens?: number) => void;

export interface EmbedOptions {
  readonly onCut?: OnCut;
  /** Nobody waits for these vectors: the work is cut small, and gives way to answers that are waited for. */
  readonly background?: boolean;
}

export interface Embedder {
  /** Recorded with every corpus: prompts are embedded by the embedder that made the corpus' vectors. */
  readonly name: string;
  readonly dimensions: number;
  /** Tokens that it reads of a text; absent where that is not known. */
  readonly window?: number;
  /** One unit vector for each text, in order. Throws FaultError (kind 'embedder' or 'not_configured'). */
  embed(texts: readonly string[], keep: Keep, options?: EmbedOptions): Promise<Float32Array<ArrayBuffer>[]>;
  /** Tokens that were read of each text of a list that it has just embedded; absent where nothing counts them. */
  tokensOf?(texts: readonly string[]): readonly number[] | undefined;
}
