// What is known of one request of the gateway, gathered while it is worked on, for the one line that is written at its end: of
// a stream, when the stream ends. Ids and trace come in headers that nobody has signed: they are for the log alone. Who asks
// and for what is taken from the signed body.
import { createMiddleware } from 'hono/factory';
import { asFault, toWire } from '../wire/faults.ts';
import {
  type Failure,
  type LogLevel,
  levelOf,
  type RequestLine,
  stagesOnLine,
  tenths,
  traceOnLine,
} from '../wire/request-line.ts';
import { Stages, serverTiming } from '../wire/stages.ts';
import { type Trace, type Trail, traceOf, trailOf } from '../wire/trace.ts';
import { logRequest, traceUnexpected } from './log.ts';

export class GatewayRecord {
  readonly stages = new Stages();
  readonly trace: Trace;
  readonly requestId: string;
  tenant: string | undefined;
  model: string | undefined;
  steps = 0;
  tokens = 0;
  bytesOut = 0;
  /** The answer is a stream, which says itself when it has ended. */
  streams = false;
  #failure: Failure | undefined;
  #ended = false;
  readonly #request: Request;
  readonly #level: LogLevel;

  constructor(requestId: string, request: Request, level: LogLevel) {
    const { headers } = request;
    this.requestId = requestId;
    this.trace = traceOf(headers.get('traceparent'), headers.get('tracestate'));
    this.#request = request;
    this.#level = level;
  }

  /** What a backend is told, so that its log knows the request. */
  get trail(): Trail {
    return trailOf(this.requestId, this.trace);
  }

  /** The last failure counts, but not over one that nobody foresaw. */
  failed(error: unknown): void {
    if (this.#failure?.error !== undefined) return;
    const { status, body } = toWire(asFault(error));
    const stack = traceUnexpected(error);
    this.#failure = { status, code: body.error.code, ...(stack === undefined ? {} : { error: stack }) };
  }

  took(ms: Readonly<Record<string, number>>): void {
    for (const [stage, took] of Object.entries(ms)) this.stages.add(stage, took);
  }

  get serverTiming(): string {
    return serverTiming(this.stages.timings);
  }

  /** Milliseconds until now that were neither waiting for a turn nor a backend's work. */
  get overheadMs(): number {
    const told = Object.values(this.stages.timings).reduce((sum, ms) => sum + ms, 0);
    return Math.max(0, this.stages.elapsed() - told);
  }

  end(status: number, route: string | null): void {
    if (this.#ended) return;
    this.#ended = true;
    const { method, headers, signal } = this.#request;
    const failure = this.#failure;
    const aborted = signal.aborted || failure?.code === 'cancelled';
    const declared = headers.get('content-length');
    const line: RequestLine = {
      time: new Date().toISOString(),
      level: levelOf(status, failure, aborted, route === '/health' || route === '/ready' || route === '/metrics'),
      event: 'request',
      side: 'gateway',
      request_id: this.requestId,
      ...traceOnLine(this.trace),
      method,
      route,
      tenant: this.tenant ?? null,
      ...(this.model === undefined ? {} : { model: this.model }),
      status,
      code: failure?.code ?? null,
      ms: tenths(this.stages.elapsed()),
      stages: stagesOnLine(this.stages.timings),
      steps: this.steps,
      tokens: this.tokens,
      bytes_in: declared === null ? null : Number(declared),
      bytes_out: this.bytesOut,
      aborted,
      ...(failure?.error === undefined ? {} : { error: failure.error }),
    };
    logRequest(line, this.#level);
  }
}

export interface Recorded {
  Variables: { requestId: string; record: GatewayRecord };
}

/** Around every request. `routeOf` names the pattern that answers. */
export const recorded = (level: LogLevel, routeOf: (path: string) => string | null) =>
  createMiddleware<Recorded>(async (c, next) => {
    const record = new GatewayRecord(c.get('requestId'), c.req.raw, level);
    c.set('record', record);
    await next();
    if (record.streams) return;
    record.bytesOut = Number(c.res.headers.get('content-length') ?? 0);
    record.end(c.res.status, routeOf(c.req.path));
  });
