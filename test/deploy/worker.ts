// The Worker that the scripted Cloudflare was given, as its address would answer: nothing before it was deployed, then a
// local edge, for whoever brings the API_KEY that was deployed.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import type { Model } from './cloudflare.ts';

export interface DeployedWorker {
  readonly url: string;
  close(): Promise<void>;
}

export const startWorker = async (
  model: Model,
  name: string,
  edge: { readonly url: string; readonly key: string },
): Promise<DeployedWorker> => {
  const server = createServer(async (request, response) => {
    const secret = model.scripts.get(name)?.secrets.get('API_KEY');
    if (secret === undefined) return void response.writeHead(404).end('error code: 1042');
    const given = request.headers.authorization;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = await fetch(new URL(request.url ?? '/', edge.url), {
      method: request.method ?? 'GET',
      headers: {
        ...(given === undefined
          ? {}
          : { authorization: given === `Bearer ${secret}` ? `Bearer ${edge.key}` : 'Bearer x' }),
        'content-type': request.headers['content-type'] ?? 'application/json',
      },
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    if (answer.body === null) response.end();
    else Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
};
