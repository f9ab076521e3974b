// What is known of one request, gathered while it is worked on: for its log line, its Server-Timing and its data point.
import { corpusName } from '../../wire/api/corpora.ts';
import { asFault, FaultError } from '../../wire/faults.ts';
import { type Failure, levelOf, type RequestLine, stagesOnLine, tenths, traceOnLine } from '../../wire/request-line.ts';
import { Stages, serverTiming } from '../../wire/stages.ts';
import { type Trace, type Trail, trailOf } from '../../wire/trace.ts';
import { UpstreamError, wireError } from '../http/errors.ts';

/** For the operator: an unforeseen error's stack, or why the gateway could not be used; undefined for all that is foreseen. */
export const wordsFor = (error: unknown): string | undefined => {
  if (error instanceof UpstreamError) {
    if (error.wire.status !== 502) return undefined;
    // a fault says no more than the message made of it; the runtime's own error does
    const cause =
      error.cause instanceof Error && !(error.cause instanceof FaultError) ? ` (${error.cause.message})` : '';
    return `${error.message}${cause}`;
  }
  if (asFault(error).kind !== 'internal') return undefined;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
};

export interface Ended {
  readonly status: number;
  readonly route: string | null;
  readonly aborted: boolean;
}

export class RequestRecord {
  readonly stages = new Stages();
  readonly trace: Trace;
  readonly requestId: string;
  tenant: string | undefined;
  key: string | undefined;
  model: string | undefined;
  steps = 0;
  tokens = 0;
  bytesIn: number | undefined;
  bytesOut = 0;
  /** To be called before work that may take long: a caller who leaves meanwhile is then told of. */
  watch: () => void = () => {};
  /** JSON that is sent in pieces, as event streams and lines are. */
  inPieces = false;
  /** Gateways that were asked for its work, where there are several; the last one served it. */
  readonly gateways: string[] = [];
  #corpora: readonly string[] = [];
  #failure: Failure | undefined;
  #gatewayMs = 0;
  readonly #method: string;

  constructor(requestId: string, trace: Trace, method: string) {
    this.requestId = requestId;
    this.trace = trace;
    this.#method = method;
  }

  /** What gateway and backend are told, so that their logs know the request. */
  get trail(): Trail {
    return trailOf(this.requestId, this.trace);
  }

  /** Only what can be a corpus' name: a path may hold anything. */
  selectsFrom(names: readonly string[]): void {
    this.#corpora = names.filter((name) => corpusName.safeParse(name).success);
  }

  /** The last failure counts, but not over one that nobody foresaw. */
  failed(error: unknown): void {
    if (this.#failure?.error !== undefined) return;
    const { status, body } = wireError(error);
    const words = wordsFor(error);
    this.#failure = { status, code: body.error.code, ...(words === undefined ? {} : { error: words }) };
  }

  /** One more gateway is asked, by its name. */
  asked(gateway: string): void {
    if (this.gateways.at(-1) !== gateway) this.gateways.push(gateway);
  }

  /** What the gateway says of its stages: waiting, and work that its backend did. */
  gatewayTook(ms: Readonly<Record<string, number>>): void {
    for (const [stage, took] of Object.entries(ms)) {
      this.stages.add(stage, took);
      this.#gatewayMs += took;
    }
  }

  /** Milliseconds until now that were neither waiting for a turn nor a backend's work: x-sift-overhead-ms. */
  get overheadMs(): number {
    return Math.max(0, this.stages.elapsed() - this.#gatewayMs);
  }

  /** Headers of an answer that a gateway worked for, as far as its times are known. */
  get timingHeaders(): Record<string, string> {
    return {
      'server-timing': serverTiming(this.stages.timings),
      'x-sift-overhead-ms': this.overheadMs.toFixed(1),
    };
  }

  spent({ steps, tokens }: { readonly steps: number; readonly tokens: number }): void {
    this.steps += steps;
    this.tokens += tokens;
  }

  line({ status, route, aborted }: Ended): RequestLine {
    const failure = this.#failure;
    const { key, model } = this;
    return {
      time: new Date().toISOString(),
      level: levelOf(status, failure, aborted, route === '/health' || route === '/ready' || this.#method === 'OPTIONS'),
      event: 'request',
      side: 'edge',
      request_id: this.requestId,
      ...traceOnLine(this.trace),
      method: this.#method,
      route,
      tenant: this.tenant ?? null,
      ...(key === undefined ? {} : { key }),
      ...(model === undefined ? {} : { model }),
      ...(this.gateways.length === 0 ? {} : { gateways: this.gateways }),
      ...(this.#corpora.length === 0 ? {} : { corpus: this.#corpora }),
      status,
      code: failure?.code ?? null,
      ms: tenths(this.stages.elapsed()),
      stages: stagesOnLine(this.stages.timings),
      steps: this.steps,
      tokens: this.tokens,
      bytes_in: this.bytesIn ?? null,
      bytes_out: this.bytesOut,
      aborted,
      ...(failure?.error === undefined ? {} : { error: failure.error }),
    };
  }
}
