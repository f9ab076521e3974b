// Everything that can go wrong, as values, and the one map from a fault to the wire.
// The wire shape is OpenAI's: {"error":{message,type,code,param}}. A 408 is never sent, because SDKs retry it.
// A message carries the offending value and the limit, in the caller's terms.

import { MAX_MESSAGE_CHARACTERS, MAX_PARAM_CHARACTERS, MAX_SHOWN_CHARACTERS } from './limits.ts';
import { messageOf } from './message.ts';
import { shortened } from './words.ts';

export type Fault =
  // the caller's request
  | { kind: 'bad_json'; message: string; line?: number }
  | { kind: 'bad_field'; param: string; message: string }
  | { kind: 'bad_vector'; param: string; index: number; value: string; line?: number }
  | { kind: 'zero_vector'; param: string; line?: number }
  | { kind: 'wrong_dimensions'; param: string; got: number; want: number; line?: number }
  | { kind: 'empty_text'; param: string; line?: number }
  | { kind: 'too_large'; param: string; got: number | string; limit: number; unit: string; line?: number }
  | { kind: 'context_length'; param: string; got: number; limit: number }
  /** `most`: steps that would end in time. `restMs`: of the reading before and after the steps. */
  | { kind: 'beyond_deadline'; steps: number; stepMs: number; restMs: number; deadlineMs: number; most: number }
  | { kind: 'unknown_corpus'; corpus: string }
  | { kind: 'unknown_example'; corpus: string; id: string }
  /** The index does not show the example's present version yet. */
  | { kind: 'not_indexed'; id: string; retryAfterS: number }
  | { kind: 'unknown_selection'; id: string }
  /** A selection that was kept, of which something is not there any more. */
  | { kind: 'gone'; id: string; why: string }
  | { kind: 'unknown_model'; model: string; known: readonly string[] }
  | { kind: 'not_found'; path: string }
  | { kind: 'wrong_method'; method: string; allowed: readonly string[] }
  /** `also`: an encoding that would be read here. */
  | { kind: 'encoded_body'; encoding: string; also?: string }
  // who asks
  | { kind: 'no_key' }
  | { kind: 'bad_key' }
  | { kind: 'key_expired'; at: string }
  | { kind: 'insufficient_scope'; needed: readonly string[]; has: readonly string[] }
  /** A key cannot give another what it lacks itself. */
  | { kind: 'cannot_grant'; param: string; message: string }
  | { kind: 'unknown_key'; id: string }
  | { kind: 'keys_full'; limit: number }
  | { kind: 'bad_signature'; why: string }
  | { kind: 'nonces_full'; limit: number; windowS: number; retryAfterS: number }
  | { kind: 'rate_limited'; retryAfterS: number; what?: string }
  | { kind: 'budget_spent'; what: string; period: string; limit: number; retryAfterS?: number }
  // a request that comes again
  | { kind: 'idempotency_mismatch' }
  | { kind: 'idempotency_busy'; retryAfterS: number }
  | { kind: 'idempotency_unkept'; limit: number }
  // what we depend on
  /** `yours`: counted are the caller's own requests, not everybody's. */
  | { kind: 'queue_full'; waiting: number; limit: number; yours?: true; retryAfterS: number }
  /** It takes nothing new, and has not begun this request. */
  | { kind: 'shutting_down'; retryAfterS: number }
  /** It was stopped while it worked on this request. */
  | { kind: 'stopped'; retryAfterS: number }
  /** Bytes that the work needs, and what there is: free now, or on the whole machine where it will never fit. */
  | { kind: 'no_memory'; work: string; needs: number; free: number; retryAfterS: number }
  | { kind: 'never_fits'; work: string; needs: number; machine: number }
  /** A server behind the gateway is full or away, and did no work for this request. */
  | { kind: 'backend_unavailable'; message: string; retryAfterS: number }
  | { kind: 'deadline'; afterMs: number; stage: string }
  | { kind: 'cancelled'; stage: string }
  | { kind: 'vectorize'; code: number | null; message: string }
  | { kind: 'embedder'; message: string }
  | { kind: 'gateway_unreachable'; message: string }
  | { kind: 'gateway_timeout'; stage: 'first byte' | 'idle'; afterMs: number }
  | { kind: 'backend'; message: string }
  | { kind: 'not_configured'; what: string }
  | { kind: 'internal'; message: string };

