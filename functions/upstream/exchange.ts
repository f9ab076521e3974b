// A request of the edge's and the one gateway that it goes to: signed, sent, and where it is safe sent once more.
// A second try carries the same signature, which a gateway that took the first one refuses as used, so it never works twice.
// Only after the gateway's own signed "not now" is the request signed anew.
import type { RetryBudget } from '../../wire/retry-budget.ts';
import { retryDelayMs } from '../../wire/retry-budget.ts';
import { signRequest } from '../../wire/signature.ts';
import { UpstreamError } from '../http/errors.ts';
import { attempt, type Call, type Outcome } from './attempt.ts';
import type { Patience } from './deadline.ts';

/** Where one gateway listens, the secret shared with it, the way there, and what its log knows the caller's request by. */
export interface Place extends Pick<Call, 'secret' | 'network' | 'access' | 'trail'> {
  readonly url: string;
}

export interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  readonly answer: 'json' | 'stream';
  readonly firstByteMs: number;
}

export const callOf = ({ url, ...place }: Place, request: Request, patience: Patience, idleMs: number): Call => {
  const { method, path, answer, firstByteMs } = request;
  const body =
    request.body === undefined ? undefined : new Uint8Array(new TextEncoder().encode(JSON.stringify(request.body)));
  return { ...place, url: new URL(url + path), method, body, answer, firstByteMs, idleMs, patience };
};

/**
 * One attempt, and a second where it is safe and the budget allows. `others`: another gateway is asked rather than this one
 * anew; where it is not known whether this one has taken the request, it alone is asked again.
 */
export const exchange = async (call: Call, budget: RetryBudget, { others = false } = {}): Promise<Outcome> => {
  const { method, url } = call;
  const target = { method, path: url.pathname + url.search, body: call.body ?? new Uint8Array(0) };
  const sign = () => signRequest(call.secret, target, Date.now());
  const signed = await sign();
  const first = await attempt(call, signed);
  if (first.ok || first.again === 'never' || (others && first.untouched) || !budget.take()) return first;
  await call.patience.pause(retryDelayMs(Math.random()));
  const second = await attempt(call, first.again === 'same' ? signed : await sign());
  if (second.ok) return second;
  // the signature was used: the first request had arrived after all
  const arrived = first.again === 'same' && second.status === 401;
  const { wire, cause } = arrived ? first.error : second.error;
  const begun = arrived || first.error.begun || second.error.begun;
  return {
    ok: false,
    again: 'never',
    // of the first it may still not be known whether it arrived
    untouched: first.untouched && second.untouched,
    error: new UpstreamError(wire, begun, cause),
    ...(second.health === undefined ? {} : { health: second.health }),
  };
};
