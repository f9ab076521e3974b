// Listens: the gateway app on a port, with a shutdown that lets requests in flight finish within a bound.
// While it shuts down it still answers: newcomers get 503 and Retry-After, /health says so, until those inside are done.
import { once } from 'node:events';
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { SHUTDOWN_BACKEND_MS, SHUTDOWN_GRACE_MS, SHUTDOWN_LAST_WORDS_MS } from '../wire/limits.ts';
import { createGateway, type GatewayOptions } from './app.ts';
import { cleanedUp } from './guarded.ts';

export interface RunningGateway {
  readonly url: string;
  /** Refuses newcomers, waits for those inside up to the grace period, aborts the rest, frees the backends. */
  close(graceMs?: number): Promise<void>;
}

/** Stops listening; connections with an answer under way get so many milliseconds to end it. */
const stopListening = async (server: Server, lastMs: number): Promise<void> => {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // a kept-alive connection turns idle only when its answer has gone out
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const last = setTimeout(() => server.closeAllConnections(), lastMs);
  await closed;
  clearTimeout(last);
  clearInterval(idle);
};

/** Listens on host:port (0: any free port). Rejects with Node's own error, e.g. EADDRINUSE, if it cannot. */
export const serveGateway = async (
  options: Omit<GatewayOptions, 'shutdown'> & { host?: string; port: number },
): Promise<RunningGateway> => {
  const shutdown = new AbortController();
  const { app, drain } = createGateway({ ...options, shutdown: shutdown.signal });
  const host = options.host ?? '127.0.0.1';
  const server = createAdaptorServer({ fetch: app.fetch, hostname: host }) as Server;
  server.listen(options.port, host);
  await once(server, 'listening'); // rejects on 'error'
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;

  let closing: Promise<void> | undefined;
  const close = async (graceMs: number): Promise<void> => {
    const until = performance.now() + graceMs;
    const grace = setTimeout(() => shutdown.abort(), graceMs);
    await drain(); // also after the abort: every wait of a request's work is bounded
    clearTimeout(grace);
    await stopListening(server, Math.max(SHUTDOWN_LAST_WORDS_MS, until - performance.now()));
    await Promise.all(
      options.registry.backends.map(({ name, backend }) =>
        cleanedUp(`closing backend '${name}'`, SHUTDOWN_BACKEND_MS, () => backend.close()),
      ),
    );
  };
  return {
    url: `http://${host}:${port}`,
    close: (graceMs = SHUTDOWN_GRACE_MS) => {
      closing ??= close(graceMs);
      return closing;
    },
  };
};
