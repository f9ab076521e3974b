// Listens: the gateway app on a port, with a shutdown that lets requests in flight finish within a bound.
// Every connection has its clocks: a sender that drips its headers or its body is cut off (without a 408, which clients
// retry), a peer that reads and says nothing more is cut off once its work must be over, and one that vanished without a
// word is found by TCP's own probes. A connection that closes aborts its request's signal, and so ends its work.
// While it shuts down it still answers: newcomers get 503 and Retry-After, /health says so, until those inside are done.
import { once } from 'node:events';
import type { Server, ServerOptions } from 'node:http';
import type { Duplex } from 'node:stream';
import { createAdaptorServer } from '@hono/node-server';
import {
  GATEWAY_CHECK_MS,
  GATEWAY_HEADERS_MS,
  GATEWAY_KEEP_ALIVE_MS,
  GATEWAY_REQUEST_MS,
  GATEWAY_SILENT_MS,
  GATEWAY_TCP_PROBE_MS,
  SHUTDOWN_BACKEND_MS,
  SHUTDOWN_GRACE_MS,
  SHUTDOWN_LAST_WORDS_MS,
  TUNE_DEADLINE_MS,
} from '../wire/limits.ts';
import { createGateway, type GatewayOptions } from './app.ts';
import { cleanedUp } from './guarded.ts';

export interface RunningGateway {
  readonly url: string;
  /** Refuses newcomers, waits for those inside up to the grace period, aborts the rest, frees the backends. */
  close(graceMs?: number): Promise<void>;
}

/** Milliseconds that a connection may take. */
export interface ConnectionClocks {
  /** For the headers of a request. */
  readonly headersMs: number;
  /** For a whole request, its body included. */
  readonly requestMs: number;
  /** Without a byte in either direction. */
  readonly silentMs: number;
  /** Between two looks at whose time is over. */
  readonly checkMs: number;
}

const CLOCKS = {
  headersMs: GATEWAY_HEADERS_MS,
  requestMs: GATEWAY_REQUEST_MS,
  checkMs: GATEWAY_CHECK_MS,
};

const serverOptions = ({ headersMs, requestMs, checkMs }: ConnectionClocks): ServerOptions => ({
  headersTimeout: headersMs,
  requestTimeout: requestMs,
  connectionsCheckingInterval: checkMs,
  keepAliveTimeout: GATEWAY_KEEP_ALIVE_MS,
  keepAlive: true,
  keepAliveInitialDelay: GATEWAY_TCP_PROBE_MS,
  noDelay: true,
});

/** What is no HTTP gets a word; who was too slow gets none. */
const onClientError = (error: NodeJS.ErrnoException, socket: Duplex): void => {
  if (!socket.writable || error.code === 'ECONNRESET' || error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
};

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
  options: Omit<GatewayOptions, 'shutdown'> & { host?: string; port: number; clocks?: Partial<ConnectionClocks> },
): Promise<RunningGateway> => {
  const shutdown = new AbortController();
  const { app, drain } = createGateway({ ...options, shutdown: shutdown.signal });
  const host = options.host ?? '127.0.0.1';
  // silent work may take as long as its deadline allows
  const silentMs = (options.deadlineMs ?? TUNE_DEADLINE_MS) + GATEWAY_SILENT_MS;
  const clocks: ConnectionClocks = { ...CLOCKS, silentMs, ...options.clocks };
  const adaptor = { fetch: app.fetch, hostname: host, serverOptions: serverOptions(clocks) };
  const server = createAdaptorServer(adaptor) as Server;
  server.setTimeout(clocks.silentMs);
  server.on('clientError', onClientError);
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
