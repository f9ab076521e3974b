// One request over a connection that is kept, as little of our own as can be: the whole answer, or an error.
import { Agent, request } from 'node:http';

export interface Asked {
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, scheduling: 'lifo' });

export const post = ({ url, body, headers }: Asked): Promise<string> =>
  new Promise((resolve, reject) => {
    const length = String(Buffer.byteLength(body));
    const type = { 'content-type': 'application/json', 'content-length': length };
    const sent = request(url, { method: 'POST', agent, headers: { ...type, ...headers } }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString();
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${url} answered ${response.statusCode}: ${text}`));
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });

export const closeConnections = (): void => agent.destroy();