export interface WireError {
  status: number;
  body: { error: { message: string; type: string; code: string; param: string | null } };
  headers: Record<string, string>;
}

export type Result<T> = { ok: true; value: T } | { ok: false; fault: Fault };
export const ok = <T>(value: T): Result<T> => ({ ok: true, value });
export const fail = (fault: Fault): Result<never> => ({ ok: false, fault });

/** Carries a fault through code that can only throw; the border unwraps it. */
export class FaultError extends Error {
  readonly fault: Fault;
  constructor(fault: Fault, cause?: unknown) {
    super(describe(fault), { cause });
    this.name = 'FaultError';
    this.fault = fault;
  }
}

/** The value of a result, or its fault thrown towards the border. */
export const unwrap = <T>(result: Result<T>): T => {
  if (result.ok) return result.value;
  throw new FaultError(result.fault);
};

export const asFault = (error: unknown): Fault =>
  error instanceof FaultError ? error.fault : { kind: 'internal', message: messageOf(error) };

const at = (line: number | undefined): string => (line === undefined ? '' : ` (line ${line})`);

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;

/** “1.4 s”: two digits that count, none after the point from ten on. */
const seconds = (ms: number): string => {
  const value = ms / 1000;
  return `${value < 10 ? Number(value.toPrecision(2)) : Math.round(value)} s`;
};

const beyondDeadline = ({ steps, stepMs, restMs, deadlineMs, most }: Fault & { kind: 'beyond_deadline' }): string => {
  const until = `the deadline is ${seconds(deadlineMs)}`;
  if (steps === 0) return `reading takes about ${seconds(restMs)}, ${until}: send a shorter text`;
  const all = steps * stepMs + restMs;
  const rest = restMs < 0.05 * all ? '' : ` and ${seconds(restMs)} of reading`;
  const help = most > 0 ? `ask for at most ${most} pick${most === 1 ? '' : 's'}` : 'send shorter texts';
  return `n = ${steps} steps of about ${seconds(stepMs)} each${rest} take ${seconds(all)}, ${until}: ${help}`;
};

