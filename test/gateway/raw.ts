// A connection to a server, byte by byte: for what no HTTP client would send or leave out.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Raw {
  readonly socket: Socket;
  /** Everything that came so far. */
  readonly text: () => string;
  write(data: string | Uint8Array): void;
  /** Resolves once the text holds this. */
  until(what: string | RegExp): Promise<string>;
  /** Resolves when the connection is closed, with everything that came. */
  closed(): Promise<string>;
}

export const rawConnection = async (url: string): Promise<Raw> => {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  const over = new Promise<void>((resolve) => {
    socket.on('error', () => {}).on('close', () => resolve());
  });
  socket.on('data', (chunk) => {
    text += chunk;
  });
  await once(socket, 'connect');
  return {
    socket,
    text: () => text,
    write: (data) => void socket.write(data),
    async until(what) {
      const found = (): boolean => (typeof what === 'string' ? text.includes(what) : what.test(text));
      while (!found()) {
        if (socket.destroyed) throw new Error(`closed before ${what}: ${text}`);
        await Promise.race([once(socket, 'data'), over]);
      }
      return text;
    },
    async closed() {
      await over;
      return text;
    },
  };
};

/** A request's head, ready for its body. */
export const head = (method: string, path: string, headers: Record<string, string | number>): string =>
  `${[`${method} ${path} HTTP/1.1`, 'host: gateway', ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)].join('\r\n')}\r\n\r\n`;
