// Stands between edge and gateway and, when told, misbehaves: what the edge must survive.
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** `pass`: as if it were not there. `unsigned`: another server answers. `cut`: the stream breaks off after some bytes. */
export type Mode = 'pass' | 'unsigned' | 'cut' | 'refuse' | 'garbage';

export interface Front {
  readonly url: string;
  mode: Mode;
  /** The last request's body, as the edge sent it. */
  body: string;
  close(): Promise<void>;
}

export const startFront = async (target: () => string): Promise<Front> => {
  const front = { url: '', mode: 'pass' as Mode, body: '', close: async () => {} };
  const server = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    if (front.mode === 'refuse') return void incoming.socket.destroy();
    if (front.mode === 'garbage') return void outgoing.writeHead(500).end('<html>no');
    const onward = request(target() + incoming.url, { method: incoming.method ?? 'GET', headers: incoming.headers });
    onward.on('response', (answer) => {
      const headers = { ...answer.headers };
      if (front.mode === 'unsigned') delete headers['sift-signature'];
      outgoing.writeHead(answer.statusCode ?? 500, headers);
      outgoing.flushHeaders();
      if (front.mode === 'cut') answer.once('data', (chunk) => outgoing.write(chunk, () => outgoing.destroy()));
      else answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    front.body = '';
    incoming.on('data', (chunk) => {
      front.body += chunk;
    });
    incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  front.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  front.close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return front;
};
