// Around every request: its ids, its record, its Server-Timing, and one line at its end. The caller's x-request-id and
// traceparent are taken if they are well formed; they are for logs, and nothing is decided by them.
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { matchedRoutes } from 'hono/route';
import { FaultError, toWire } from '../../wire/faults.ts';
import { serverTiming } from '../../wire/stages.ts';
import { traceOf } from '../../wire/trace.ts';
import { RequestRecord } from './record.ts';
import { tapped } from './tapped.ts';
import { type Log, tell } from './tell.ts';

export interface Observed {
  Bindings: Log;
  Variables: { requestId: string; record: RequestRecord };
}

/** The pattern of the route that answers, as the documentation writes it; null where only middleware matched. */
const routeOf = (c: Context): string | null => {
  const route = matchedRoutes(c).findLast(({ path }) => !path.endsWith('/*') || path === '/docs/*');
  return route === undefined ? null : route.path.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}');
};

const lengthOf = (headers: Headers): number | undefined => {
  const declared = headers.get('content-length');
  return declared === null ? undefined : Number(declared);
};

/** The status of a request whose caller left before there was one. */
const LEFT = toWire({ kind: 'cancelled', stage: 'work' }).status;
/** Which of several gateways served the request. */
const GATEWAY_HEADER = 'x-sift-gateway';
const PIECES = /^(text\/event-stream|application\/x-ndjson)/;

export const observed = createMiddleware<Observed>(async (c, next) => {
  // what stands before the handler may put another in its place
  const request = c.req.raw;
  const { headers, body: sent } = request;
  const trace = traceOf(headers.get('traceparent'), headers.get('tracestate'));
  const record = new RequestRecord(c.get('requestId'), trace, c.req.method);
  record.bytesIn = sent === null ? 0 : lengthOf(headers);
  c.set('record', record);
  let status: number | undefined;
  let ended = false;
  const end = (aborted: boolean): void => {
    if (ended) return;
    ended = true;
    tell(c.env, record.line({ status: status ?? LEFT, route: routeOf(c), aborted }));
  };
  // a caller who left is told by the signal, and nothing of the request may run after it
  const left = (): void => {
    if (status === undefined) record.failed(new FaultError({ kind: 'cancelled', stage: 'work' }));
    end(true);
  };
  let watched = false;
  // the signal of a request costs more than all else here: it is only made where there is something to wait for
  record.watch = (): void => {
    if (watched) return;
    watched = true;
    const { signal } = request;
    if (signal.aborted) left();
    else signal.addEventListener('abort', left, { once: true });
  };
  await next();
  const { res } = c;
  const { body } = res;
  ({ status } = res);
  const corpus = c.req.param('corpus');
  if (corpus !== undefined) record.selectsFrom([corpus]);
  if (c.req.path.startsWith('/v1/') && !res.headers.has('server-timing')) {
    record.stages.end();
    res.headers.set('server-timing', serverTiming(record.stages.timings));
  }
  const gateway = record.gateways.at(-1);
  if (gateway !== undefined) res.headers.set(GATEWAY_HEADER, gateway);
  if (body === null) return end(false);
  if (record.inPieces || PIECES.test(res.headers.get('content-type') ?? '')) {
    record.watch();
    const out = tapped(body, {
      onBytes: (count) => {
        record.bytesOut += count;
      },
      onEnd: (how, error) => {
        if (how === 'broken' && !request.signal.aborted) record.failed(error);
        end(how === 'left' || request.signal.aborted);
      },
    });
    c.res = undefined;
    c.res = new Response(out, res);
    return;
  }
  // files are as large as they say; all else is in memory already
  const declared = lengthOf(res.headers);
  if (declared === undefined) {
    const bytes = await res.arrayBuffer();
    record.bytesOut = bytes.byteLength;
    c.res = undefined;
    c.res = new Response(bytes, res);
  } else record.bytesOut = declared;
  end(false);
});
