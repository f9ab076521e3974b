// What each fault means to whoever meets it, and what to do then: docs/reference/errors.md is written from here. The status and
// the code are in faults.ts; the message of an answer has the values.
import type { Fault } from './faults.ts';

export interface Guide {
  readonly means: string;
  readonly todo: string;
}

export const FAULT_GUIDE: Readonly<Record<Fault['kind'], Guide>> = {
  bad_json: {
    means: 'the body, or a line of an upload, is not JSON, or nests deeper or holds more than is read',
    todo: 'send valid JSON in UTF-8; the message has the place',
  },
  bad_field: {
    means: 'a field, a parameter or a header has a value that is not allowed, or is not known here',
    todo: 'change what `param` names; the message has the value and what is allowed',
  },
  bad_vector: {
    means: 'a vector holds NaN or an infinite value',
    todo: 'send finite numbers; the message has the index',
  },
  zero_vector: { means: 'a vector of zeros has no direction', todo: 'leave the example out, or embed its text anew' },
  wrong_dimensions: {
    means: 'a vector has other dimensions than the corpus',
    todo: 'use the embedder of the corpus (`GET /v1/corpora/{corpus}` names it), or send texts',
  },
  empty_text: {
    means: 'a text of an upload, or one to be embedded, is empty or only white space (elsewhere `bad_field`)',
    todo: 'leave it out',
  },
  too_large: {
    means: 'a body, a line, a text or a number of things is above its limit',
    todo: 'send less at a time; the message has the size and the limit',
  },
  context_length: {
    means: 'prompt, examples in the context and answer do not fit into the model’s window',
    todo: 'shorten the prompt, ask for fewer tokens, or send `truncate: "start"`',
  },
  beyond_deadline: {
    means: 'the steps asked for cannot end before the deadline at the pace that was measured',
    todo: 'ask for the number of picks that the message names, or raise the gateway’s `--deadline`',
  },
  unknown_corpus: {
    means: 'the corpus does not exist, or is not this key’s',
    todo: 'look at `GET /v1/corpora`; an upload makes a corpus',
  },
  unknown_example: {
    means: 'the corpus has no example of this id',
    todo: 'list them: `GET /v1/corpora/{corpus}/examples`',
  },
  not_indexed: {
    means: 'the index does not show the latest version of the example yet',
    todo: 'wait as `Retry-After` says, and send the same again',
  },
  unknown_selection: {
    means: 'no selection of this id is kept: it never was, or its time is over',
    todo: 'select again',
  },
  gone: { means: 'an example of the kept selection was changed or deleted', todo: 'select again' },
  unknown_model: { means: 'no such model', todo: 'take one of those that the message lists (`GET /v1/models`)' },
  not_found: { means: 'no route has this path', todo: 'compare it with [the routes](api.md)' },
  wrong_method: { means: 'the path has no such method', todo: 'use one of those in the header `Allow`' },
  encoded_body: {
    means: 'the body is compressed in a way, or on a route, that is not read',
    todo: 'send it as it is; uploads may be gzip',
  },
  no_key: { means: 'there is no key in the request', todo: 'send `Authorization: Bearer KEY`' },
  bad_key: {
    means: 'the key is unknown or was revoked',
    todo: 'check it for a copying mistake, or have another made ([keys.md](../keys.md))',
  },
  key_expired: { means: 'the key’s time is over', todo: 'have it rotated, or another made' },
  insufficient_scope: {
    means: 'the key may not do this',
    todo: 'use a key that has one of the scopes in the message',
  },
  cannot_grant: {
    means: 'a key was to give another more than it has itself',
    todo: 'ask for less, or use an operator’s key',
  },
  unknown_key: { means: 'the tenant has no key of this id', todo: 'list them: `GET /v1/keys`' },
  keys_full: { means: 'the tenant has as many keys as it may have', todo: 'revoke some' },
  bad_signature: {
    means: 'the gateway does not accept the edge’s signature; callers see `gateway_unreachable`',
    todo: 'give both sides the same `GATEWAY_SECRET`, and their clocks the same time',
  },
  nonces_full: {
    means: 'the gateway was sent more signed requests within a minute than it remembers',
    todo: 'wait as `Retry-After` says; put a second gateway beside it if it lasts',
  },
  rate_limited: { means: 'too much in too short a time', todo: 'wait as `Retry-After` says' },
  budget_spent: {
    means: 'the key’s budget of the day, the month or in all is used up',
    todo: 'wait for the next period, or have the budget raised; SDKs do not try again',
  },
  idempotency_mismatch: {
    means: 'the Idempotency-Key was used with another request',
    todo: 'use a new one for each request',
  },
  idempotency_busy: {
    means: 'the first request with this Idempotency-Key is still at work',
    todo: 'wait as `Retry-After` says, and send the same again',
  },
  idempotency_unkept: {
    means: 'the first request was answered, but its answer was too large to be kept for a repeat',
    todo: 'send it under a new key if the work may be done twice',
  },
  queue_full: {
    means: 'the gateway has as many waiting requests as it takes, in all or of this tenant',
    todo: 'wait as `Retry-After` says; add workers or servers if it lasts',
  },
  shutting_down: {
    means: 'the gateway is being stopped, and has not begun the request',
    todo: 'wait as `Retry-After` says; of several gateways the edge asks another by itself',
  },
  stopped: {
    means: 'the gateway was stopped while it worked on the request',
    todo: 'send it again, which pays for the work again; give the gateway a longer `--drain`',
  },
  no_memory: {
    means: 'the machine’s memory is taken by other sessions',
    todo: 'wait as `Retry-After` says; fewer workers if it lasts',
  },
  never_fits: {
    means: 'the work needs more memory than the machine has',
    todo: 'send shorter texts, take LoRA (`"method":"lora"`) or a smaller rank, or a larger machine',
  },
  backend_unavailable: {
    means: 'the servers behind the gateway are full or away; none began this request',
    todo: 'wait as `Retry-After` says ([backends.md](../backends.md))',
  },
  deadline: {
    means: 'the work took longer than the gateway’s deadline',
    todo: 'ask for fewer picks or tokens, or raise `--deadline`',
  },
  cancelled: { means: 'the caller went away; only logs show it', todo: 'nothing' },
  vectorize: {
    means: 'the vector index failed or refused',
    todo: 'try again later; the message has its code',
  },
  embedder: {
    means: 'the text could not be turned into a vector',
    todo: 'try again; if it lasts, look at the log of the edge, or send vectors',
  },
  gateway_unreachable: {
    means: 'the edge does not reach the gateway, or cannot trust what it says',
    todo: 'check `GATEWAY_URL`, `GATEWAY_SECRET` and clocks; `GET /ready` tells which ([operate.md](../operate.md))',
  },
  gateway_timeout: {
    means: 'the gateway did not begin to answer, or fell silent',
    todo: 'look at the gateway’s log and load; try again',
  },
  backend: { means: 'the backend failed at the work', todo: 'look at the gateway’s log under the `x-request-id`' },
  not_configured: {
    means: 'the deployment lacks what this route needs',
    todo: 'set what the message names ([configuration.md](configuration.md))',
  },
  internal: {
    means: 'an error that nobody foresaw',
    todo: 'report it with its `x-request-id`; the log has the stack',
  },
};
