// The gateway's table of contents: which route does what, behind which guard, with a queue for each backend.
import { type Context, Hono } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { requestId } from 'hono/request-id';
import { asFault, type Fault, FaultError, faultResponse } from '../wire/faults.ts';
import {
  ADAPTER_BYTES,
  ADAPTER_TTL_MS,
  MAX_QUEUE,
  MAX_QUEUE_PER_TENANT,
  MAX_REQUEST_ID_CHARACTERS,
  SSE_HEARTBEAT_MS,
  SSE_STALL_MS,
  TUNE_DEADLINE_MS,
} from '../wire/limits.ts';
import type { LogLevel } from '../wire/request-line.ts';
import { createStore } from './adapters/learn.ts';
import { type Signed, signedOnly } from './auth.ts';
import type { Registry } from './backends/registry.ts';
import { createMetrics } from './metrics.ts';
import type { NonceMemory } from './nonces.ts';
import { Pace } from './pace.ts';
import { Queue } from './queue.ts';
import { recorded } from './record.ts';
import { forgetRoute } from './routes/forget.ts';
import { scoreRoute } from './routes/score.ts';
import { tuneRoute } from './routes/tune.ts';
import type { Work } from './routes/work.ts';

export interface GatewayOptions {
  readonly registry: Registry;
  /** Shared with the edge. */
  readonly secret: string;
  /** Accepted beside it while secrets are changed: the one that edges may still sign with. */
  readonly previousSecret?: string;
  /** Requests waiting for one backend. */
  readonly queueLimit?: number;
  /** Of these, of one tenant. */
  readonly tenantLimit?: number;
  /** A tenant's share of each backend's work beside other tenants: 1 for those not named. */
  readonly weights?: ReadonlyMap<string, number>;
  /** Milliseconds that a request may take in all, queueing included. */
  readonly deadlineMs?: number;
  /** Milliseconds between heartbeats of a stream, and those that a stalled reader is waited for. */
  readonly heartbeatMs?: number;
  readonly stallMs?: number;
  /** Aborts whatever still runs when a graceful shutdown has waited long enough. */
  readonly shutdown?: AbortSignal;
  /** Nonces that were used already; its own by default. */
  readonly nonces?: NonceMemory;
  /** How many bytes of adapters are kept (0: none), and for how long. */
  readonly adapters?: { readonly maxBytes?: number; readonly ttlMs?: number };
  /** Which requests are told of on stderr; by default those that failed on our side. */
  readonly logLevel?: LogLevel;
  /** Unix time in milliseconds. */
  readonly nowMs?: () => number;
  /** Milliseconds from any moment on, which work is timed by. */
  readonly clock?: () => number;
}

const checkedWeights = (weights: ReadonlyMap<string, number>): ReadonlyMap<string, number> => {
  for (const [tenant, weight] of weights) {
    if (!(Number.isFinite(weight) && weight > 0)) {
      throw new Error(`the weight of tenant '${tenant}' is ${weight}, it must be above 0`);
    }
  }
  return weights;
};

/** What answers here: a line of the log names no other path. */
const ROUTES: ReadonlySet<string> = new Set([
  ...['/v1/tune', '/v1/score', '/v1/forget', '/v1/models'],
  ...['/health', '/ready', '/metrics'],
]);

