// The handler of every route of wire/api/routes.ts. A route without a handler, or a handler without a route, does not
// compile; functions/index.ts mounts nothing under /v1 but these, each behind the guard of its scopes.
import type { Handler, MiddlewareHandler } from 'hono';
import { factsOf, type RouteFacts, type RouteName, routeNames } from '../wire/api/routes.ts';
import { guarded } from './auth/guard.ts';
import type { Authenticated } from './auth/principal.ts';
import { declareRoute } from './corpora/declare.ts';
import { deleteByFilterRoute } from './corpora/delete-by-filter.ts';
import { patchRoute } from './corpora/patch.ts';
import {
  corporaRoute,
  corpusRoute,
  deleteCorpusRoute,
  deleteExampleRoute,
  exampleRoute,
  examplesRoute,
} from './corpora/routes.ts';
import { uploadRoute } from './corpora/upload.ts';
import { idempotent, notIdempotent } from './idempotency/guard.ts';
import { createKeyRoute, keyRoute, keysRoute, revokeKeyRoute, rotateKeyRoute } from './keys/routes.ts';
import { metered } from './limits/guard.ts';
import { chatRoute } from './openai/chat.ts';
import { completionsRoute } from './openai/completions.ts';
import { embeddingsRoute } from './openai/embeddings.ts';
import { modelRoute, modelsRoute } from './openai/models.ts';
import { beforeUploads } from './pause.ts';
import { scoreRoute } from './score/route.ts';
import { selectRoute } from './select/route.ts';
import { selectionRoute } from './selections/route.ts';

const HANDLERS: Readonly<Record<RouteName, Handler<Authenticated>>> = {
  'GET /v1/models': modelsRoute,
  'GET /v1/models/{name}': modelRoute,
  'POST /v1/select': selectRoute,
  'GET /v1/selections/{id}': selectionRoute,
  'POST /v1/completions': completionsRoute,
  'POST /v1/chat/completions': chatRoute,
  'POST /v1/embeddings': embeddingsRoute,
  'POST /v1/score': scoreRoute,
  'GET /v1/corpora': corporaRoute,
  'GET /v1/corpora/{corpus}': corpusRoute,
  'PUT /v1/corpora/{corpus}': declareRoute,
  'DELETE /v1/corpora/{corpus}': deleteCorpusRoute,
  'POST /v1/corpora/{corpus}/delete': deleteByFilterRoute,
  'POST /v1/corpora/{corpus}/examples': uploadRoute,
  'GET /v1/corpora/{corpus}/examples': examplesRoute,
  'GET /v1/corpora/{corpus}/examples/{id}': exampleRoute,
  'PATCH /v1/corpora/{corpus}/examples/{id}': patchRoute,
  'DELETE /v1/corpora/{corpus}/examples/{id}': deleteExampleRoute,
  'POST /v1/keys': createKeyRoute,
  'GET /v1/keys': keysRoute,
  'GET /v1/keys/{id}': keyRoute,
  'POST /v1/keys/{id}/rotate': rotateKeyRoute,
  'DELETE /v1/keys/{id}': revokeKeyRoute,
};

/** Parameters that may hold slashes, as the name of a model does (`org/model`). */
const WITH_SLASHES: ReadonlySet<string> = new Set(['/v1/models/{name}']);

/** `/v1/corpora/{corpus}` as Hono writes it. */
const patternOf = (path: string): string => path.replaceAll(/\{(\w+)\}/g, WITH_SLASHES.has(path) ? ':$1{.+}' : ':$1');

/** Uploads give way to it. */
const beforeOthers: MiddlewareHandler<Authenticated> = (_, next) => beforeUploads(next);

/** What stands before a handler, in this order: a key's scopes; an answer that is there already; rates and budgets. */
const guardsOf = ({ scopes, body, idempotency, tunes, quick }: RouteFacts): MiddlewareHandler<Authenticated>[] => [
  guarded(scopes),
  ...(quick ? [beforeOthers] : []),
  ...(idempotency === 'taken' ? [idempotent(body?.limit ?? 0)] : []),
  ...(idempotency === 'refused' ? [notIdempotent] : []),
  metered(tunes === true),
];

export interface Route {
  readonly method: string;
  readonly pattern: string;
  readonly guards: readonly MiddlewareHandler<Authenticated>[];
  readonly handler: Handler<Authenticated>;
}

export const routes: readonly Route[] = routeNames.map((name) => {
  const [method = '', path = ''] = name.split(' ');
  return { method, pattern: patternOf(path), guards: guardsOf(factsOf(name)), handler: HANDLERS[name] };
});
