// One Tinker server: calls to it with their clocks, one retry within a budget, a breaker, and what it says that it can do.
// Every call here may be made twice: what changes something carries a sequence number by which a server knows it again, and
// a session that was made for an answer that got lost ends by itself, for want of heartbeats.
import type http from 'node:http';
import { z } from 'zod';
import { parseAs } from '../../../wire/body.ts';
import { Breaker } from '../../../wire/breaker.ts';
import { describe } from '../../../wire/faults.ts';
import {
  BACKEND_CONNECT_MS,
  BACKEND_FIRST_BYTE_MS,
  BACKEND_HEALTH_WAIT_MS,
  BACKEND_IDLE_MS,
  MAX_BACKEND_ANSWER_BYTES,
  MAX_BACKEND_FILE_BYTES,
} from '../../../wire/limits.ts';
import { messageOf } from '../../../wire/message.ts';
import { RetryBudget, retryDelayMs } from '../../../wire/retry-budget.ts';
import type { Trail } from '../../../wire/trace.ts';
import { pause } from '../pause.ts';
import { type Capabilities, parseCapabilities } from './capabilities.ts';
import { type Answer, type Clocks, createAgent, exchange, readAll } from './http.ts';
import { isOutage, isTransient, type Problem, retryAfterOf, ServerError } from './problems.ts';

export type Body =
  | { readonly type: 'json'; readonly value: unknown }
  | { readonly type: 'protobuf'; readonly bytes: Uint8Array };

export interface CallOptions {
  readonly signal: AbortSignal;
  readonly firstByteMs?: number;
  /** Never a second time. */
  readonly once?: boolean;
  /** A lack of room concerns this call alone: the one lane of full fine-tuning, say, while adapters have room. */
  readonly lane?: boolean;
  /** By which its log knows the request that it is for. */
  readonly trail?: Trail;
}

/** The default clocks of calls, for tests to shorten. */
export type ServerClocks = Partial<Clocks> & { readonly healthMs?: number };

export interface ServerOptions {
  readonly url: URL;
  readonly key?: string;
  readonly clocks?: ServerClocks;
  readonly now?: () => number;
}

export const json = (value: unknown): Body => ({ type: 'json', value });

/** What a server says of itself when it refuses: `{"error": …}`, `{"detail": …}`, as text or with a message inside. */
const words = z.object({ message: z.string() }).transform(({ message }) => message);
const refusalBody = z
  .object({ error: z.union([z.string(), words]).optional(), detail: z.union([z.string(), words]).optional() })
  .transform(({ error, detail }) => error ?? detail ?? '');

const wordsOf = (bytes: Uint8Array): string => {
  const parsed = parseAs(bytes, refusalBody);
  return parsed.ok ? parsed.value : '';
};

const dynamicConfig = z.object({ sample_cancel_enabled: z.boolean().default(false) });

export class TinkerServer {
  /** Host and port: how errors and logs call it. */
  readonly name: string;
  readonly breaker: Breaker;
  readonly budget = new RetryBudget();
  /** Sessions open now. */
  sessions = 0;
  /** Until when it said that it has no room, by `now`. */
  busyUntil = 0;
  readonly now: () => number;
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent: http.Agent;
  readonly #clocks: Clocks;
  readonly #healthMs: number;
  #capabilities: Capabilities | undefined;
  #cancels = false;