/** The sentence a person reads. */
export const describe = (fault: Fault): string => {
  switch (fault.kind) {
    case 'bad_json':
      return `${fault.message}${at(fault.line)}`;
    case 'bad_field':
      return `${fault.param}: ${fault.message}`;
    case 'bad_vector':
      return `${fault.param}[${fault.index}] is ${fault.value}${at(fault.line)}; every value must be a finite number`;
    case 'zero_vector':
      return `${fault.param} is all zeros${at(fault.line)}; a zero vector has no direction`;
    case 'wrong_dimensions':
      return `${fault.param} has ${fault.got} dimensions, this needs ${fault.want}${at(fault.line)}`;
    case 'empty_text':
      return `${fault.param} is empty${at(fault.line)}`;
    case 'too_large':
      return `${fault.param} is ${fault.got} ${fault.unit}, the limit is ${fault.limit} ${fault.unit}${at(fault.line)}`;
    case 'context_length':
      // LangChain and litellm know OpenAI's error by these words: "maximum context length"
      return `${fault.param} ${fault.param === 'messages' ? 'are' : 'is'} ${fault.got} tokens, which leaves no room: this model's maximum context length is ${fault.limit} tokens`;
    case 'beyond_deadline':
      return beyondDeadline(fault);
    case 'unknown_corpus':
      return `corpus '${fault.corpus}' does not exist`;
    case 'unknown_example':
      return `corpus '${fault.corpus}' has no example '${fault.id}'`;
    case 'not_indexed':
      return `the index does not show the latest version of example '${fault.id}' yet; try again in ${fault.retryAfterS} s`;
    case 'unknown_selection':
      return `there is no selection '${shortened(fault.id, MAX_SHOWN_CHARACTERS)}'`;
    case 'gone':
      return `selection '${fault.id}' is gone: ${fault.why}`;
    case 'unknown_model':
      return `model '${fault.model}' does not exist; known models: ${fault.known.join(', ') || 'none'}`;
    case 'not_found':
      return `nothing at ${fault.path}`;
    case 'encoded_body':
      return `content-encoding '${fault.encoding}' is not read here: send the body as it is${fault.also ? `, or as ${fault.also}` : ''}`;
    case 'wrong_method':
      return `${fault.method} is not allowed here; allowed: ${fault.allowed.join(', ')}`;
    case 'no_key':
      return 'no API key: send Authorization: Bearer KEY';
    case 'bad_key':
      return 'this API key is not valid';
    case 'key_expired':
      return `this API key expired at ${fault.at}`;
    case 'cannot_grant':
      return `${fault.param}: ${fault.message}`;
    case 'unknown_key':
      return `key '${shortened(fault.id, MAX_SHOWN_CHARACTERS)}' does not exist`;
    case 'keys_full':
      return `the tenant has ${fault.limit} keys, which is the limit: revoke some`;
    case 'insufficient_scope':
      return `this needs the scope ${fault.needed.join(' or ')}; the key has ${fault.has.join(', ') || 'none'}`;
    case 'bad_signature':
      return `the request's signature is not valid: ${fault.why}`;
    case 'nonces_full':
      return `${fault.limit} requests were signed within ${fault.windowS} s, which is the limit; try again in ${fault.retryAfterS} s`;
    case 'rate_limited':
      return `too many ${fault.what ?? 'requests'}; try again in ${fault.retryAfterS} s`;
    case 'budget_spent':
      return `the key's budget of ${fault.limit} ${fault.what} ${fault.period} is spent${fault.retryAfterS === undefined ? '' : `; it begins anew in ${fault.retryAfterS} s`}`;
    case 'idempotency_mismatch':
      return 'this Idempotency-Key was used with another request: another path or another body';
    case 'idempotency_busy':
      return `the first request with this Idempotency-Key is still at work; try again in ${fault.retryAfterS} s`;
    case 'idempotency_unkept':
      return `the first request with this Idempotency-Key was answered, with more than the ${fault.limit} bytes that are kept for a repeat`;
    case 'queue_full':
      return `${fault.waiting} ${fault.yours ? 'of your requests' : 'requests'} are waiting, the limit is ${fault.limit}; try again in ${fault.retryAfterS} s`;
    case 'shutting_down':
      return `the server is shutting down; try again in ${fault.retryAfterS} s`;
    case 'stopped':
      return `the server was stopped while it worked on this; try again in ${fault.retryAfterS} s`;
    case 'no_memory':
      return `${fault.work} needs ${megabytes(fault.needs)} more memory, ${megabytes(fault.free)} are free; try again in ${fault.retryAfterS} s`;
    case 'never_fits':
      return `${fault.work} needs ${megabytes(fault.needs)} of memory, the machine has ${megabytes(fault.machine)}`;
    case 'deadline':
      return `the request took longer than ${fault.afterMs} ms (stage: ${fault.stage})`;
    case 'cancelled':
      return `the caller went away (stage: ${fault.stage})`;
    case 'vectorize':
      return `the vector index failed${fault.code === null ? '' : ` (code ${fault.code})`}: ${fault.message}`;
    case 'embedder':
      return `the text could not be embedded: ${fault.message}`;
    case 'gateway_unreachable':
      return `the gateway cannot be reached: ${fault.message}`;
    case 'gateway_timeout':
      return `the gateway sent nothing for ${fault.afterMs} ms (${fault.stage})`;
    case 'backend_unavailable':
      return `the backend cannot take this request now: ${fault.message}; try again in ${fault.retryAfterS} s`;
    case 'backend':
      return `the backend failed: ${fault.message}`;
    case 'not_configured':
      return `${fault.what} is not configured on this server`;
    case 'internal':
      return `internal error: ${fault.message}`;
  }
};

const INVALID = 'invalid_request_error';

