// The edge's way to the gateway: signed requests, signed answers, and a clock for each way of hanging (no answer, no next
// byte). Whatever the gateway refuses goes on to the caller as it said it; what is not its own answer is unreachable.
import { createParser } from 'eventsource-parser';
import type { z } from 'zod';
import { errorBody } from '../../wire/api/error.ts';
import { FaultError } from '../../wire/faults.ts';
import { GATEWAY_FIRST_BYTE_MS, GATEWAY_IDLE_MS } from '../../wire/limits.ts';
import { SIGNATURE_HEADER, signRequest, verifyResponse } from '../../wire/signature.ts';
import { modelsResponse, type TuneEvent, type TuneRequest, tuneEvent } from '../../wire/tune.ts';
import type { Env } from '../env.ts';
import { RelayedError } from '../http/errors.ts';
import { firstByte, untilIdle } from './deadline.ts';

const relayed = async (response: Response): Promise<Error> => {
  const parsed = errorBody.safeParse(await response.json().catch(() => undefined));
  if (!parsed.success || parsed.data.error.code === 'bad_signature') {
    const message = parsed.success ? parsed.data.error.message : `it answered ${response.status}`;
    return new FaultError({ kind: 'gateway_unreachable', message });
  }
  const retryAfter = response.headers.get('retry-after');
  const headers: Record<string, string> = retryAfter === null ? {} : { 'retry-after': retryAfter };
  return new RelayedError({ status: response.status, body: parsed.data, headers });
};

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  /** Ends the call when the caller goes away. */
  readonly signal: AbortSignal;
  /** Milliseconds until the gateway must have answered at all. */
  readonly firstByteMs?: number;
}

const send = async (env: Env, call: Call): Promise<{ response: Response; abort: () => void }> => {
  if (!env.GATEWAY_URL || !env.GATEWAY_SECRET) {
    throw new FaultError({ kind: 'not_configured', what: 'the gateway (GATEWAY_URL and GATEWAY_SECRET)' });
  }
  const url = new URL(env.GATEWAY_URL + call.path);
  const body = new TextEncoder().encode(call.body === undefined ? '' : JSON.stringify(call.body));
  const parts = { method: call.method, path: url.pathname + url.search, body: new Uint8Array(body) };
  const { header, nonce } = await signRequest(env.GATEWAY_SECRET, parts, Date.now());
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const sent = fetch(url, {
    method: call.method,
    headers: { [SIGNATURE_HEADER]: header, 'content-type': 'application/json' },
    ...(call.body === undefined ? {} : { body: parts.body }),
    signal: AbortSignal.any([call.signal, controller.signal]),
  }).catch((error: unknown) => {
    if (call.signal.aborted) throw new FaultError({ kind: 'cancelled', stage: 'gateway' }, error);
    const message = error instanceof Error ? error.message : String(error);
    throw new FaultError({ kind: 'gateway_unreachable', message }, error);
  });
  const response = await firstByte(sent, call.firstByteMs ?? GATEWAY_FIRST_BYTE_MS, abort);
  if (!response.ok) throw await relayed(response);
  const genuine = await verifyResponse(
    env.GATEWAY_SECRET,
    response.headers.get(SIGNATURE_HEADER),
    nonce,
    response.status,
  );
  if (!genuine) {
    abort();
    throw new FaultError({ kind: 'gateway_unreachable', message: 'its answer is not signed by our gateway' });
  }
  return { response, abort };
};

const parsed = <Schema extends z.ZodType>(value: unknown, schema: Schema): z.output<Schema> => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new FaultError({ kind: 'backend', message: `the gateway's answer is not understood: ${result.error.message}` });
};

export const gatewayModels = async (env: Env, signal: AbortSignal) => {
  const { response } = await send(env, { method: 'GET', path: '/v1/models', signal });
  return parsed(await response.json(), modelsResponse).models;
};

/** One JSON answer, which may take as long as the gateway's own deadline. */
export const gatewayJson = async <Schema extends z.ZodType>(
  env: Env,
  path: string,
  body: unknown,
  schema: Schema,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<z.output<Schema>> => {
  const { response } = await send(env, { method: 'POST', path, body, signal, firstByteMs: deadlineMs });
  return parsed(await response.json(), schema);
};

/** A tuning request, once the gateway has taken it: what it refuses is thrown here, with its status. */
export const gatewayTune = async (
  env: Env,
  request: TuneRequest,
  signal: AbortSignal,
): Promise<AsyncGenerator<TuneEvent, void, void>> => {
  const { response, abort } = await send(env, { method: 'POST', path: '/v1/tune', body: request, signal });
  if (response.body === null) throw new FaultError({ kind: 'backend', message: 'the gateway sent no events' });
  return tuneEvents(response.body, abort, signal);
};

/** The events until `done` or `error`. Leaving the loop early aborts the gateway's work. */
async function* tuneEvents(
  body: ReadableStream<Uint8Array>,
  abort: () => void,
  signal: AbortSignal,
): AsyncGenerator<TuneEvent, void, void> {
  let finished = false;
  const parser = createParser({ onEvent: ({ data }) => void waiting.push(data) });
  const waiting: string[] = [];
  const utf8 = new TextDecoder();
  try {
    // heartbeat comments are bytes too: they show that the gateway is alive
    for await (const bytes of untilIdle(body, GATEWAY_IDLE_MS)) {
      parser.feed(utf8.decode(bytes, { stream: true }));
      for (const data of waiting.splice(0)) {
        const event = parsed(JSON.parse(data), tuneEvent);
        finished = event.event === 'done' || event.event === 'error';
        yield event;
        if (finished) return;
      }
    }
    throw new FaultError({ kind: 'gateway_unreachable', message: 'the stream ended before its end' });
  } catch (error) {
    if (error instanceof FaultError) throw error;
    if (signal.aborted) throw new FaultError({ kind: 'cancelled', stage: 'gateway' }, error);
    throw new FaultError({ kind: 'gateway_unreachable', message: 'the stream broke off' }, error);
  } finally {
    if (!finished) abort();
  }
}
