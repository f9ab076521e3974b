// What the gateway refuses, in its own signed words, as our caller is told: by the kind of the error and never by the
// status it came with. So a full queue stays 503 with Retry-After whether it was said as a status or in a stream, and what
// only edge and gateway can mend is 502. A code that this edge does not know is a failure of the backend.
import type { ErrorBody } from '../../wire/api/error.ts';
import { type Fault, toWire, type WireError } from '../../wire/faults.ts';
import { DEFAULT_RETRY_AFTER_S, MAX_RELAYED_CHARACTERS, MAX_RETRY_AFTER_S } from '../../wire/limits.ts';
import { UpstreamError, upstreamFault } from '../http/errors.ts';

type GatewayError = ErrorBody['error'];

// maps and sets, since a code is another server's text: an object would find 'constructor'
/** What the gateway finds wrong with a request that this edge made: ours to mend, whatever its type. */
const OURS: ReadonlySet<string> = new Set<Fault['kind']>(['bad_json', 'bad_signature', 'not_found', 'wrong_method']);
/** What is the caller's to mend, where it is not 400. */
const CALLERS: ReadonlyMap<string, number> = new Map([
  ['too_large', 413],
  ['never_fits', 413],
  ['model_not_found', 404],
  // as older gateways say it
  ['unknown_model', 404],
]);
/** What passes by itself, and when the gateway says it: before any work, within it, or either. */
const PASSING: ReadonlyMap<string, 'before' | 'within' | 'either'> = new Map<
  Fault['kind'],
  'before' | 'within' | 'either'
>([
  ['queue_full', 'before'],
  ['no_memory', 'before'],
  ['backend_unavailable', 'either'],
  ['nonces_full', 'before'],
  ['rate_limited', 'before'],
  ['shutting_down', 'before'],
  ['stopped', 'within'],
]);

/** What a gateway that ends says, of a request before or in its work: others are better asked. */
export const isEnding = (code: string): boolean => code === 'shutting_down' || code === 'stopped';

/** Whole seconds of a Retry-After, whatever stood there. */
export const retryAfterS = (header: string | null): number => {
  const seconds = header !== null && /^\d{1,9}$/.test(header) ? Number(header) : DEFAULT_RETRY_AFTER_S;
  return Math.min(MAX_RETRY_AFTER_S, Math.max(1, seconds));
};

const wire = (status: number, type: string, { message, code, param }: GatewayError): WireError => ({
  status,
  body: {
    error: {
      message: message.slice(0, MAX_RELAYED_CHARACTERS),
      type,
      code: code.slice(0, MAX_RELAYED_CHARACTERS),
      param: param === null ? null : param.slice(0, MAX_RELAYED_CHARACTERS),
    },
  },
  headers: {},
});

const INVALID = 'invalid_request_error';
const SERVER = 'server_error';

export interface RefusalContext {
  /** The answer's Retry-After, if it had one. */
  readonly retryAfter?: string | null;
  /** Whether the gateway may have been at work when it said so. */
  readonly atWork: boolean;
}

export const refusal = (error: GatewayError, { retryAfter = null, atWork }: RefusalContext): UpstreamError => {
  if (error.type === INVALID && !OURS.has(error.code)) {
    // found before the first step, whenever it is said
    return new UpstreamError(wire(CALLERS.get(error.code) ?? 400, INVALID, error), false);
  }
  const passing = PASSING.get(error.code);
  if (passing !== undefined) {
    const said = wire(503, SERVER, error);
    const headers = { 'retry-after': String(retryAfterS(retryAfter)) };
    return new UpstreamError({ ...said, headers }, passing === 'within' || (passing === 'either' && atWork));
  }
  switch (error.code as Fault['kind']) {
    case 'deadline':
      return new UpstreamError(wire(504, SERVER, error), atWork);
    case 'not_found':
    case 'wrong_method':
      return upstreamFault(
        { kind: 'gateway_unreachable', message: 'it does not know this route; is it of another version?' },
        false,
      );
    case 'bad_json':
    case 'bad_signature':
      return upstreamFault({ kind: 'gateway_unreachable', message: 'it could not read our request' }, false);
    case 'cancelled':
      return upstreamFault({ kind: 'gateway_unreachable', message: 'it lost our connection' }, atWork);
    case 'internal':
      // its words are for its operator
      return upstreamFault({ kind: 'backend', message: 'unexpected; the log of the gateway has the details' }, atWork);
    default:
      return new UpstreamError(wire(toWire({ kind: 'backend', message: '' }).status, SERVER, error), atWork);
  }
};
