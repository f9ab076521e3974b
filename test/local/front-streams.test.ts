// What the front must not change about a request: it streams both ways, holds little, and passes on that a side went away.
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Front, serveFront } from '../../local/front.ts';
import { sendRaw } from './raw.ts';

const MB = 1024 * 1024;
type Handler = (incoming: IncomingMessage, outgoing: ServerResponse) => void;
let handle: Handler;
const upstream = createServer((incoming, outgoing) => handle(incoming, outgoing));
let front: Front;
beforeAll(async () => {
  upstream.requestTimeout = 0;
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const url = new URL(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`);
  front = await serveFront({ port: 0, upstream: Promise.resolve(url), headers: { 'x-front': 'yes' } });
});
afterAll(async () => {
  await front.close(0);
  upstream.closeAllConnections();
  upstream.close();
});
beforeEach(() => {
  handle = (_, outgoing) => void outgoing.end('ok');
});

const url = (path = '/'): string => `http://127.0.0.1:${front.port}${path}`;
/** A body of so many bytes in pieces, made as it is asked for. */
const bytes = (total: number): ReadableStream<Uint8Array> => {
  let left = total;
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close();
      const size = Math.min(left, 64 * 1024);
      left -= size;
      controller.enqueue(new Uint8Array(size).fill(7));
    },
  });
};
const count = async (stream: AsyncIterable<Uint8Array>): Promise<number> => {
  let sum = 0;
  for await (const piece of stream) sum += piece.byteLength;
  return sum;
};
/** When a value no longer grows for half a second. */
const settled = async (value: () => number): Promise<number> => {
  let last = -1;
  await expect
    .poll(
      () => {
        const same = value() === last;
        last = value();
        return same;
      },
      { interval: 500, timeout: 20_000 },
    )
    .toBe(true);
  return last;
};

