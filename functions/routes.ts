// The handler of every route of wire/api/routes.ts. A route without a handler, or a handler without a route, does not
// compile; functions/index.ts mounts nothing under /v1 but these, each behind the guard of its scopes.
import type { Handler } from 'hono';
import { factsOf, type RouteFacts, type RouteName, routeNames } from '../wire/api/routes.ts';
import type { Authenticated } from './auth/principal.ts';
import {
  corporaRoute,
  corpusRoute,
  deleteCorpusRoute,
  deleteExampleRoute,
  exampleRoute,
  examplesRoute,
  uploadRoute,
} from './corpora/routes.ts';
import { completionsRoute } from './openai/completions.ts';
import { modelRoute, modelsRoute } from './openai/models.ts';
import { scoreRoute } from './score/route.ts';
import { selectRoute } from './select/route.ts';

const HANDLERS: Readonly<Record<RouteName, Handler<Authenticated>>> = {
  'GET /v1/models': modelsRoute,
  'GET /v1/models/{name}': modelRoute,
  'POST /v1/select': selectRoute,
  'POST /v1/completions': completionsRoute,
  'POST /v1/score': scoreRoute,
  'GET /v1/corpora': corporaRoute,
  'GET /v1/corpora/{corpus}': corpusRoute,
  'DELETE /v1/corpora/{corpus}': deleteCorpusRoute,
  'POST /v1/corpora/{corpus}/examples': uploadRoute,
  'GET /v1/corpora/{corpus}/examples': examplesRoute,
  'GET /v1/corpora/{corpus}/examples/{id}': exampleRoute,
  'DELETE /v1/corpora/{corpus}/examples/{id}': deleteExampleRoute,
};

/** Parameters that may hold slashes, as the name of a model does (`org/model`). */
const WITH_SLASHES: ReadonlySet<string> = new Set(['/v1/models/{name}']);

/** `/v1/corpora/{corpus}` as Hono writes it. */
const patternOf = (path: string): string => path.replaceAll(/\{(\w+)\}/g, WITH_SLASHES.has(path) ? ':$1{.+}' : ':$1');

export interface Route extends RouteFacts {
  readonly method: string;
  readonly pattern: string;
  readonly handler: Handler<Authenticated>;
}

export const routes: readonly Route[] = routeNames.map((name) => {
  const [method = '', path = ''] = name.split(' ');
  return { ...factsOf(name), method, pattern: patternOf(path), handler: HANDLERS[name] };
});
