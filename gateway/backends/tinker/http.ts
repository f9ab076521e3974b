// One HTTP exchange with a server, over node:http: fetch can tell neither a connection that never came about from a slow
// answer, nor be given a clock for each. No redirect is followed, nothing is decompressed, and a body is capped while it is
// read. A signal ends the exchange at once with its reason. Connections are kept and reused by the agent.
import http from 'node:http';
import https from 'node:https';
import { concat } from '../../../wire/body.ts';
import { messageOf } from '../../../wire/message.ts';
import { type Problem, ServerError } from './problems.ts';

export interface Clocks {
  /** For a connection, TLS included. */
  readonly connectMs: number;
  /** From then on until the answer has begun. */
  readonly firstByteMs: number;
  /** Between two bytes of the answer. */
  readonly idleMs: number;
}

export interface Exchange {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly agent: http.Agent;
  readonly clocks: Clocks;
  readonly signal: AbortSignal;
  /** In errors. */
  readonly server: string;
}

export interface Answer {
  readonly status: number;
  header(name: string): string | undefined;
  /** Its bytes as they come; leaving early ends the connection. */
  chunks(): AsyncGenerator<Uint8Array, void, void>;
}

/** An agent that keeps connections; close it with `destroy()`. */
export const createAgent = (url: URL): http.Agent => {
  const options = { keepAlive: true, maxFreeSockets: 64, scheduling: 'lifo', noDelay: true } as const;
  return url.protocol === 'https:' ? new https.Agent(options) : new http.Agent(options);
};

async function* chunksOf(
  response: http.IncomingMessage,
  { clocks, signal, server }: Exchange,
): AsyncGenerator<Uint8Array, void, void> {
  const stop = (error: unknown): void => void response.destroy(error as Error);
  const aborted = (): void => stop(signal.reason);
  const late = (): void => stop(new ServerError({ kind: 'silent', stage: 'idle', afterMs: clocks.idleMs }, server));
  let timer = setTimeout(late, clocks.idleMs);
  signal.addEventListener('abort', aborted, { once: true });
  try {
    signal.throwIfAborted();
    for await (const chunk of response) {
      clearTimeout(timer);
      yield chunk;
      timer = setTimeout(late, clocks.idleMs);
    }
    // a body that ends before its declared length is an error of the response; one that was destroyed without is not
    if (!response.complete) throw new ServerError({ kind: 'broken', why: 'in the middle of an answer' }, server);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof ServerError) throw error;
    throw new ServerError({ kind: 'broken', why: messageOf(error) }, server, error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', aborted);
    // what was not read to its end is not wanted: the connection is given up
    if (!response.complete) response.destroy();
  }
}

export const exchange = (asked: Exchange): Promise<Answer> => {
  const { url, method, headers, body, agent, clocks, signal, server } = asked;
  return new Promise<Answer>((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const length: Record<string, string> = body === undefined ? {} : { 'content-length': String(body.byteLength) };
    const client = url.protocol === 'https:' ? https : http;
    const request = client.request(url, { method, headers: { ...headers, ...length }, agent });
    let connected = false;
    let timer: ReturnType<typeof setTimeout>;
    const over = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
    };
    const fail = (error: unknown): void => {
      over();
      reject(error);
      request.destroy();
    };
    const failWith = (problem: Problem, cause?: unknown): void => fail(new ServerError(problem, server, cause));
    const aborted = (): void => fail(signal.reason);
    const isConnected = (): void => {
      connected = true;
      clearTimeout(timer);
      const { firstByteMs } = clocks;
      timer = setTimeout(() => failWith({ kind: 'silent', stage: 'first byte', afterMs: firstByteMs }), firstByteMs);
    };
    signal.addEventListener('abort', aborted, { once: true });
    timer = setTimeout(
      () => failWith({ kind: 'unreachable', why: `no connection after ${clocks.connectMs} ms` }),
      clocks.connectMs,
    );
    request.on('socket', (socket) => {
      if (!socket.connecting) isConnected();
      else socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', isConnected);
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      const why = error.code ?? error.message;
      failWith(connected ? { kind: 'broken', why } : { kind: 'unreachable', why }, error);
    });
    request.on('response', (response) => {
      over();
      // an error of a response that nobody reads any more
      response.on('error', () => {});
      resolve({
        status: response.statusCode ?? 0,
        header: (name) => {
          const value = response.headers[name];
          return typeof value === 'string' ? value : undefined;
        },
        chunks: () => chunksOf(response, asked),
      });
    });
    request.end(body);
  });
};

/** The whole body, or too_large as soon as the limit is passed. */
export const readAll = async (answer: Answer, limit: number, server: string): Promise<Uint8Array<ArrayBuffer>> => {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of answer.chunks()) {
    total += chunk.byteLength;
    if (total > limit) throw new ServerError({ kind: 'too_large', limit }, server);
    chunks.push(chunk);
  }
  return concat(chunks, total);
};
