// One request to the gateway and what came of it: the answer, once its signature holds, or the error for our caller with
// what is known of a second try. An answer without our gateway's signature is never read for its meaning: only its status
// is named, since someone else may have written it.

import { errorBody } from '../../wire/api/error.ts';
import { parseAs } from '../../wire/body.ts';
import { FaultError } from '../../wire/faults.ts';
import {
  GATEWAY_CONNECT_MS,
  MAX_GATEWAY_ANSWER_BYTES,
  MAX_GATEWAY_ERROR_BYTES,
  RETRY_MAX_MS,
  SIGNATURE_WINDOW_S,
} from '../../wire/limits.ts';
import { hasSignatureShape, SIGNATURE_HEADER, verifyResponse, verifyStream } from '../../wire/signature.ts';
import type { Trail } from '../../wire/trace.ts';
import { UpstreamError, upstreamFault, wireError } from '../http/errors.ts';
import type { Network } from './access.ts';
import type { Patience } from './deadline.ts';
import { readUpTo } from './read.ts';
import { isEnding, refusal, retryAfterS } from './refusal.ts';

export interface Signed {
  /** The value of the signature's header. */
  readonly header: string;
  readonly nonce: string;
}

export interface Call {
  readonly url: URL;
  readonly secret: string;
  /** What carries the request: the internet, or a private network. */
  readonly network: Network;
  /** Headers for who stands before the gateway. */
  readonly access: Readonly<Record<string, string>>;
  /** Headers beside the signature, for the gateway's log. */
  readonly trail: Trail;
  readonly method: 'GET' | 'POST';
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  /** `json`: one signed body. `stream`: signed events follow, which are not read here. */
  readonly answer: 'json' | 'stream';
  /** Milliseconds until the answer must have begun, and between its bytes. */
  readonly firstByteMs: number;
  readonly idleMs: number;
  readonly patience: Patience;
}

/** What an exchange says of the gateway itself: it answers, it could not be used, or it is shutting down. */
export type Health = 'well' | 'failed' | { readonly drainingS: number };

/** `same`: with the same signature, so that the gateway never works twice. `anew`: it has said that it did not begin. */
export type Again = 'same' | 'anew' | 'never';

export type Outcome =
  | {
      readonly ok: true;
      readonly response: Response;
      /** The whole body of a JSON answer; empty for a stream. */
      readonly bytes: Uint8Array<ArrayBuffer>;
      /** Of the request that was answered. */
      readonly nonce: string;
    }
  | {
      readonly ok: false;
      readonly error: UpstreamError;
      readonly again: Again;
      /** It is certain that this gateway did nothing for the request and never will: another one may be asked. */
      readonly untouched: boolean;
      /** Absent where it says nothing: the caller left, or the deadline passed. */
      readonly health?: Health;
      readonly status?: number;
    };

/**
 * Another server's way of saying that the request reached no gateway. 521, 523, 525, 526 and 530 are Cloudflare's own: refused,
 * no route, no TLS, a wrong certificate, no such name; all before the request is sent. 503 is said by proxies too that had
 * sent it already, so it is tried again under the same signature, and never elsewhere.
 */
const NOT_SENT: ReadonlySet<number> = new Set([521, 523, 525, 526, 530]);
const NOT_TAKEN: ReadonlySet<number> = new Set([503, ...NOT_SENT]);

type Failed = Outcome & { ok: false };
const failed = (error: UpstreamError, more: Partial<Omit<Failed, 'ok' | 'error'>> = {}): Failed => ({
  ok: false,
  error,
  again: 'never',
  untouched: false,
  ...more,
});

const whyNotOurs = (status: number): string => {
  if (status >= 300 && status < 400) return `it answered ${status}; redirects are not followed`;
  if (status === 401) {
    return `it refused our signature (401): GATEWAY_SECRET must be the same on both sides, and their clocks at most ${SIGNATURE_WINDOW_S} s apart`;
  }
  return `its answer (${status}) is not signed by our gateway: check its address (GATEWAY_URL or GATEWAYS) and GATEWAY_SECRET`;
};