  constructor({ url, key, clocks = {}, now = () => performance.now() }: ServerOptions) {
    this.name = url.host;
    this.now = now;
    this.breaker = new Breaker(now);
    this.#url = url;
    this.#headers = key === undefined ? {} : { 'x-api-key': key };
    this.#agent = createAgent(url);
    this.#healthMs = clocks.healthMs ?? BACKEND_HEALTH_WAIT_MS;
    this.#clocks = {
      connectMs: clocks.connectMs ?? BACKEND_CONNECT_MS,
      firstByteMs: clocks.firstByteMs ?? BACKEND_FIRST_BYTE_MS,
      idleMs: clocks.idleMs ?? BACKEND_IDLE_MS,
    };
  }

  /** Undefined until it was asked, and from an outage until it is asked again. */
  get capabilities(): Capabilities | undefined {
    return this.#capabilities;
  }

  /** Whether sampling can be cancelled by its promise; with the extension, everything can. */
  get cancels(): boolean {
    return this.#cancels || this.#capabilities?.extended === true;
  }

  error(problem: Problem, cause?: unknown): ServerError {
    return new ServerError(problem, this.name, cause);
  }

  /** An answer of status 200, parsed; everything else is thrown as what it is. */
  async post<Schema extends z.ZodType>(
    path: string,
    body: Body,
    schema: Schema,
    options: CallOptions,
  ): Promise<z.output<Schema>> {
    const { bytes } = await this.#call('POST', path, body, options, MAX_BACKEND_ANSWER_BYTES);
    return this.parse(bytes, schema, path);
  }

  parse<Schema extends z.ZodType>(bytes: Uint8Array, schema: Schema, path: string): z.output<Schema> {
    const parsed = parseAs(bytes, schema);
    if (parsed.ok) return parsed.value;
    throw this.error({ kind: 'nonsense', what: `${path}: ${describe(parsed.fault)}` });
  }

  /** The status and the whole answer, whatever the status says; of a promise's polls. */
  async ask(path: string, body: Body, options: CallOptions): Promise<{ answer: Answer; bytes: Uint8Array }> {
    return this.#observed(async () => {
      const answer = await this.#exchange('POST', path, body, options);
      const bytes = await readAll(answer, MAX_BACKEND_ANSWER_BYTES, this.name);
      return { answer, bytes };
    });
  }

  /** An answer that is read as it comes. */
  async stream(path: string, options: CallOptions): Promise<Answer> {
    return this.#observed(async () => {
      const answer = await this.#exchange('GET', path, undefined, options);
      if (answer.status !== 200) throw this.refusal(answer, await readAll(answer, MAX_BACKEND_ANSWER_BYTES, this.name));
      return answer;
    });
  }

  /** A file of a model; undefined where it has none. */
  async file(model: string, file: string, signal: AbortSignal): Promise<string | undefined> {
    const path = `sift/models/${encodeURIComponent(model)}/files/${file}`;
    try {
      const { bytes } = await this.#call('GET', path, undefined, { signal }, MAX_BACKEND_FILE_BYTES);
      return new TextDecoder().decode(bytes);
    } catch (error) {
      if (error instanceof ServerError && error.problem.kind === 'refused' && error.problem.status === 404) return;
      throw error;
    }
  }

  /** Asks what it can do; what it said before counts no more. */
  async connect(signal: AbortSignal): Promise<Capabilities> {
    this.#capabilities = undefined;
    const options = { signal, once: true, firstByteMs: this.#healthMs };
    const { bytes } = await this.#call('GET', 'get_server_capabilities', undefined, options, MAX_BACKEND_ANSWER_BYTES);
    const value = this.parse(bytes, z.unknown(), 'get_server_capabilities');
    let capabilities: Capabilities;
    try {
      capabilities = parseCapabilities(value);
    } catch (error) {
      throw this.error({ kind: 'nonsense', what: messageOf(error) });
    }
    // a server that knows no such route cancels nothing
    const said = await this.post(
      'client/dynamic_config',
      json({ sdk_version: SDK_VERSION }),
      dynamicConfig,
      options,
    ).catch((error: unknown) => {
      if (isOutage(error) || signal.aborted) throw error;
      return undefined;
    });
    this.#cancels = said?.sample_cancel_enabled ?? false;
    this.#capabilities = capabilities;
    return capabilities;
  }

  /** A look at whether it is there: any answer but a failure of its own says so. */
  async look(signal: AbortSignal): Promise<void> {
    const options = { signal, firstByteMs: this.#healthMs };
    await this.#observed(async () => {
      const answer = await this.#exchange('GET', 'healthz', undefined, options);
      const bytes = await readAll(answer, MAX_BACKEND_ANSWER_BYTES, this.name);
      if (answer.status >= 500) throw this.refusal(answer, bytes);
    });
  }

  /** What an answer that is no success means. */
  refusal(answer: Answer, bytes: Uint8Array, lane = false): ServerError {
    const { status } = answer;
    const said = wordsOf(bytes);
    if (status >= 300 && status < 400) return this.error({ kind: 'redirected', status });
    if (status === 410) return this.error({ kind: 'gone', words: said });
    if (status === 429 || status === 503) {
      const retryAfterS = retryAfterOf(answer.header('retry-after'));
      if (!lane) this.busyUntil = this.now() + 1000 * retryAfterS;
      return this.error({ kind: 'busy', words: said, retryAfterS });
    }
    return this.error({ kind: 'refused', status, words: said });
  }

  close(): void {
    this.#agent.destroy();
  }

  async #call(method: 'GET' | 'POST', path: string, body: Body | undefined, options: CallOptions, limit: number) {
    const attempt = () =>
      this.#observed(async () => {
        const answer = await this.#exchange(method, path, body, options);
        const bytes = await readAll(answer, answer.status === 200 ? limit : MAX_BACKEND_ANSWER_BYTES, this.name);
        if (answer.status !== 200) throw this.refusal(answer, bytes, options.lane);
        return { answer, bytes };
      });
    this.budget.request(Date.now());
    try {
      return await attempt();
    } catch (error) {
      // a server that is full, or silent for its whole time, is not asked again at once
      const again = isTransient(error) && error.problem.kind !== 'busy' && error.problem.kind !== 'silent';
      if (!again || options.once === true || options.signal.aborted || !this.budget.take()) throw error;
      await pause(retryDelayMs(Math.random()), options.signal);
      return attempt();
    }
  }

  #exchange(method: 'GET' | 'POST', path: string, body: Body | undefined, options: CallOptions): Promise<Answer> {
    const type = body?.type === 'protobuf' ? 'application/x-protobuf' : 'application/json';
    const bytes = body?.type === 'json' ? new Uint8Array(Buffer.from(JSON.stringify(body.value))) : body?.bytes;
    const { firstByteMs = this.#clocks.firstByteMs, signal } = options;
    return exchange({
      url: new URL(`api/v1/${path}`, this.#url),
      method,
      headers: {
        ...options.trail,
        ...this.#headers,
        accept: 'application/x-protobuf, application/json',
        ...(bytes === undefined ? {} : { 'content-type': type }),
      },
      ...(bytes === undefined ? {} : { body: bytes }),
      agent: this.#agent,
      clocks: { ...this.#clocks, firstByteMs },
      signal,
      server: this.name,
    });
  }

  /** Every exchange tells the breaker whether the server is there. */
  async #observed<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      // an open breaker closes by a look alone
      if (this.breaker.state === 'closed') this.breaker.succeeded();
      return result;
    } catch (error) {
      if (isOutage(error)) {
        this.breaker.failed();
        if (this.breaker.state !== 'closed') this.#capabilities = undefined;
      } else if (error instanceof ServerError && this.breaker.state === 'closed') this.breaker.succeeded();
      throw error;
    }
  }
}

/** The SDK whose wire this is. */
export const SDK_VERSION = '0.38.0';
