// A request that may come again, and what is remembered of it: types alone, so that env.ts can name the binding.

/** An answer as it is replayed. */
export interface KeptAnswer {
  readonly status: number;
  /** Name, value. */
  readonly headers: readonly (readonly string[])[];
  readonly body: Uint8Array;
}

export type Began =
  /** Nobody is at it: whoever holds the token may go on, and must say how it ended. */
  | { readonly state: 'mine'; readonly token: string }
  /** Another request came under this key. */
  | { readonly state: 'other' }
  | { readonly state: 'busy' }
  /** It was answered, with more than is kept. */
  | { readonly state: 'unkept' }
  | { readonly state: 'kept'; readonly answer: KeptAnswer };

/** One key of one caller. */
export interface IdempotencyMethods {
  begin(fingerprint: string): Promise<Began>;
  /** It was answered; null: with too much to keep. */
  keep(token: string, answer: KeptAnswer | null): Promise<void>;
  /** It did nothing that counts: the next request under the key is the first again. */
  release(token: string): Promise<void>;
}
