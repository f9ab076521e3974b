// The gateway's table of contents: which route does what, with which backend, behind which guard.
import { Hono } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { requestId } from 'hono/request-id';
import { asFault, faultResponse } from '../wire/faults.ts';
import { MAX_QUEUE, SSE_HEARTBEAT_MS, SSE_STALL_MS, TUNE_DEADLINE_MS } from '../wire/limits.ts';
import { type Signed, signedOnly } from './auth.ts';
import type { Backend } from './backends/contract.ts';
import { logError } from './log.ts';
import { createMetrics } from './metrics.ts';
import type { NonceMemory } from './nonces.ts';
import { Queue } from './queue.ts';
import { scoreRoute } from './routes/score.ts';
import { tuneRoute } from './routes/tune.ts';

export interface GatewayOptions {
  readonly backend: Backend;
  /** Shared with the edge. */
  readonly secret: string;
  readonly queueLimit?: number;
  readonly deadlineMs?: number;
  /** Milliseconds between heartbeats of a stream, and those that a stalled reader is waited for. */
  readonly heartbeatMs?: number;
  readonly stallMs?: number;
  /** Aborts whatever still runs when a graceful shutdown has waited long enough. */
  readonly shutdown?: AbortSignal;
  /** Nonces that were used already; its own by default. */
  readonly nonces?: NonceMemory;
  /** Unix time in milliseconds. */
  readonly nowMs?: () => number;
}

export const createGateway = (options: GatewayOptions) => {
  const { backend, secret, nonces } = options;
  const queue = new Queue({ concurrency: backend.concurrency, limit: options.queueLimit ?? MAX_QUEUE });
  const metrics = createMetrics(queue);
  const deps = {
    backend,
    queue,
    metrics,
    deadlineMs: options.deadlineMs ?? TUNE_DEADLINE_MS,
    heartbeatMs: options.heartbeatMs ?? SSE_HEARTBEAT_MS,
    stallMs: options.stallMs ?? SSE_STALL_MS,
    shutdown: options.shutdown ?? new AbortController().signal,
    now: () => performance.now(),
  };
  const app = new Hono<Signed>();
  app.use(requestId());
  app.use(
    '/v1/*',
    signedOnly({ secret, nowMs: options.nowMs ?? Date.now, ...(nonces === undefined ? {} : { nonces }) }),
  );

  app.post('/v1/tune', tuneRoute(deps));
  app.post('/v1/score', scoreRoute(deps));
  app.get('/v1/models', (c) =>
    c.json({
      models: backend.models.map(({ id, contextTokens, parameters }) => ({
        id,
        context_tokens: contextTokens,
        parameters,
      })),
    }),
  );
  app.get('/health', (c) =>
    c.json({
      status: 'ok',
      models: backend.models.map(({ id }) => id),
      running: queue.running,
      waiting: queue.waiting,
    }),
  );
  app.get('/metrics', async (c) =>
    c.text(await metrics.registry.metrics(), 200, { 'content-type': metrics.registry.contentType }),
  );

  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, allowed) => faultResponse({ kind: 'wrong_method', method: c.req.method, allowed }),
    }),
  );
  app.notFound((c) => faultResponse({ kind: 'not_found', path: c.req.path }));
  app.onError((error, c) => {
    const fault = asFault(error);
    if (fault.kind === 'internal') logError(c.req.path, error);
    return faultResponse(fault);
  });
  return { app, queue, metrics };
};
