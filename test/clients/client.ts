// What every client is asked, and what it says came of it: JSON both ways, since some of them live in another process or in
// a browser. A client's own file (openai-sdk.ts, ai-sdk.ts, …) does it as that client's users would.

export interface Ask {
  /** `chat` and `complete` answer at once, `stream` and `streamText` in pieces. */
  readonly do: 'chat' | 'stream' | 'complete' | 'streamText' | 'embed' | 'models' | 'model';
  readonly model?: string;
  /** The user's message or the prompt; of embeddings the texts. */
  readonly input?: string | readonly string[];
  /** A message before it, as the system's. */
  readonly system?: string;
  /** Fields that are not OpenAI's go the way that the client has for them. */
  readonly sift?: object;
  /** Asks for progress as data. */
  readonly events?: boolean;
  readonly temperature?: number;
  readonly format?: 'base64';
  /** Another key than the first. */
  readonly key?: string;
  /** None unless given. */
  readonly maxRetries?: number;
  /** Stops reading a stream after so many pieces, in the client's own way. */
  readonly leaveAfter?: number;
}

export interface Told {
  readonly text?: string;
  /** Pieces of a stream that held text. */
  readonly pieces?: number;
  readonly tokens?: { readonly prompt: number | undefined; readonly completion: number | undefined };
  readonly vectors?: readonly (readonly number[])[];
  readonly models?: readonly string[];
  /** What the client passes on of the answer's own `sift`. */
  readonly sift?: unknown;
  readonly error?: Failure;
  /** Requests that went out. */
  readonly attempts: number;
}

export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly status: number | null;
  readonly code: string | null;
  readonly param: string | null;
}

export interface Server {
  readonly baseURL: string;
  readonly key: string;
}

/** Rejects never: what failed is told. */
export type Client = (ask: Ask, signal: AbortSignal) => Promise<Told>;

export interface RunningClient {
  readonly ask: Client;
  close(): Promise<void>;
}

/** A fetch that counts. */
export const counting = (): { fetch: typeof fetch; count(): number } => {
  let attempts = 0;
  return {
    fetch: (...request) => {
      attempts += 1;
      return fetch(...request);
    },
    count: () => attempts,
  };
};
