// A gateway under a test's control, on raw sockets: it can sign rightly or wrongly, stop anywhere and break any rule of
// HTTP. One script answers every request.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { SIGNATURE_HEADER, signEvent, signResponse, signStream } from '../../wire/signature.ts';
import { GATEWAY_SECRET } from './harness.ts';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface JsonOptions {
  readonly headers?: Record<string, string | number>;
  /** What is signed in place of what is sent. */
  readonly signed?: { secret?: string; nonce?: string; status?: number; body?: string | Uint8Array };
}

export class Exchange {
  readonly seen: Seen;
  /** Counts requests from 1. */
  readonly number: number;
  readonly #socket: Socket;
  #events = 0;

  constructor(socket: Socket, seen: Seen, number: number) {
    this.#socket = socket;
    this.seen = seen;
    this.number = number;
  }

  get nonce(): string {
    return /n=([0-9a-f]+)/.exec(this.seen.headers[SIGNATURE_HEADER] ?? '')?.[1] ?? '';
  }

  get open(): boolean {
    return !this.#socket.destroyed;
  }

  /** Resolves when the bytes are out, or the edge has gone. */
  write(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (this.open) this.#socket.write(data, () => resolve());
      else resolve();
    });
  }

  /** So often, until the edge goes away or the test is over. */
  async repeat(data: string | Uint8Array, everyMs: number): Promise<void> {
    while (this.open) {
      await this.write(data);
      if (everyMs > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  async gone(): Promise<void> {
    if (this.open) await once(this.#socket, 'close');
  }

  end(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  head(status: number | string, headers: Record<string, string | number> = {}): Promise<void> {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return this.write(`HTTP/1.1 ${status}${typeof status === 'number' ? ' X' : ''}\r\n${lines.join('')}\r\n`);
  }

  /** A whole answer of any kind, unsigned. */
  async plain(status: number | string, headers: Record<string, string | number> = {}, body = ''): Promise<void> {
    await this.head(status, { 'content-length': Buffer.byteLength(body), ...headers });
    await this.write(body);
    this.end();
  }

  async signature(status: number, body: string | Uint8Array, signed: JsonOptions['signed'] = {}): Promise<string> {
    const of = signed.body ?? body;
    const bytes = typeof of === 'string' ? new Uint8Array(Buffer.from(of)) : new Uint8Array(of);
    return signResponse(signed.secret ?? GATEWAY_SECRET, signed.nonce ?? this.nonce, signed.status ?? status, bytes);
  }

  /** A signed answer in one piece; an object is sent as JSON. */
  async answer(status: number, body: object | string | Uint8Array, options: JsonOptions = {}): Promise<void> {
    const sent: string | Uint8Array =
      typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
    await this.head(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(sent),
      [SIGNATURE_HEADER]: await this.signature(status, sent, options.signed),
      ...options.headers,
    });
    await this.write(sent);
    this.end();
  }

  /** The signed beginning of a stream; the events follow until the connection ends. */
  async stream(signed: { secret?: string; nonce?: string } = {}): Promise<void> {
    await this.head(200, {
      'content-type': 'text/event-stream',
      [SIGNATURE_HEADER]: await signStream(signed.secret ?? GATEWAY_SECRET, signed.nonce ?? this.nonce, 200),
    });
  }

  /** One event, signed for its place; or as told. */
  async event(
    value: unknown,
    options: { at?: number; signedAs?: unknown; id?: string | null; secret?: string; nonce?: string } = {},
  ): Promise<void> {
    const text = (data: unknown) => (typeof data === 'string' ? data : JSON.stringify(data));
    const data = text(value);
    const place = options.at ?? this.#events++;
    const signed = text(options.signedAs ?? value);
    const id =
      options.id === undefined
        ? await signEvent(options.secret ?? GATEWAY_SECRET, options.nonce ?? this.nonce, place, signed)
        : options.id;
    await this.write(`event: x\ndata: ${data}\n${id === null ? '' : `id: ${id}\n`}\n`);
  }

  async events(...values: readonly unknown[]): Promise<void> {
    for (const value of values) await this.event(value);
  }
}

export type Script = (exchange: Exchange) => Promise<void> | void;

export interface ScriptedGateway {
  readonly url: string;
  readonly requests: readonly Seen[];
  /** Bytes that went out on all connections. */
  readonly sent: () => number;
  /** Connections that are open now. */
  readonly open: () => number;
  close(): Promise<void>;
}

const parsedHead = (text: string): Omit<Seen, 'body'> => {
  const [first = '', ...lines] = text.split('\r\n');
  const [method = '', path = ''] = first.split(' ');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  return { method, path, headers };
};

export const scriptedGateway = async (script: Script): Promise<ScriptedGateway> => {
  const requests: Seen[] = [];
  const sockets = new Set<Socket>();
  let closedBytes = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket
      .on('error', () => {})
      .on('close', () => {
        sockets.delete(socket);
        closedBytes += socket.bytesWritten;
      });
    let held = Buffer.alloc(0);
    let answering = false;
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      const end = held.indexOf('\r\n\r\n');
      if (end < 0 || answering) return;
      const head = parsedHead(held.subarray(0, end).toString());
      const body = held.subarray(end + 4);
      if (body.byteLength < Number(head.headers['content-length'] ?? 0)) return;
      answering = true;
      const seen = { ...head, body: body.toString() };
      requests.push(seen);
      void script(new Exchange(socket, seen, requests.length));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    sent: () => [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, closedBytes),
    open: () => sockets.size,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