export const createGateway = (options: GatewayOptions) => {
  const { registry, secret, previousSecret, nonces } = options;
  const weights = checkedWeights(options.weights ?? new Map());
  const limit = options.queueLimit ?? MAX_QUEUE;
  const queues = new Map(
    registry.backends.map(({ name, backend: { concurrency } }) => {
      const weightOf = (tenant: string) => weights.get(tenant) ?? 1;
      const tenantLimit = options.tenantLimit ?? MAX_QUEUE_PER_TENANT;
      return [name, new Queue({ concurrency, limit, tenantLimit, weightOf })];
    }),
  );
  const now = options.clock ?? (() => performance.now());
  const { maxBytes = ADAPTER_BYTES, ttlMs = ADAPTER_TTL_MS } = options.adapters ?? {};
  const adapters = createStore({ maxBytes, ttlMs, now });
  const metrics = createMetrics(queues, adapters.store);
  let shuttingDown = false;
  const work: Work = {
    registry,
    queues,
    paces: new Map(registry.models.map(({ id }) => [id, new Pace()])),
    adapters: adapters.store,
    metrics,
    deadlineMs: options.deadlineMs ?? TUNE_DEADLINE_MS,
    heartbeatMs: options.heartbeatMs ?? SSE_HEARTBEAT_MS,
    stallMs: options.stallMs ?? SSE_STALL_MS,
    shutdown: options.shutdown ?? new AbortController().signal,
    now,
  };
  const app = new Hono<Signed>();
  app.use(requestId({ limitLength: MAX_REQUEST_ID_CHARACTERS }));
  app.use(recorded(options.logLevel ?? 'error', (path) => (ROUTES.has(path) ? path : null)));
  app.use(
    '/v1/*',
    signedOnly({
      secret,
      ...(previousSecret === undefined ? {} : { previousSecret }),
      onPrevious: () => metrics.previousSecret.inc(),
      onWrong: () => metrics.refusedSignatures.inc(),
      nowMs: options.nowMs ?? Date.now,
      ...(nonces === undefined ? {} : { nonces }),
    }),
  );

  app.post('/v1/tune', tuneRoute(work));
  app.post('/v1/score', scoreRoute(work));
  app.post('/v1/forget', forgetRoute(adapters.store));
  app.get('/v1/models', (c) =>
    c.json({
      models: registry.models.map(({ id, contextTokens, parameters, chat, capabilities, defaults }) => ({
        id,
        context_tokens: contextTokens,
        parameters,
        chat,
        max_logprobs: capabilities.topLogprobs,
        defaults: {
          method: defaults.method,
          rank: defaults.rank,
          learning_rate: defaults.learningRate,
          from: defaults.from,
        },
        capabilities: {
          methods: capabilities.methods,
          max_rank: capabilities.maxRank,
          logprobs: capabilities.logprobs,
          streaming: capabilities.streaming,
          penalties: capabilities.penalties,
        },
      })),
    }),
  );
  app.get('/health', (c) => {
    const all = [...queues.values()];
    const health = {
      status: shuttingDown ? 'shutting down' : 'ok',
      models: registry.models.map(({ id }) => id),
      running: all.reduce((sum, { running }) => sum + running, 0),
      waiting: all.reduce((sum, { waiting }) => sum + waiting, 0),
      backends: Array.from(queues, ([name, { running, waiting }]) => ({ name, running, waiting })),
    };
    // not a fault, but whoever sends requests here should stop
    return c.json(health, shuttingDown ? 503 : 200);
  });
  app.get('/metrics', async (c) =>
    c.text(await metrics.registry.metrics(), 200, { 'content-type': metrics.registry.contentType }),
  );

  app.get('/ready', (c) => {
    const away = registry.backends.flatMap(({ name, backend }) => (backend.isWell?.() === false ? [name] : []));
    const checks = {
      accepting: shuttingDown ? 'shutting down' : 'ok',
      models: registry.models.length === 0 ? 'none' : 'ok',
      backends: away.length === 0 ? 'ok' : `not well: ${away.join(', ')}`,
    };
    // one backend that is away leaves the others to be asked
    const ready = !shuttingDown && registry.models.length > 0 && away.length < registry.backends.length;
    return c.json({ status: ready ? 'ready' : 'not ready', checks }, ready ? 200 : 503);
  });

  const refused = (c: Context<Signed>, fault: Fault): Response => {
    c.var.record.failed(new FaultError(fault));
    return faultResponse(fault);
  };
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, allowed) => refused(c, { kind: 'wrong_method', method: c.req.method, allowed }),
    }),
  );
  app.notFound((c) => refused(c, { kind: 'not_found', path: c.req.path }));
  app.onError((error, c) => {
    c.var.record.failed(error);
    return faultResponse(asFault(error));
  });
  /** Refuses newcomers from now on; resolves when those inside have ended. */
  const drain = async (): Promise<void> => {
    shuttingDown = true;
    for (const queue of queues.values()) queue.close();
    await Promise.all(Array.from(queues.values(), (queue) => queue.idle()));
    adapters.end();
  };
  return { app, drain, metrics };
};
