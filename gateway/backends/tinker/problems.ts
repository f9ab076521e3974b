// Everything that a Tinker server can do wrong, as values, and what each means to a caller of the gateway. A server's own
// words are cut and stand in quotation marks; its name is its host, so that no key of an address is ever repeated.
import { type Fault, FaultError } from '../../../wire/faults.ts';
import { DEFAULT_RETRY_AFTER_S, MAX_BACKEND_WORDS, MAX_RETRY_AFTER_S } from '../../../wire/limits.ts';
import { shortened } from '../../../wire/words.ts';

export type Problem =
  /** No connection came about. */
  | { readonly kind: 'unreachable'; readonly why: string }
  | { readonly kind: 'silent'; readonly stage: 'first byte' | 'idle'; readonly afterMs: number }
  | { readonly kind: 'broken'; readonly why: string }
  | { readonly kind: 'too_large'; readonly limit: number }
  | { readonly kind: 'redirected'; readonly status: number }
  /** 429 or 503: it has no room. */
  | { readonly kind: 'busy'; readonly words: string; readonly retryAfterS: number }
  /** 410: a promise or a session that it has forgotten. */
  | { readonly kind: 'gone'; readonly words: string }
  | { readonly kind: 'refused'; readonly status: number; readonly words: string }
  /** An answer that is none of the protocol's. */
  | { readonly kind: 'nonsense'; readonly what: string }
  /** The work itself failed. */
  | { readonly kind: 'failed'; readonly words: string; readonly category: string };

const quoted = (words: string): string => (words === '' ? '' : `: '${shortened(words, MAX_BACKEND_WORDS)}'`);

/** What it did, after its name. */
export const describeProblem = (problem: Problem): string => {
  switch (problem.kind) {
    case 'unreachable':
      return `cannot be reached (${problem.why})`;
    case 'silent':
      return `sent nothing for ${problem.afterMs} ms (${problem.stage})`;
    case 'broken':
      return `broke the connection off (${problem.why})`;
    case 'too_large':
      return `sent more than ${problem.limit} bytes`;
    case 'redirected':
      return `answered ${problem.status}; redirects are not followed`;
    case 'busy':
      return `has no room${quoted(problem.words)}`;
    case 'gone':
      return `has forgotten this session's work${quoted(problem.words)}`;
    case 'refused':
      if (problem.status === 401 || problem.status === 403) {
        return `refused the key (${problem.status}): check the variable that keyEnv names`;
      }
      return `answered ${problem.status}${quoted(problem.words)}`;
    case 'nonsense':
      return `sent what is not understood: ${problem.what}`;
    case 'failed':
      return `could not do the work${quoted(problem.words)}`;
  }
};

export class ServerError extends Error {
  readonly problem: Problem;
  readonly server: string;
  constructor(problem: Problem, server: string, cause?: unknown) {
    super(`server ${server} ${describeProblem(problem)}`, { cause });
    this.name = 'ServerError';
    this.problem = problem;
    this.server = server;
  }
}

/** The server may be well again the next time, and did not say that the work itself is wrong. */
export const isTransient = (error: unknown): error is ServerError => {
  if (!(error instanceof ServerError)) return false;
  const { problem } = error;
  switch (problem.kind) {
    case 'unreachable':
    case 'silent':
    case 'broken':
    case 'busy':
      return true;
    case 'refused':
      return problem.status >= 500;
    default:
      return false;
  }
};

/** Counts against the server's health: it is away, or not itself. Being busy is not. */
export const isOutage = (error: unknown): boolean => {
  if (!(error instanceof ServerError)) return false;
  const { kind } = error.problem;
  if (kind === 'redirected' || kind === 'nonsense' || kind === 'too_large') return true;
  return kind !== 'busy' && isTransient(error);
};

export const retryAfterOf = (header: string | undefined): number => {
  const seconds = header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) : DEFAULT_RETRY_AFTER_S;
  return Math.min(MAX_RETRY_AFTER_S, Math.max(1, seconds));
};

export const faultOf = (error: ServerError): Fault => {
  const { problem, message } = error;
  if (problem.kind === 'busy') return { kind: 'backend_unavailable', message, retryAfterS: problem.retryAfterS };
  return { kind: 'backend', message };
};

/** What the contract allows to be thrown: a FaultError, or an abort's own reason. */
export const asThrown = (error: unknown): unknown =>
  error instanceof ServerError ? new FaultError(faultOf(error), error) : error;
