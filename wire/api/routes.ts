// Every route under /v1: what it takes, which scopes let a key in, and how it fails. functions/routes.ts gives each its
// handler, functions/index.ts mounts them from there behind the guard, and the table in docs/reference/api.md is written from here
// (routes-table.ts, `node cli/routes.ts --write`). It is data alone, so that docs, clients and tests read it without the Worker.
import * as z from 'zod';
import type { Fault } from '../faults.ts';
import {
  DELETE_EXAMINED,
  MAX_BODY_BYTES,
  MAX_EMBEDDINGS,
  MAX_EMBEDDINGS_BYTES,
  MAX_KEY_BODY_BYTES,
  MAX_KEY_GRACE_S,
  MAX_KEYS,
  MAX_LINE_BYTES,
  MAX_MESSAGES,
  MAX_PAGE,
  MAX_PROMPTS,
  MAX_UPLOAD_BYTES,
} from '../limits.ts';
import { chatChunk, chatRequest, chatResponse } from './chat.ts';
import { completionChunk, completionRequest, completionResponse } from './completions.ts';
import {
  corpusDeleted,
  corpusOnWire,
  corpusPage,
  corpusRequest,
  exampleDeleted,
  exampleLine,
  exampleOnWire,
  examplePage,
  pageQuery,
  uploadAnswerLine,
  uploadQuery,
} from './corpora.ts';
import { embeddingsRequest, embeddingsResponse } from './embeddings.ts';
import { deleteRequest, deleteResponse, examplePatch, examplePatched, exportQuery } from './examples.ts';
import { keyMade, keyPage, keyRequest, keyResponse, keyRevoked, rotateRequest } from './keys.ts';
import { modelList, modelOnWire } from './model.ts';
import type { Scope } from './scope.ts';
import { scoreRequest, scoreResponse } from './score.ts';
import { selectedFields, selectLine, selectList, selectRequest, selectResponse } from './select.ts';

export interface RouteFacts {
  /** One line: what it answers. */
  readonly summary: string;
  /** Each one of these lets a key in. */
  readonly scopes: readonly Scope[];
  /** Absent: it takes no body. */
  readonly body?: { readonly type: 'json' | 'ndjson'; readonly limit: number };
  /** Further limits, in words. */
  readonly limits?: string;
  /** How it fails, beside EVERY_ROUTE. */
  readonly errors: readonly Fault['kind'][];
  /** Of the query. */
  readonly query?: z.ZodType;
  /** Of the body, or of one line of it. */
  readonly request?: z.ZodType;
  /** Of the answer as JSON; of a line where it is NDJSON; of an event's data where it is a stream. */
  readonly response?: z.ZodType;
  readonly lines?: z.ZodType;
  readonly events?: z.ZodType;
  /** 201 where it made something that was not there, beside 200 for what was, or always. */
  readonly created?: 'sometimes' | 'always';
  /** Statuses of an answer that has lines although all of it failed. */
  readonly failedWhole?: readonly number[];
  /** Answered in milliseconds, and waited for: uploads in the same isolate give way to it. */
  readonly quick?: true;
  /** 304 for an If-None-Match that still holds. */
  readonly unchanged?: true;
  /** It takes an Idempotency-Key; `refused`: it says that it does not. */
  readonly idempotency?: 'taken' | 'refused';
  /** It makes gradient steps, or generates: it counts against the rates of steps and the budgets of tokens. */
  readonly tunes?: true;
}

/** What every route may answer. */
export const EVERY_ROUTE: readonly Fault['kind'][] = [
  'bad_field',
  'no_key',
  'bad_key',
  'key_expired',
  'insufficient_scope',
  'encoded_body',
  'rate_limited',
  'budget_spent',
  'internal',
];

const JSON_BODY = { type: 'json', limit: MAX_BODY_BYTES } as const;
/** Of a route that takes an Idempotency-Key. */
const REPEATED = ['idempotency_busy', 'idempotency_mismatch', 'idempotency_unkept'] as const;
const PAGES = `${MAX_PAGE.toLocaleString('en')} a page`;
/** Of a call to the gateway, whatever it is about. */
const GATEWAY = ['gateway_unreachable', 'gateway_timeout', 'not_configured', 'shutting_down', 'deadline'] as const;
/** Of work that waits for a backend. */
const WORK = [
  ...GATEWAY,
  ...(['queue_full', 'no_memory', 'never_fits', 'backend_unavailable', 'stopped'] as const),
  ...(['backend', 'beyond_deadline', 'context_length', 'unknown_model'] as const),
] as const;
/** Of a vector that a caller sends. */
const VECTOR = ['bad_vector', 'zero_vector', 'wrong_dimensions'] as const;
/** Of a selection from a corpus. */
const SELECTION = ['unknown_corpus', 'vectorize', 'embedder', 'too_large', 'bad_json', ...VECTOR] as const;

