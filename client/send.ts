// One request, tried again where that is safe: the edge did not answer, or says that it is busy, and does not say that work
// may have begun (x-should-retry: false).
import { errorOf, reasonOf, SiftError } from './error.ts';

export interface ClientOptions {
  /** Of the edge, `https://sift.example.com`; one that ends in /v1, as OpenAI's clients take it, is the same. */
  readonly baseURL: string;
  readonly key: string;
  /** In place of the global one. */
  readonly fetch?: typeof fetch;
  /** Times that a request is tried again; default 2. */
  readonly retries?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** The same request under the same key is answered once; with it a lost answer may be asked for again. */
  readonly idempotencyKey?: string;
}

export interface Ask extends CallOptions {
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** False: a connection that broke may have begun work that a second request pays for again. */
  readonly repeatable?: boolean;
}

export type Send = (method: string, path: string, ask?: Ask) => Promise<Response>;

const BUSY = [429, 502, 503, 504];
const FIRST_WAIT_MS = 500;
/** A server that asks for more is asked again by whoever called. */
const LONGEST_WAIT_MS = 30_000;

const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });

/** A page of whatever else lives at that address; nothing of an edge that is asked here is one. */
const isForeign = ({ headers }: Response): boolean => headers.get('content-type')?.startsWith('text/html') === true;

export const sender = ({ baseURL, key, retries = 2, fetch: ask = fetch }: ClientOptions): Send => {
  const root = baseURL.replace(/\/+$/, '').replace(/\/v1$/, '');
  /** The answer, or why there is none and whether it may be asked for again. */
  const once = async (method: string, path: string, options: Ask): Promise<Response | [SiftError, boolean]> => {
    const { body, signal, idempotencyKey, repeatable = true } = options;
    const headers = {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      ...options.headers,
    };
    try {
      const response = await ask(root + path, { method, headers, body: body ?? null, signal: signal ?? null });
      // lines tell of themselves, also where all of them failed
      const hasLines = response.headers.get('content-type')?.startsWith('application/x-ndjson') === true;
      if (response.ok && isForeign(response)) {
        const message = `${root}${path} answers with a page, as no edge does: is that its address?`;
        return [new SiftError({ message, code: 'no_edge' }, response), false];
      }
      if (response.ok || response.status === 304 || hasLines) return response;
      const again = BUSY.includes(response.status) && response.headers.get('x-should-retry') !== 'false';
      return [await errorOf(response), again];
    } catch (error) {
      if (signal?.aborted === true) throw error;
      const message = `${root}${path} cannot be reached: ${reasonOf(error)}`;
      return [new SiftError({ message }, undefined, error), repeatable || idempotencyKey !== undefined];
    }
  };
  return async (method, path, options = {}) => {
    for (let tried = 0; ; tried++) {
      const answer = await once(method, path, options);
      if (answer instanceof Response) return answer;
      const [error, again] = answer;
      const wait = (error.retryAfterS ?? 0) * 1000 || FIRST_WAIT_MS * 2 ** tried * (0.5 + Math.random() / 2);
      if (!again || tried >= retries || wait > LONGEST_WAIT_MS) throw error;
      await pause(wait, options.signal);
    }
  };
};
