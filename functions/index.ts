// The edge's table of contents: which route does what, behind which guard, and where every error ends.
import { type Context, Hono } from 'hono';
import { cors } from 'hono/cors';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { requestId } from 'hono/request-id';
import { secureHeaders } from 'hono/secure-headers';
import { FaultError } from '../wire/faults.ts';
import { MAX_REQUEST_ID_CHARACTERS } from '../wire/limits.ts';
import { authenticated } from './auth/guard.ts';
import type { Authenticated } from './auth/principal.ts';
import { wireError } from './http/errors.ts';
import { plainBody } from './http/plain.ts';
import { observed } from './observe/observed.ts';
import { beforeUploads } from './pause.ts';
import { readyRoute } from './ready/route.ts';
import { routes } from './routes.ts';
import { siteRoute } from './site/route.ts';

export { KeyRing } from './auth/ring.ts';
export { Catalogue } from './corpora/catalogue.ts';
export { CorpusList } from './corpora/list.ts';
export { Idempotency } from './idempotency/object.ts';
export { Meter } from './limits/meter.ts';

const answer = (c: Context<Authenticated>, error: unknown): Response => {
  c.var.record.failed(error);
  const { status, body, headers } = wireError(error);
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  // the status comes from the one map of faults, or from the gateway that made it by the same map
  return c.body(JSON.stringify(body), status as 500, { 'content-type': 'application/json' });
};

const app = new Hono<Authenticated>();
app.use(requestId({ limitLength: MAX_REQUEST_ID_CHARACTERS }));
app.use(observed);
app.use(secureHeaders({ crossOriginResourcePolicy: 'cross-origin' }));
app.use(
  cors({
    origin: '*',
    // whatever a preflight asks for is allowed: SDKs send headers of their own, and none of them grants anything
    exposeHeaders: [
      ...['x-request-id', 'server-timing', 'x-sift-overhead-ms', 'retry-after', 'x-should-retry'],
      ...['ratelimit', 'ratelimit-policy', 'idempotent-replayed', 'etag', 'x-sift-gateway'],
    ],
    maxAge: 86_400,
  }),
);
app.use('/v1/*', authenticated, plainBody);

app.get('/health', (c) => c.json({ status: 'ok' }));
// uploads give way to it, as to the quick ones among the routes
app.get('/ready', (_, next) => beforeUploads(next), readyRoute);
app.get('/', siteRoute);
app.get('/playground/*', siteRoute);
app.get('/openapi.json', siteRoute);
app.get('/docs', (c) => c.redirect('/docs/', 308));
app.get('/docs/*', siteRoute);
for (const { method, pattern, guards, handler } of routes) app.on([method], [pattern], ...guards, handler);

app.use(
  methodNotAllowed({
    app,
    onMethodNotAllowed: (c, allowed) =>
      answer(c, new FaultError({ kind: 'wrong_method', method: c.req.method, allowed })),
  }),
);
app.notFound((c) => answer(c, new FaultError({ kind: 'not_found', path: c.req.path })));
app.onError((error, c) => answer(c, error));

export default app;