/** `METHOD PATH` in the order of the documentation. */
export const ROUTES = {
  'GET /v1/models': {
    summary:
      "OpenAI's list: `NAME` and `NAME:sift` for every model of the gateway, with `context_window`, `parameters`, `tuned`, `defaults`",
    scopes: ['read', 'generate'],
    response: modelList,
    errors: GATEWAY,
  },
  'GET /v1/models/{name}': {
    summary: 'one of them',
    scopes: ['read', 'generate'],
    response: modelOnWire,
    errors: ['unknown_model', ...GATEWAY],
  },
  'POST /v1/select': {
    summary: 'the selection',
    scopes: ['select'],
    body: JSON_BODY,
    idempotency: 'taken',
    request: selectRequest,
    response: z.union([selectResponse, selectedFields, selectList]),
    lines: selectLine,
    unchanged: true,
    quick: true,
    errors: [...SELECTION, 'not_configured', ...REPEATED],
  },
  'GET /v1/selections/{id}': {
    summary: 'the same bytes again, for as long as the deployment keeps them',
    scopes: ['select'],
    response: z.union([selectResponse, selectedFields]),
    unchanged: true,
    quick: true,
    errors: ['unknown_selection', 'gone'],
  },
  'POST /v1/completions': {
    summary: "OpenAI's completion, streamed or not",
    scopes: ['generate'],
    body: JSON_BODY,
    limits: `${MAX_PROMPTS} prompts`,
    idempotency: 'taken',
    tunes: true,
    request: completionRequest,
    response: completionResponse,
    events: completionChunk,
    errors: [...SELECTION, ...WORK, ...REPEATED],
  },
  'POST /v1/chat/completions': {
    summary: "OpenAI's chat completion, streamed or not",
    scopes: ['generate'],
    body: JSON_BODY,
    limits: `${MAX_MESSAGES.toLocaleString('en')} messages`,
    idempotency: 'taken',
    tunes: true,
    request: chatRequest,
    response: chatResponse,
    events: chatChunk,
    errors: [...SELECTION, ...WORK, ...REPEATED],
  },
  'POST /v1/embeddings': {
    summary: "OpenAI's embeddings, by the edge's own embedder",
    scopes: ['generate', 'select'],
    body: JSON_BODY,
    limits: `${MAX_EMBEDDINGS.toLocaleString('en')} texts, ${MAX_EMBEDDINGS_BYTES / 2 ** 20} MiB together`,
    request: embeddingsRequest,
    response: embeddingsResponse,
    errors: ['bad_json', 'too_large', 'empty_text', 'embedder', 'unknown_model', 'not_configured'],
  },
  'POST /v1/score': {
    summary: 'bits per byte before and after learning from examples',
    scopes: ['generate'],
    body: JSON_BODY,
    idempotency: 'taken',
    tunes: true,
    request: scoreRequest,
    response: scoreResponse,
    errors: [...SELECTION, ...WORK, ...REPEATED],
  },
  'GET /v1/corpora': {
    summary: 'names, by page: those that the key may touch',
    scopes: ['read'],
    limits: PAGES,
    query: pageQuery,
    response: corpusPage,
    errors: [],
  },
  'GET /v1/corpora/{corpus}': {
    summary: 'counts, stripes, dimensions, embedder, `geometry` of its vectors (below)',
    scopes: ['read'],
    response: corpusOnWire,
    errors: ['unknown_corpus'],
  },
  'PUT /v1/corpora/{corpus}': {
    summary: 'the corpus with what it declares (`filterable`, `chunk`, `stripes`), made now (201) or changed (200)',
    scopes: ['write'],
    body: { type: 'json', limit: MAX_LINE_BYTES },
    request: corpusRequest,
    response: corpusOnWire,
    created: 'sometimes',
    errors: ['unknown_corpus', 'bad_json', 'too_large', 'embedder', 'not_configured'],
  },
  'DELETE /v1/corpora/{corpus}': {
    summary: '`{"deleted":true,"examples":n}`; gone at once',
    scopes: ['write'],
    response: corpusDeleted,
    errors: ['unknown_corpus'],
  },
  'POST /v1/corpora/{corpus}/delete': {
    summary: 'every example that a filter lets through is deleted; `next_cursor` goes on',
    scopes: ['write'],
    body: { type: 'json', limit: MAX_LINE_BYTES },
    limits: `looks at ${DELETE_EXAMINED.toLocaleString('en')} examples a request`,
    request: deleteRequest,
    response: deleteResponse,
    errors: ['unknown_corpus', 'bad_json', 'too_large', 'vectorize'],
  },
  'POST /v1/corpora/{corpus}/examples': {
    summary:
      'a line for each line of the upload, and a summary; errors are in the lines, and the status 422 or 502 where all failed at once',
    scopes: ['write'],
    body: { type: 'ndjson', limit: MAX_UPLOAD_BYTES },
    limits: `plain or gzip; ${MAX_LINE_BYTES / 2 ** 20} MiB a line`,
    query: uploadQuery,
    request: exampleLine,
    lines: uploadAnswerLine,
    failedWhole: [422, 502],
    errors: ['unknown_corpus', 'bad_json'],
  },
  'GET /v1/corpora/{corpus}/examples': {
    summary:
      'ids, hashes, bytes, by page; with `Accept: application/x-ndjson` the whole corpus, to be uploaded again as it is',
    scopes: ['read'],
    limits: PAGES,
    query: exportQuery,
    response: examplePage,
    lines: exampleLine,
    errors: ['unknown_corpus'],
  },
  'GET /v1/corpora/{corpus}/examples/{id}': {
    summary: 'the example with its text; `indexed` tells whether selections see it',
    scopes: ['read'],
    response: exampleOnWire,
    errors: ['unknown_corpus', 'unknown_example', 'vectorize'],
  },
  'PATCH /v1/corpora/{corpus}/examples/{id}': {
    summary: 'the example with another source or metadata (JSON merge patch)',
    scopes: ['write'],
    body: { type: 'json', limit: MAX_LINE_BYTES },
    request: examplePatch,
    response: examplePatched,
    errors: ['unknown_corpus', 'unknown_example', 'not_indexed', 'bad_json', 'too_large', 'vectorize'],
  },
  'DELETE /v1/corpora/{corpus}/examples/{id}': {
    summary: '`{"deleted":true}`',
    scopes: ['write'],
    response: exampleDeleted,
    errors: ['unknown_corpus', 'unknown_example', 'vectorize'],
  },
  'POST /v1/keys': {
    summary: 'the key, its secret this once (201)',
    scopes: ['admin'],
    body: { type: 'json', limit: MAX_KEY_BODY_BYTES },
    limits: `${MAX_KEYS.toLocaleString('en')} keys a tenant`,
    request: keyRequest,
    response: keyMade,
    created: 'always',
    idempotency: 'refused',
    errors: ['bad_json', 'too_large', 'cannot_grant', 'keys_full', 'not_configured'],
  },
  'GET /v1/keys': {
    summary: 'keys, by page, without their secrets',
    scopes: ['admin'],
    limits: PAGES,
    response: keyPage,
    errors: ['cannot_grant', 'not_configured'],
  },
  'GET /v1/keys/{id}': {
    summary: 'one of them, and what was used of its budgets',
    scopes: ['admin'],
    response: keyResponse,
    errors: ['unknown_key', 'cannot_grant', 'not_configured'],
  },
  'POST /v1/keys/{id}/rotate': {
    summary: 'the key with a new secret, this once',
    scopes: ['admin'],
    body: { type: 'json', limit: MAX_KEY_BODY_BYTES },
    limits: `${MAX_KEY_GRACE_S / 3600} h of grace`,
    request: rotateRequest,
    response: keyMade,
    idempotency: 'refused',
    errors: ['bad_json', 'too_large', 'unknown_key', 'cannot_grant', 'not_configured'],
  },
  'DELETE /v1/keys/{id}': {
    summary: '`{"revoked":true}`; it works nowhere after 60 s',
    scopes: ['admin'],
    response: keyRevoked,
    errors: ['unknown_key', 'cannot_grant', 'not_configured'],
  },
} as const satisfies Record<string, RouteFacts>;

export type RouteName = keyof typeof ROUTES;

export const routeNames = Object.keys(ROUTES) as RouteName[];

/** The facts by themselves, where it does not matter which route it is. */
export const factsOf = (name: RouteName): RouteFacts => ROUTES[name];
