// How texts become vectors: unit length, always. Which way is chosen by the EMBEDDER variable (choose.ts).

/** What is kept of a text longer than the model reads: an example's beginning, a prompt's end. */
export type Keep = 'head' | 'tail';

export interface Embedder {
  /** Stands in every corpus it made vectors for: a corpus is asked only by the embedder that filled it. */
  readonly name: string;
  readonly dimensions: number;
  /** One unit vector for each text, in order. Throws FaultError (kind 'embedder' or 'not_configured'). */
  embed(texts: readonly string[], keep: Keep): Promise<Float32Array<ArrayBuffer>[]>;
}
