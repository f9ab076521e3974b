// One question to a server, within a time; why there is no answer is a sentence.
import { reasonOf } from '../../client/error.ts';
import { DOCTOR_ANSWER_MS } from '../../wire/limits.ts';
import { notReady, readinessOf } from '../ready.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined where it is no JSON. */
  readonly json: unknown;
  /** Seconds that the server's clock is ahead of this one; undefined without a Date. */
  readonly aheadS: number | undefined;
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Date has whole seconds: the middle of the request is compared with the middle of the second. */
const aheadOf = (date: string | null, startedMs: number, endedMs: number): number | undefined => {
  const at = Date.parse(date ?? '');
  return Number.isNaN(at) ? undefined : Math.round((at + 500 - (startedMs + endedMs) / 2) / 1000);
};

export const ask = async (
  url: string,
  init: RequestInit & { readonly signal: AbortSignal },
): Promise<Answer | string> => {
  const limit = AbortSignal.timeout(DOCTOR_ANSWER_MS);
  const started = Date.now();
  try {
    const response = await fetch(url, { redirect: 'manual', ...init, signal: AbortSignal.any([init.signal, limit]) });
    const ended = Date.now();
    const text = await response.text();
    const { status, headers } = response;
    return { status, headers, text, json: parsed(text), aheadS: aheadOf(headers.get('date'), started, ended) };
  } catch (error) {
    if (init.signal.aborted) throw error;
    return limit.aborted ? `no answer within ${DOCTOR_ANSWER_MS / 1000} s` : reasonOf(error);
  }
};

/** What is not well by the answer of a /ready; undefined where it is no answer of ours. */
export const notReadyIn = ({ json }: Answer): string | undefined => {
  const readiness = readinessOf(json);
  return readiness === undefined ? undefined : notReady(readiness);
};
