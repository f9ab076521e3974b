// What listens on the edge's port: it looks at every request before Miniflare does, and passes it on as a stream.
// Miniflare obeys headers and paths of its own (MF-Route-Override names the Worker that answers, /cdn-cgi/… are its tools).
// Those are refused here, and so is every Host but this machine's: a web page whose name was pointed at 127.0.0.1
// (DNS rebinding) sends its own. Bodies flow both ways with back-pressure; when one side goes away, so does the other.
// Trade-off: one more hop and a connection of its own for each request, some tenths of a millisecond.

import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { toWire, type WireError } from '../wire/faults.ts';
import { FRONT_KEEP_ALIVE_MS, MAX_UPLOAD_BYTES } from '../wire/limits.ts';
import { messageOf } from '../wire/message.ts';
import { badRequest, headersForCaller, headersForEdge, pathOf, refusal } from './front-rules.ts';

export interface Front {
  readonly port: number;
  /** Refuses newcomers, waits up to `graceMs` for answers in flight, then cuts them. */
  close(graceMs: number): Promise<void>;
}

export interface FrontOptions {
  readonly port: number;
  /** Where the edge answers. A request that comes before waits for it. */
  readonly upstream: Promise<URL>;
  /** Added to every request, names in lower case: by these the edge knows that it came through here. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * A connection for each request. workerd closes one whose request body it did not read to the end, and does not say so
 * before: a later request on it would be lost, and its body could not be sent again.
 * `keepAlive` all the same, so that the edge is not told to close: a body that it refuses may still be on its way.
 */
class SingleUse extends Agent {
  override keepSocketAlive(): boolean {
    return false;
  }
}

/** Reads what is left of a body that nobody wants: closing meanwhile would take the answer from the caller. */
const drain = (incoming: IncomingMessage): void => {
  let size = 0;
  incoming.on('data', (piece: Uint8Array) => {
    size += piece.byteLength;
    if (size > MAX_UPLOAD_BYTES) incoming.destroy();
  });
};

const say = (outgoing: ServerResponse, { status, body, headers }: WireError): void => {
  if (outgoing.headersSent || outgoing.destroyed) return void outgoing.destroy();
  const text = JSON.stringify(body);
  const own = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  outgoing.writeHead(status, { ...headers, ...own });
  outgoing.end(text);
  drain(outgoing.req);
};

const UNREACHABLE: WireError = {
  status: 503,
  body: {
    error: { message: 'the edge on this machine is not running', type: 'server_error', code: 'internal', param: null },
  },
  headers: { 'retry-after': '1' },
};
const UNEXPECTED = toWire({ kind: 'internal', message: 'unexpected; the terminal that runs the edge has the details' });

/** An error that no code of ours has worded: workerd's or Miniflare's, perhaps with a stack. */
const isForeignError = (answer: IncomingMessage): boolean =>
  (answer.statusCode ?? 500) >= 500 &&
  !/^(application\/json|text\/event-stream)/.test(answer.headers['content-type'] ?? '');

const relay = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  url: URL,
  agent: Agent,
  added: FrontOptions['headers'],
): void => {
  const { path } = pathOf(incoming.url ?? '/') ?? { path: '/' };
  const hasBody =
    incoming.headers['transfer-encoding'] !== undefined || Number(incoming.headers['content-length'] ?? 0) > 0;
  const headers = headersForEdge(incoming.rawHeaders, added);
  if (incoming.headers['transfer-encoding'] !== undefined) headers.push('transfer-encoding', 'chunked');
  const onward = request({
    agent,
    host: url.hostname,
    port: url.port,
    method: incoming.method ?? 'GET',
    path,
    headers,
    setHost: false,
  });
  let answered = false;
  onward.on('response', (answer) => {
    answered = true;
    answer.on('error', () => outgoing.destroy());
    if (isForeignError(answer)) {
      answer.resume();
      return say(outgoing, UNEXPECTED);
    }
    outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage, headersForCaller(answer.rawHeaders));
    // an event stream's headers go out before its first event
    outgoing.flushHeaders();
    answer.pipe(outgoing);
  });
  // after an answer the edge may close its side without having read the whole body: the answer still counts
  onward.on('error', () => {
    incoming.unpipe(onward);
    if (answered) drain(incoming);
    else say(outgoing, UNREACHABLE);
  });
  outgoing.on('close', () => {
    if (outgoing.writableFinished) return;
    // workerd takes a closed connection for one that has no more to send, and works on; a reset one is a caller gone
    onward.socket?.resetAndDestroy();
    onward.destroy();
  });
  if (hasBody) incoming.pipe(onward);
  else onward.end();
};

/** Listens on 127.0.0.1; rejects with Node's own error, e.g. EADDRINUSE, if it cannot. */
export const serveFront = async ({ port, upstream, headers }: FrontOptions): Promise<Front> => {
  upstream.catch(() => {}); // whoever made it is told; here it only means that nothing can be relayed
  const agent = new SingleUse({ keepAlive: true });
  let ours = port;
  const server = createServer({ keepAliveTimeout: FRONT_KEEP_ALIVE_MS }, (incoming, outgoing) => {
    outgoing.on('error', () => {}); // the caller went away; 'close' follows
    const { method = '', url: target = '', rawHeaders } = incoming;
    const problem = refusal({ method, target, rawHeaders }, ours);
    if (problem !== undefined) return say(outgoing, problem);
    const pass = (url: URL): void => {
      if (outgoing.destroyed) return;
      try {
        relay(incoming, outgoing, url, agent, headers);
      } catch (error) {
        // Node refuses to send some characters that it was ready to read
        say(outgoing, badRequest(messageOf(error)));
      }
    };
    upstream.then(pass, () => say(outgoing, UNREACHABLE));
  });
  // an upload takes as long as its examples take to embed
  server.requestTimeout = 0;
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
    const [status, message] =
      error.code === 'HPE_HEADER_OVERFLOW'
        ? ['431 Request Header Fields Too Large', 'the headers are larger than 16 KiB']
        : ['400 Bad Request', 'this is no HTTP/1.1 request'];
    const text = JSON.stringify(badRequest(message).body);
    const head = `Content-Type: application/json\r\nContent-Length: ${text.length}\r\nConnection: close`;
    socket.end(`HTTP/1.1 ${status}\r\n${head}\r\n\r\n${text}`);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening'); // rejects on 'error'
  ours = (server.address() as AddressInfo).port;

  const close = async (graceMs: number): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // a connection kept alive turns idle only when its answer has gone out
    const idle = setInterval(() => server.closeIdleConnections(), 50);
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    await closed;
    clearInterval(idle);
    clearTimeout(cut);
    agent.destroy();
  };
  let closing: Promise<void> | undefined;
  return {
    port: ours,
    close: (graceMs) => {
      closing ??= close(graceMs);
      return closing;
    },
  };
};
