// The edge's way to the gateway: signed requests, signed answers, one deadline over the whole call and a clock on every
// wait. Nothing that the gateway did not sign is parsed, relayed or followed (a redirect would carry prompt and signature
// elsewhere): that is 502. What it signed and refused goes to the caller by its kind (refusal.ts).
// With one gateway a request is tried twice at most (exchange.ts); with several (GATEWAYS) the nearest that has the model is
// asked first, and another one only while no work can have begun (failover.ts). Either way never twice the work.
import type { z } from 'zod';
import { parseAs } from '../../wire/body.ts';
import { describe } from '../../wire/faults.ts';
import { FORGET_MS, SHUTDOWN_RETRY_S } from '../../wire/limits.ts';
import { verifyEvent } from '../../wire/signature.ts';
import { modelsResponse } from '../../wire/tune/models.ts';
import type { ForgetRequest, ScoreRequest, TuneRequest } from '../../wire/tune/requests.ts';
import { forgetResponse, type ScoreResponse, scoreResponse, type TuneEvent } from '../../wire/tune/responses.ts';
import { UpstreamError, upstreamFault, wireError } from '../http/errors.ts';
import { Patience } from './deadline.ts';
import { callOf, exchange, type Request } from './exchange.ts';
import { speaksAgainst } from './failover.ts';
import type { Member } from './fleet.ts';
import { type ClientOptions, DEFAULTS, type Gateway, notConfigured, placeOf } from './gateway.ts';
import { isEnding } from './refusal.ts';
import { relayed } from './relay.ts';
import { among, fleetIn, LIST, type ServedModel, unionOf, type Work } from './several.ts';

export type { Clocks, Gateway } from './gateway.ts';

/** A genuine answer of status 200. */
interface Answered {
  readonly response: Response;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of the request that was answered. */
  readonly nonce: string;
  /** Whose answer it is, where there are several. */
  readonly member?: Member;
}

const alone = async (
  gateway: Gateway,
  request: Request,
  patience: Patience,
  { clocks, budget }: ClientOptions,
): Promise<Answered> => {
  const { GATEWAY_URL, GATEWAY_VPC } = gateway;
  if (!GATEWAY_URL || !URL.canParse(GATEWAY_URL)) throw notConfigured();
  const place = placeOf(gateway, GATEWAY_URL.replace(/\/+$/, ''), GATEWAY_VPC);
  budget.request(Date.now());
  const outcome = await exchange(callOf(place, request, patience, clocks.idleMs), budget);
  if (outcome.ok) return outcome;
  throw outcome.error;
};

/** A call that failed leaves nothing open, and throws an UpstreamError. */
const orAbandoned = async <T>(patience: Patience, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    patience.abandon();
    throw error instanceof UpstreamError ? error : new UpstreamError(wireError(error), true, error);
  }
};

/** Work for a model, by whichever gateway takes it. */
const send = (
  gateway: Gateway,
  request: Request & { readonly body: Work },
  patience: Patience,
  options: ClientOptions,
): Promise<Answered> =>
  orAbandoned(patience, async () => {
    const fleet = fleetIn(gateway);
    if (fleet === undefined) return alone(gateway, request, patience, options);
    const { member, outcome } = await among(fleet, gateway, request, patience, options);
    if (outcome.ok) return { ...outcome, member };
    throw outcome.error;
  });

const understood = <Schema extends z.ZodType>(bytes: Uint8Array, schema: Schema): z.output<Schema> => {
  const parsed = parseAs(bytes, schema);
  if (parsed.ok) return parsed.value;
  const message = `the gateway's answer is not understood: ${describe(parsed.fault)}`;
  throw upstreamFault({ kind: 'backend', message }, true);
};

/** What is asked of one gateway. */
const ofOne = async <Schema extends z.ZodType>(
  gateway: Gateway,
  request: Pick<Request, 'method' | 'path' | 'body'>,
  schema: Schema,
  deadlineMs: number,
  caller: AbortSignal,
  options: ClientOptions,
): Promise<z.output<Schema>> => {
  const patience = new Patience(caller, deadlineMs);
  const whole = { ...request, answer: 'json', firstByteMs: deadlineMs } as const;
  const { bytes } = await orAbandoned(patience, () => alone(gateway, whole, patience, options));
  patience.end();
  return understood(bytes, schema);
};

export const gatewayModels = async (
  gateway: Gateway,
  caller: AbortSignal,
  options = DEFAULTS,
): Promise<readonly ServedModel[]> => {
  const fleet = fleetIn(gateway);
  if (fleet !== undefined) return unionOf(fleet, gateway, caller, options);
  // no work stands behind it, so all of it must have come when others begin
  return (await ofOne(gateway, LIST, modelsResponse, options.clocks.firstByteMs, caller, options)).models;
};

/** The score, which may take as long as the gateway's own deadline. */
export const gatewayScore = async (
  gateway: Gateway,
  body: ScoreRequest,
  caller: AbortSignal,
  options = DEFAULTS,
): Promise<ScoreResponse> => {
  const { deadlineMs } = options.clocks;
  const patience = new Patience(caller, deadlineMs);
  const request = { method: 'POST', path: '/v1/score', body, answer: 'json', firstByteMs: deadlineMs } as const;
  const { bytes } = await send(gateway, request, patience, options);
  patience.end();
  return understood(bytes, scoreResponse);
};

/** Tells one gateway that examples are gone. */
export const gatewayForget = (gateway: Gateway, body: ForgetRequest, caller: AbortSignal, options = DEFAULTS) =>
  ofOne(gateway, { method: 'POST', path: '/v1/forget', body }, forgetResponse, FORGET_MS, caller, options);

/** The same events; how they end may speak against the gateway that sent them. */
async function* heeded(
  events: AsyncIterable<TuneEvent>,
  member: Member | undefined,
): AsyncGenerator<TuneEvent, void, void> {
  try {
    for await (const event of events) {
      if (event.event === 'error' && isEnding(event.error.code)) {
        member?.told({ drainingS: SHUTDOWN_RETRY_S });
      }
      yield event;
    }
  } catch (error) {
    if (speaksAgainst(error)) member?.told('failed');
    throw error;
  }
}

/** A tuning request, once a gateway has taken it: what it refuses is thrown here, with its status. */
export const gatewayTune = async (
  gateway: Gateway,
  body: TuneRequest,
  caller: AbortSignal,
  options = DEFAULTS,
): Promise<AsyncGenerator<TuneEvent, void, void>> => {
  const { firstByteMs, idleMs, deadlineMs } = options.clocks;
  const secret = gateway.GATEWAY_SECRET ?? '';
  const patience = new Patience(caller, deadlineMs);
  const request = { method: 'POST', path: '/v1/tune', body, answer: 'stream', firstByteMs } as const;
  const { response, nonce, member } = await send(gateway, request, patience, options);
  if (response.body === null) {
    patience.abandon();
    throw upstreamFault({ kind: 'backend', message: 'the gateway sent no events' }, true);
  }
  const verify = (id: string | undefined, index: number, data: string) => verifyEvent(secret, id, nonce, index, data);
  return heeded(relayed(response.body, verify, patience, idleMs), member);
};
