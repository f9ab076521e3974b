// The edge's way to the gateway: signed requests, signed answers, one deadline over the whole call and a clock on every
// wait. Nothing that the gateway did not sign is parsed, relayed or followed (a redirect would carry prompt and signature
// elsewhere): that is 502. What it signed and refused goes to the caller by its kind (refusal.ts).
// One retry within a budget, and never twice the work: it carries the same signature, which a gateway that took the first
// request refuses as used. Only after the gateway's own signed "not now" is the request signed anew.
import type { z } from 'zod';
import { parseAs } from '../../wire/body.ts';
import { describe } from '../../wire/faults.ts';
import { FORGET_MS, GATEWAY_DEADLINE_MS, GATEWAY_FIRST_BYTE_MS, GATEWAY_IDLE_MS } from '../../wire/limits.ts';
import { RetryBudget, retryDelayMs } from '../../wire/retry-budget.ts';
import { signRequest, verifyEvent } from '../../wire/signature.ts';
import type { Trail } from '../../wire/trace.ts';
import {
  type ForgetRequest,
  forgetResponse,
  modelsResponse,
  type ScoreRequest,
  type ScoreResponse,
  scoreResponse,
  type TuneEvent,
  type TuneRequest,
} from '../../wire/tune.ts';
import { UpstreamError, upstreamFault, wireError } from '../http/errors.ts';
import { accessHeaders, type Network } from './access.ts';
import { attempt, type Call, type Outcome } from './attempt.ts';
import { Patience } from './deadline.ts';
import { relayed } from './relay.ts';

/** Where the gateway listens, and the secret shared with it: a part of the Worker's Env. */
export interface Gateway {
  readonly GATEWAY_URL?: string;
  readonly GATEWAY_SECRET?: string;
  readonly GATEWAY_ACCESS_ID?: string;
  readonly GATEWAY_ACCESS_SECRET?: string;
  readonly GATEWAY_VPC?: Network;
  /** By which its log knows the caller's request. Not signed. */
  readonly trail?: Trail;
}

export interface Clocks {
  /** Milliseconds until a stream, or the list of models, must have begun. */
  readonly firstByteMs: number;
  /** Milliseconds between two bytes. */
  readonly idleMs: number;
  /** Milliseconds of a whole call that works. */
  readonly deadlineMs: number;
}

export interface ClientOptions {
  readonly clocks: Clocks;
  readonly budget: RetryBudget;
}

const DEFAULTS: ClientOptions = {
  clocks: { firstByteMs: GATEWAY_FIRST_BYTE_MS, idleMs: GATEWAY_IDLE_MS, deadlineMs: GATEWAY_DEADLINE_MS },
  budget: new RetryBudget(),
};

interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  readonly answer: 'json' | 'stream';
  readonly firstByteMs: number;
}

const callOf = (gateway: Gateway, request: Request, patience: Patience, idleMs: number): Call => {
  const { GATEWAY_URL, GATEWAY_SECRET, GATEWAY_VPC, trail = {} } = gateway;
  if (!GATEWAY_URL || !GATEWAY_SECRET || !URL.canParse(GATEWAY_URL)) {
    throw upstreamFault({ kind: 'not_configured', what: 'the gateway (GATEWAY_URL and GATEWAY_SECRET)' }, false);
  }
  const { method, path, answer, firstByteMs } = request;
  const url = new URL(GATEWAY_URL.replace(/\/+$/, '') + path);
  const body =
    request.body === undefined ? undefined : new Uint8Array(new TextEncoder().encode(JSON.stringify(request.body)));
  const access = accessHeaders(gateway);
  const network = GATEWAY_VPC ?? globalThis;
  return { url, secret: GATEWAY_SECRET, network, access, trail, method, body, answer, firstByteMs, idleMs, patience };
};