const wireOf = (fault: Fault): { status: number; type: string; param?: string; retryAfterS?: number } => {
  switch (fault.kind) {
    case 'bad_json':
      return { status: 400, type: INVALID };
    case 'bad_field':
    case 'bad_vector':
    case 'zero_vector':
    case 'wrong_dimensions':
    case 'empty_text':
    case 'context_length':
      return { status: 400, type: INVALID, param: fault.param };
    case 'beyond_deadline':
      return { status: 400, type: INVALID, param: fault.steps === 0 ? 'text' : 'picks' };
    case 'too_large':
      return { status: 413, type: INVALID, param: fault.param };
    case 'never_fits':
      return { status: 413, type: INVALID };
    case 'unknown_corpus':
      return { status: 404, type: INVALID, param: 'corpus' };
    case 'unknown_example':
      return { status: 404, type: INVALID, param: 'id' };
    case 'not_indexed':
      return { status: 409, type: INVALID, param: 'id', retryAfterS: fault.retryAfterS };
    case 'unknown_selection':
      return { status: 404, type: INVALID, param: 'id' };
    case 'gone':
      return { status: 410, type: INVALID, param: 'id' };
    case 'unknown_model':
      return { status: 404, type: INVALID, param: 'model' };
    case 'not_found':
      return { status: 404, type: INVALID };
    case 'encoded_body':
      return { status: 415, type: INVALID };
    case 'wrong_method':
      return { status: 405, type: INVALID };
    case 'no_key':
    case 'bad_key':
    case 'key_expired':
    case 'bad_signature':
      return { status: 401, type: 'authentication_error' };
    case 'insufficient_scope':
      return { status: 403, type: 'permission_error' };
    case 'cannot_grant':
      return { status: 403, type: 'permission_error', param: fault.param };
    case 'unknown_key':
      return { status: 404, type: INVALID, param: 'id' };
    case 'keys_full':
      return { status: 409, type: INVALID };
    case 'idempotency_mismatch':
      return { status: 422, type: INVALID, param: 'Idempotency-Key' };
    case 'idempotency_busy':
      return { status: 409, type: INVALID, param: 'Idempotency-Key', retryAfterS: fault.retryAfterS };
    case 'idempotency_unkept':
      return { status: 409, type: INVALID, param: 'Idempotency-Key' };
    case 'budget_spent': {
      const wait = fault.retryAfterS === undefined ? {} : { retryAfterS: fault.retryAfterS };
      return { status: 429, type: 'insufficient_quota', ...wait };
    }
    case 'rate_limited':
      return { status: 429, type: 'rate_limit_error', retryAfterS: fault.retryAfterS };
    case 'nonces_full':
    case 'queue_full':
    case 'no_memory':
    case 'backend_unavailable':
    case 'shutting_down':
    case 'stopped':
      return { status: 503, type: 'server_error', retryAfterS: fault.retryAfterS };
    case 'deadline':
    case 'gateway_timeout':
      return { status: 504, type: 'server_error' };
    case 'cancelled':
      return { status: 499, type: 'server_error' };
    case 'vectorize':
    case 'gateway_unreachable':
    case 'backend':
      return { status: 502, type: 'server_error' };
    case 'embedder':
    case 'internal':
      return { status: 500, type: 'server_error' };
    case 'not_configured':
      return { status: 501, type: 'server_error' };
  }
};

/** The status of a kind of fault, which does not depend on its values. */
export const statusOf = (kind: Fault['kind']): number => wireOf({ kind } as Fault).status;

const CODES: Partial<Record<Fault['kind'], string>> = {
  context_length: 'context_length_exceeded',
  gone: 'selection_gone',
  unknown_model: 'model_not_found',
};

/** The code on the wire: the kind, but where clients know another name for it. */
export const codeOf = (kind: Fault['kind']): string => CODES[kind] ?? kind;

/** The exhaustive map from a fault to what goes over the wire. */
export const toWire = (fault: Fault): WireError => {
  const { status, type, param, retryAfterS } = wireOf(fault);
  const headers: Record<string, string> = {};
  if (retryAfterS !== undefined) headers['retry-after'] = String(retryAfterS);
  if (fault.kind === 'wrong_method') headers.allow = fault.allowed.join(', ');
  if (['no_key', 'bad_key', 'key_expired'].includes(fault.kind)) headers['www-authenticate'] = 'Bearer';
  // SDKs try a 409 or 429 again by themselves: in these cases nothing would change
  if (['budget_spent', 'idempotency_unkept', 'keys_full'].includes(fault.kind)) headers['x-should-retry'] = 'false';
  if (fault.kind === 'insufficient_scope') {
    headers['www-authenticate'] = `Bearer error="insufficient_scope", scope="${fault.needed.join(' ')}"`;
  }
  return {
    status,
    body: {
      error: {
        message: shortened(describe(fault), MAX_MESSAGE_CHARACTERS),
        type,
        code: codeOf(fault.kind),
        param: param === undefined ? null : shortened(param, MAX_PARAM_CHARACTERS),
      },
    },
    headers,
  };
};

/** The fault as a finished Response, for code outside a Hono handler. */
export const faultResponse = (fault: Fault): Response => {
  const { status, body, headers } = toWire(fault);
  return Response.json(body, { status, headers });
};
