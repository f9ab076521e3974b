// Cloudflare's API, one request at a time: tried again where it is busy, away, or did not answer. What makes something is
// safe to send twice, since every name here can be taken once only (`madeOrFound`). The token is sent and never shown.
import {
  CLOUDFLARE_ANSWER_MS,
  CLOUDFLARE_FIRST_WAIT_MS,
  CLOUDFLARE_LONGEST_WAIT_MS,
  CLOUDFLARE_TRIES,
} from '../../wire/limits.ts';
import { messageOf } from '../../wire/message.ts';
import { EXIT, type ExitCode } from '../exit.ts';

/** CLOUDFLARE_API_BASE_URL, which wrangler reads too, names another. */
export const CLOUDFLARE_API = 'https://api.cloudflare.com/client/v4';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface ApiOptions {
  readonly baseUrl: string;
  /** What proves who asks: a bearer token, or a key with its address. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly wait: (ms: number) => Promise<void>;
  readonly answerMs?: number;
}

/** `path` begins behind /client/v4. */
export type Api = <T>(method: Method, path: string, body?: unknown) => Promise<T>;

/** Codes by which Cloudflare refuses a token, whatever the status. */
const REFUSED_TOKEN = [6003, 6111, 9103, 9106, 9109, 10000, 10001];
/** Codes that come with 403 and are about the account's plan, not the token: R2 is off, the script too large, CPU limits. */
const OF_THE_PLAN = [10042, 10027, 100328];

/** An answer that refuses, or none at all (no status). */
export class CloudflareError extends Error {
  readonly status: number | undefined;
  readonly codes: readonly number[];
  constructor(message: string, status?: number, codes: readonly number[] = [], cause?: unknown) {
    super(message, { cause });
    this.name = 'CloudflareError';
    this.status = status;
    this.codes = codes;
  }
  get absent(): boolean {
    return this.status === 404;
  }
  get exit(): ExitCode {
    const { status, codes } = this;
    if (codes.some((code) => OF_THE_PLAN.includes(code))) return EXIT.failed;
    if (status === 401 || status === 403 || codes.some((code) => REFUSED_TOKEN.includes(code))) return EXIT.auth;
    return status === undefined || status === 429 || status >= 500 ? EXIT.tryAgain : EXIT.failed;
  }
}

interface Envelope {
  readonly success?: boolean;
  readonly result?: unknown;
  readonly errors?: readonly { readonly code?: number; readonly message?: string }[];
}

const envelopeOf = (text: string): Envelope | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
};

const errorOf = (status: number, envelope: Envelope | undefined): CloudflareError => {
  const errors = envelope?.errors ?? [];
  const said = errors.map(
    ({ code, message }) => `${message ?? 'no message'}${code === undefined ? '' : ` [code: ${code}]`}`,
  );
  const message = `Cloudflare answered ${status}${said.length === 0 ? '' : `: ${said.join('; ')}`}`;
  return new CloudflareError(
    message,
    status,
    errors.flatMap(({ code }) => (code === undefined ? [] : [code])),
  );
};

export const cloudflare = ({ baseUrl, headers, signal, wait, answerMs = CLOUDFLARE_ANSWER_MS }: ApiOptions): Api => {
  const once = async (method: Method, path: string, body: unknown): Promise<{ value: unknown } | RetryLater> => {
    try {
      const response = await fetch(`${baseUrl}${path}`, {
        method,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
      });
      const envelope = envelopeOf(await response.text());
      if (response.ok && envelope !== undefined && envelope.success !== false) return { value: envelope.result };
      const error = errorOf(response.status, envelope);
      if (error.exit !== EXIT.tryAgain) throw error;
      return { error, afterMs: Number(response.headers.get('retry-after') ?? 0) * 1000 || 0 };
    } catch (error) {
      if (error instanceof CloudflareError || signal.aborted) throw error;
      const why = error instanceof Error && error.cause instanceof Error ? error.cause.message : messageOf(error);
      return {
        error: new CloudflareError(`Cloudflare's API did not answer: ${why}`, undefined, [], error),
        afterMs: 0,
      };
    }
  };
  return async <T>(method: Method, path: string, body?: unknown): Promise<T> => {
    for (let tried = 1, waitMs = CLOUDFLARE_FIRST_WAIT_MS; ; tried += 1, waitMs *= 2) {
      const answer = await once(method, path, body);
      if ('value' in answer) return answer.value as T;
      if (tried === CLOUDFLARE_TRIES || answer.afterMs > CLOUDFLARE_LONGEST_WAIT_MS) throw answer.error;
      await wait(Math.max(waitMs, answer.afterMs));
    }
  };
};

interface RetryLater {
  readonly error: CloudflareError;
  readonly afterMs: number;
}

/** What `find` finds; undefined where Cloudflare knows no such thing. */
export const orAbsent = <T>(asked: Promise<T>): Promise<T | undefined> =>
  asked.catch((error: unknown) => {
    if (error instanceof CloudflareError && error.absent) return undefined;
    throw error;
  });

/** Makes it; where that is refused because an answer was lost and it is there already, that is found. */
export const madeOrFound = async <T>(make: () => Promise<T>, find: () => Promise<T | undefined>): Promise<T> => {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof CloudflareError) || error.exit === EXIT.auth) throw error;
    const found = await find().catch(() => undefined);
    if (found === undefined) throw error;
    return found;
  }
};
