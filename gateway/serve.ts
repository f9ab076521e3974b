// Listens: the gateway app on a port, with a shutdown that lets requests in flight finish within a bound.
import { once } from 'node:events';
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { SHUTDOWN_GRACE_MS } from '../wire/limits.ts';
import { createGateway, type GatewayOptions } from './app.ts';

export interface RunningGateway {
  readonly url: string;
  /** Refuses newcomers, waits for those inside up to the grace period, aborts the rest, frees the backend. */
  close(graceMs?: number): Promise<void>;
}

/** Listens on host:port (0: any free port). Rejects with Node's own error, e.g. EADDRINUSE, if it cannot. */
export const serveGateway = async (
  options: Omit<GatewayOptions, 'shutdown'> & { host?: string; port: number },
): Promise<RunningGateway> => {
  const shutdown = new AbortController();
  const { app, queue } = createGateway({ ...options, shutdown: shutdown.signal });
  const host = options.host ?? '127.0.0.1';
  const server = createAdaptorServer({ fetch: app.fetch, hostname: host }) as Server;
  server.listen(options.port, host);
  await once(server, 'listening'); // rejects on 'error'
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;

  let closing: Promise<void> | undefined;
  const close = async (graceMs: number): Promise<void> => {
    queue.close();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // a kept-alive connection turns idle only when its answer has gone out
    const idle = setInterval(() => server.closeIdleConnections(), 50);
    const timer = setTimeout(() => {
      shutdown.abort();
      // streams get a moment to say why they end
      setTimeout(() => server.closeAllConnections(), 500).unref();
    }, graceMs);
    await closed;
    clearTimeout(timer);
    clearInterval(idle);
    await options.backend.close();
  };
  return {
    url: `http://${host}:${port}`,
    close: (graceMs = SHUTDOWN_GRACE_MS) => {
      closing ??= close(graceMs);
      return closing;
    },
  };
};