describe('bodies', () => {
  it('of 100 MB arrive whole, both ways at once', async () => {
    handle = (incoming, outgoing) => void incoming.pipe(outgoing);
    const response = await fetch(url(), { method: 'POST', body: bytes(100 * MB), duplex: 'half' });
    expect(await count(response.body as AsyncIterable<Uint8Array>)).toBe(100 * MB);
  });

  it('wait for a reader that does not read, instead of being held', async () => {
    // the edge does not read an upload
    let sent = 0;
    handle = (incoming) => void incoming.pause();
    const upload = request(url(), { method: 'POST', agent: false });
    upload.on('error', () => {});
    const pump = (): void => {
      while (sent < 200 * MB) {
        sent += MB;
        if (!upload.write(Buffer.alloc(MB))) return void upload.once('drain', pump);
      }
    };
    pump();
    expect(await settled(() => sent)).toBeLessThan(50 * MB);
    upload.destroy();
    // a caller does not read an answer
    let written = 0;
    handle = (_, outgoing) => {
      const more = (): void => {
        while (written < 200 * MB && !outgoing.destroyed) {
          written += MB;
          if (!outgoing.write(Buffer.alloc(MB))) return void outgoing.once('drain', more);
        }
      };
      more();
    };
    const socket = connect(front.port, '127.0.0.1');
    socket.write(`GET / HTTP/1.1\r\nHost: localhost:${front.port}\r\n\r\n`);
    socket.pause();
    expect(await settled(() => written)).toBeLessThan(50 * MB);
    socket.destroy();
  });

  it('keep their framing: chunks of a GET never become a second request', async () => {
    const seen: string[] = [];
    handle = async (incoming, outgoing) => {
      seen.push(`${incoming.method} ${incoming.url} ${await count(incoming)}`);
      outgoing.end('ok');
    };
    const inner = 'GET /inner HTTP/1.1\r\nHost: x\r\n\r\n';
    const head = (method: string): string =>
      `${method} /outer HTTP/1.1\r\nHost: localhost:${front.port}\r\nConnection: close\r\n`;
    for (const method of ['GET', 'DELETE', 'POST']) {
      await sendRaw(
        front.port,
        `${head(method)}Transfer-Encoding: chunked\r\n\r\n${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`,
      );
      await sendRaw(front.port, `${head(method)}Content-Length: ${inner.length}\r\n\r\n${inner}`);
    }
    expect(seen).toEqual(
      ['GET', 'GET', 'DELETE', 'DELETE', 'POST', 'POST'].map((method) => `${method} /outer ${inner.length}`),
    );
    const both = await sendRaw(
      front.port,
      `${head('POST')}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
    );
    expect(both.status).toBe(400);
    expect(seen.length).toBe(6);
  });

  it('that are refused early end with the refusal, not with a broken connection', async () => {
    handle = (_, outgoing) => void outgoing.writeHead(401, { 'content-type': 'application/json' }).end('{}');
    for (let round = 0; round < 5; round++) {
      const response = await fetch(url(), { method: 'POST', body: bytes(20 * MB), duplex: 'half' });
      expect(response.status).toBe(401);
      await response.text();
    }
  });
});

describe('headers', () => {
  it('go on as they came, without those of one connection; the front adds its own', async () => {
    let seen: NodeJS.Dict<string | string[]> = {};
    handle = (incoming, outgoing) => {
      seen = incoming.headers;
      outgoing
        .writeHead(
          200,
          [
            ['Set-Cookie', 'a=1'],
            ['Set-Cookie', 'b=2'],
            ['X-Mf-Log', 'inside'],
          ].flat(),
        )
        .end('ok');
    };
    const { head } = await sendRaw(
      front.port,
      `GET / HTTP/1.1\r\nHost: localhost:${front.port}\r\nConnection: close, X-Mine, Authorization\r\nX-Mine: 1\r\n` +
        'Authorization: Bearer k\r\nTE: trailers\r\nX-Front: no\r\nX-Other: \xe9\r\n\r\n',
    );
    expect(seen).toMatchObject({ host: `localhost:${front.port}`, authorization: 'Bearer k', 'x-other': '\xe9' });
    expect(seen['x-mine']).toBeUndefined();
    expect(seen.te).toBeUndefined();
    expect(seen['x-front']).toBe('yes');
    expect(head).toContain('a=1');
    expect(head).toContain('b=2');
    expect(head.toLowerCase()).not.toContain('x-mf-log');
  });

  it('answers Expect: 100-continue', async () => {
    handle = async (incoming, outgoing) => void outgoing.end(String(await count(incoming)));
    const upload = request(url(), {
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': 3 },
      agent: false,
    });
    const continued = once(upload, 'continue');
    upload.flushHeaders();
    await continued;
    upload.end('abc');
    const [answer] = (await once(upload, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(200);
    answer.resume();
  });

  it('keeps a connection for the next request', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    for (let i = 0; i < 3; i++) {
      const get = request(url(), { agent });
      get.end();
      const [answer] = (await once(get, 'response')) as [IncomingMessage];
      ports.add(answer.socket.localPort);
      answer.resume();
      await once(answer, 'end');
    }
    agent.destroy();
    expect(ports.size).toBe(1);
  });
});

it('loses no request when the edge closed the connection of an earlier one', async () => {
  handle = (incoming, outgoing) => {
    // answered without reading the body, then closed without a word
    outgoing.end('early', () => setImmediate(() => incoming.socket.destroy()));
  };
  for (let i = 0; i < 200; i++) {
    const response = await fetch(url(), { method: 'POST', body: 'x'.repeat(i * 100) });
    expect([response.status, await response.text()]).toEqual([200, 'early']);
  }
});

describe('a side that goes away', () => {
  // Chromium reads on for up to 5 s after a page has left a stream, for as long as it may use the connection again
  it.each([
    ['text/event-stream; charset=utf-8', 'close'],
    // an upload's answer may end while its caller still sends
    ['application/x-ndjson', 'keep-alive'],
    ['application/json', 'keep-alive'],
  ])('has no further use for the connection of an event stream: %s', async (type, connection) => {
    handle = (_, outgoing) => void outgoing.writeHead(200, { 'content-type': type }).end('{}');
    const agent = new Agent({ keepAlive: true });
    const get = request(url(), { agent });
    get.end();
    const [answer] = (await once(get, 'response')) as [IncomingMessage];
    answer.resume();
    expect(answer.headers.connection).toBe(connection);
    agent.destroy();
  });

  it('the caller, before an answer and in the middle of one: the edge knows within a second', async () => {
    for (const early of [true, false]) {
      let gone: () => void = () => {};
      const noticed = new Promise<void>((resolve) => {
        gone = resolve;
      });
      const arrived = new Promise<void>((resolve) => {
        handle = (_, outgoing) => {
          outgoing.on('close', gone);
          if (!early) outgoing.write('data: 1\n\n');
          resolve();
        };
      });
      const socket = connect(front.port, '127.0.0.1');
      socket.write(`POST / HTTP/1.1\r\nHost: localhost:${front.port}\r\nContent-Length: 2\r\n\r\n{}`);
      await (early ? arrived : once(socket, 'data'));
      const from = performance.now();
      socket.destroy();
      await noticed;
      expect(performance.now() - from).toBeLessThan(1_000);
    }
  });

  it('the edge, in the middle of an answer: the caller sees a broken answer, never a whole one', async () => {
    handle = (_, outgoing) => {
      outgoing.write('first');
      setImmediate(() => outgoing.destroy());
    };
    const response = await fetch(url())
      .then((answer) => answer.text())
      .catch(() => 'broken');
    expect(response).toBe('broken');
  });

  it('the edge, before an answer: 503 with Retry-After', async () => {
    handle = (incoming) => void incoming.socket.destroy();
    const response = await fetch(url());
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('not running') } });
  });
});

it('passes the first event on before there is a second', async () => {
  let finish: () => void = () => {};
  handle = (_, outgoing) => {
    outgoing.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
    finish = () => outgoing.end('data: 2\n\n');
  };
  const response = await fetch(url());
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe('data: 1\n\n');
  finish();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe('data: 2\n\n');
});

it('shows nothing of an error that the edge did not word itself', async () => {
  handle = (_, outgoing) =>
    void outgoing.writeHead(500, { 'content-type': 'text/html' }).end('Error at /home/me/secret.ts:1:1');
  const response = await fetch(url());
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain('secret.ts');
});

it('refuses what Node itself cannot read as HTTP, and goes on', async () => {
  expect((await sendRaw(front.port, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`)).status).toBe(431);
  expect((await sendRaw(front.port, '\x16\x03\x01\x00\xa5 TLS?\r\n\r\n')).status).toBe(400);
  expect((await fetch(url())).status).toBe(200);
});

it('lets an answer in flight finish when it closes, and refuses newcomers', async () => {
  const other = await serveFront({
    port: 0,
    upstream: Promise.resolve(new URL(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`)),
    headers: {},
  });
  let finish: () => void = () => {};
  const arrived = new Promise<void>((resolve) => {
    handle = (_, outgoing) => {
      finish = () => outgoing.end('whole');
      resolve();
    };
  });
  const answer = fetch(`http://127.0.0.1:${other.port}/`);
  await arrived;
  const closed = other.close(20_000);
  await expect(fetch(`http://127.0.0.1:${other.port}/`)).rejects.toThrow();
  finish();
  expect(await (await answer).text()).toBe('whole');
  await closed;
});