const notOurs = (status: number): Outcome => {
  const taken = (status < 300 || status >= 500) && !NOT_TAKEN.has(status);
  const error = upstreamFault({ kind: 'gateway_unreachable', message: whyNotOurs(status) }, taken);
  const again = NOT_TAKEN.has(status) ? 'same' : 'never';
  // what a proxy refuses may be the request's own fault (413, 403): nobody is to make gateways look bad by what they send
  const aboutRequest = status >= 400 && status < 500 && status !== 401;
  const health = aboutRequest ? {} : ({ health: 'failed' } as const);
  return failed(error, { again, untouched: !taken && status !== 503, ...health, status });
};

/** The gateway's own refusal; a stream's comes before any work, a JSON answer's may come after it. */
const refused = (call: Call, response: Response, bytes: Uint8Array): Outcome => {
  const parsed = parseAs(bytes, errorBody);
  if (!parsed.ok) {
    const message = `the gateway answered ${response.status} without a readable error`;
    return failed(upstreamFault({ kind: 'backend', message }, true), { health: 'failed' });
  }
  const retryAfter = response.headers.get('retry-after');
  const error = refusal(parsed.value.error, { retryAfter, atWork: call.answer === 'json' });
  const { status } = error.wire;
  const soon = Number(retryAfter ?? 0) * 1000 <= RETRY_MAX_MS;
  return failed(error, {
    again: status === 503 && !error.begun && soon ? 'anew' : 'never',
    // what is wrong with the request itself is wrong everywhere, but for a model that it does not have
    untouched: !error.begun && (status >= 500 || status === 404),
    health: isEnding(parsed.value.error.code) ? { drainingS: retryAfterS(retryAfter) } : 'well',
  });
};

const judged = async (call: Call, { nonce }: Signed, response: Response): Promise<Outcome> => {
  const { secret, patience, idleMs } = call;
  const { status, headers } = response;
  const signature = headers.get(SIGNATURE_HEADER);
  if (!hasSignatureShape(signature)) return notOurs(status);
  if (call.answer === 'stream' && status === 200) {
    const genuine = await verifyStream(secret, signature, nonce, status);
    return genuine ? { ok: true, response, bytes: new Uint8Array(0), nonce } : notOurs(status);
  }
  const limit = status === 200 ? MAX_GATEWAY_ANSWER_BYTES : MAX_GATEWAY_ERROR_BYTES;
  const bytes = await readUpTo(response, limit, patience, idleMs);
  if (!(await verifyResponse(secret, signature, nonce, status, bytes))) return notOurs(status);
  return status === 200 ? { ok: true, response, bytes, nonce } : refused(call, response, bytes);
};

/** A failure that has no answer: one of our clocks, a body over its limit, or the connection itself. */
const broken = (error: unknown, message: string, begun: boolean, again: Again = 'never'): Outcome => {
  if (!(error instanceof FaultError)) {
    return failed(upstreamFault({ kind: 'gateway_unreachable', message }, begun, error), { again, health: 'failed' });
  }
  const { kind } = error.fault;
  const ours = kind === 'cancelled' || kind === 'deadline';
  return failed(new UpstreamError(wireError(error), true, error), ours ? {} : { health: 'failed' });
};

export const attempt = async (call: Call, signed: Signed): Promise<Outcome> => {
  const startedMs = Date.now();
  let response: Response;
  try {
    const sent = call.network.fetch(call.url, {
      method: call.method,
      headers: { ...call.access, ...call.trail, [SIGNATURE_HEADER]: signed.header, 'content-type': 'application/json' },
      ...(call.body === undefined ? {} : { body: call.body }),
      redirect: 'manual',
      signal: call.patience.signal,
    });
    response = await call.patience.wait(sent, call.firstByteMs, 'first byte');
  } catch (error) {
    const atOnce = Date.now() - startedMs < GATEWAY_CONNECT_MS;
    return broken(error, 'the connection failed', !atOnce, atOnce ? 'same' : 'never');
  }
  try {
    return await judged(call, signed, response);
  } catch (error) {
    return broken(error, 'its answer broke off', true);
  }
};