/** One attempt, and a second where it is safe and the budget allows. */
const twiceAtMost = async (call: Call, budget: RetryBudget): Promise<Outcome> => {
  const { method, url } = call;
  const target = { method, path: url.pathname + url.search, body: call.body ?? new Uint8Array(0) };
  const sign = () => signRequest(call.secret, target, Date.now());
  budget.request(Date.now());
  const signed = await sign();
  const first = await attempt(call, signed);
  if (first.ok || first.again === 'never' || !budget.take()) return first;
  await call.patience.pause(retryDelayMs(Math.random()));
  const second = await attempt(call, first.again === 'same' ? signed : await sign());
  if (second.ok) return second;
  // the signature was used: the first request had arrived after all
  const arrived = first.again === 'same' && second.status === 401;
  const { wire, cause } = arrived ? first.error : second.error;
  const begun = arrived || first.error.begun || second.error.begun;
  return { ok: false, again: 'never', error: new UpstreamError(wire, begun, cause) };
};

/** A genuine answer of status 200, or the UpstreamError; a call that failed leaves nothing open. */
const send = async (
  gateway: Gateway,
  request: Request,
  patience: Patience,
  { clocks, budget }: ClientOptions,
): Promise<{ call: Call; response: Response; bytes: Uint8Array<ArrayBuffer>; nonce: string }> => {
  try {
    const call = callOf(gateway, request, patience, clocks.idleMs);
    const outcome = await twiceAtMost(call, budget);
    if (!outcome.ok) throw outcome.error;
    return { call, response: outcome.response, bytes: outcome.bytes, nonce: outcome.nonce };
  } catch (error) {
    patience.abandon();
    throw error instanceof UpstreamError ? error : new UpstreamError(wireError(error), true, error);
  }
};

const json = async <Schema extends z.ZodType>(
  gateway: Gateway,
  request: Omit<Request, 'answer' | 'firstByteMs'>,
  schema: Schema,
  deadlineMs: number,
  caller: AbortSignal,
  options: ClientOptions,
): Promise<z.output<Schema>> => {
  const patience = new Patience(caller, deadlineMs);
  const { bytes } = await send(gateway, { ...request, answer: 'json', firstByteMs: deadlineMs }, patience, options);
  patience.end();
  const parsed = parseAs(bytes, schema);
  if (parsed.ok) return parsed.value;
  const message = `the gateway's answer is not understood: ${describe(parsed.fault)}`;
  throw upstreamFault({ kind: 'backend', message }, true);
};

export const gatewayModels = async (gateway: Gateway, caller: AbortSignal, options = DEFAULTS) => {
  const request = { method: 'GET', path: '/v1/models' } as const;
  // no work stands behind it, so all of it must have come when others begin
  return (await json(gateway, request, modelsResponse, options.clocks.firstByteMs, caller, options)).models;
};

/** The score, which may take as long as the gateway's own deadline. */
export const gatewayScore = (
  gateway: Gateway,
  body: ScoreRequest,
  caller: AbortSignal,
  options = DEFAULTS,
): Promise<ScoreResponse> =>
  json(gateway, { method: 'POST', path: '/v1/score', body }, scoreResponse, options.clocks.deadlineMs, caller, options);

/** Tells the gateway that examples are gone. */
export const gatewayForget = (gateway: Gateway, body: ForgetRequest, caller: AbortSignal, options = DEFAULTS) =>
  json(gateway, { method: 'POST', path: '/v1/forget', body }, forgetResponse, FORGET_MS, caller, options);

/** A tuning request, once the gateway has taken it: what it refuses is thrown here, with its status. */
export const gatewayTune = async (
  gateway: Gateway,
  body: TuneRequest,
  caller: AbortSignal,
  options = DEFAULTS,
): Promise<AsyncGenerator<TuneEvent, void, void>> => {
  const { firstByteMs, idleMs, deadlineMs } = options.clocks;
  const patience = new Patience(caller, deadlineMs);
  const request = { method: 'POST', path: '/v1/tune', body, answer: 'stream', firstByteMs } as const;
  const { call, response, nonce } = await send(gateway, request, patience, options);
  if (response.body === null) {
    patience.abandon();
    throw upstreamFault({ kind: 'backend', message: 'the gateway sent no events' }, true);
  }
  const verify = (id: string | undefined, index: number, data: string) =>
    verifyEvent(call.secret, id, nonce, index, data);
  return relayed(response.body, verify, patience, idleMs);
};
